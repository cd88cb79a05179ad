package htmlsafe

import (
	"fmt"
	"strings"

	"golang.org/x/net/html"
)

// pass says which round of rebuilding this is.
type pass uint8

const (
	innerPass pass = iota // until it settles: cid: references stay as they are
	finalPass             // cid: references become data: URLs
)

// rebuilder writes one new document from a parsed one.
type rebuilder struct {
	pass   pass
	opt    Options
	out    strings.Builder
	sheets []styleSheet
	styles styler
	nodes  int
	images int   // bytes of src attributes so far, written or about to be
	points int64 // of the images so far, unpacked
	folded map[*html.Node]bool
	res    Result
	err    error // sticky: the first limit that was passed
}

// styleSheet is the text of a style element with its media attribute.
type styleSheet struct{ media, text string }

func rebuild(src string, p pass, o Options) (Result, error) {
	doc, err := html.Parse(strings.NewReader(src))
	if err != nil { // too many open elements: a string reader has no other
		return Result{}, fmt.Errorf("%w: %v", ErrTooComplex, err)
	}
	b := &rebuilder{pass: p, opt: o}
	b.styles.adapt, b.styles.scheme = o.Dark, o.Scheme
	if o.Fold != "" {
		b.folded = fold(doc)
	}
	b.node(doc, 0)
	css := b.styles.sheets(b.sheets)
	if b.err == nil {
		b.err = b.styles.err
	}
	if b.err != nil {
		return Result{}, b.err
	}
	if css != "" {
		css = "<style>" + css + "</style>"
	}
	b.res.HTML = css + b.out.String()
	b.res.DarkAware, b.res.Coloured = b.styles.dark, b.styles.colours > 0
	return b.res, nil
}

func (b *rebuilder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf("%w: "+format, append([]any{ErrTooComplex}, args...)...)
	}
}

// node writes n and what is below it. Comments, doctypes and foreign elements
// are not written.
func (b *rebuilder) node(n *html.Node, depth int) {
	if b.nodes++; b.nodes > maxNodes {
		b.fail("more than %d nodes", maxNodes)
	}
	if depth > maxDepth {
		b.fail("more than %d levels", maxDepth)
	}
	if b.err != nil {
		return
	}
	switch n.Type {
	case html.TextNode:
		b.text(n.Data)
	case html.DocumentNode:
		b.children(n, depth)
	case html.ElementNode:
		b.element(n, depth)
	}
}

func (b *rebuilder) children(n *html.Node, depth int) {
	for c := n.FirstChild; c != nil && b.err == nil; c = c.NextSibling {
		b.node(c, depth+1)
	}
}

func (b *rebuilder) element(n *html.Node, depth int) {
	if n.Namespace != "" {
		return
	}
	if n.Data == "body" {
		b.body(n, depth)
		return
	}
	if b.folded[n] {
		b.write(`<details class="`, quoteClass, `"><summary>`, html.EscapeString(b.opt.Fold), "</summary>")
		b.children(n, depth)
		b.write("</details>")
		return
	}
	switch e := elements[n.Data]; e.fate {
	case unwrap:
		b.children(n, depth)
	case sheet:
		b.sheet(n)
	case keep:
		b.keep(n, e, depth)
	}
}

func (b *rebuilder) keep(n *html.Node, e element, depth int) {
	attrs := b.attributes(n, e)
	if n.Data == "img" && !b.image(n, &attrs) {
		return
	}
	if n.Data == "a" {
		b.link(n, &attrs)
	}
	b.open(n.Data, attrs)
	if e.void {
		return
	}
	// The parser ignores one newline after <pre>.
	if c := n.FirstChild; n.Data == "pre" && c != nil && c.Type == html.TextNode && strings.HasPrefix(c.Data, "\n") {
		b.write("\n")
	}
	b.children(n, depth)
	b.write("</", n.Data, ">")
}

// body writes the content of the body element, inside a div if the element has
// colours or other attributes that must not be lost.
func (b *rebuilder) body(n *html.Node, depth int) {
	attrs := b.attributes(n, element{attrs: "bgcolor text"})
	if len(attrs) == 0 {
		b.children(n, depth)
		return
	}
	b.open("div", attrs)
	b.children(n, depth)
	b.write("</div>")
}

func (b *rebuilder) sheet(n *html.Node) {
	s := styleSheet{}
	for _, a := range n.Attr {
		if a.Key == "media" && a.Namespace == "" {
			s.media = a.Val
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		s.text += c.Data
	}
	b.sheets = append(b.sheets, s)
}

func (b *rebuilder) open(name string, attrs []attribute) {
	b.write("<", name)
	for _, a := range attrs {
		b.write(" ", a.name, `="`, html.EscapeString(a.value), `"`)
	}
	b.write(">")
}

func (b *rebuilder) text(s string) {
	b.write(html.EscapeString(visible(s)))
}

// visible drops the control characters that HTML has no use for.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\f':
			return '\n'
		case r < 0x20 || r >= 0x7F && r < 0xA0:
			return -1
		}
		return r
	}, s)
}

// write appends to the output. Inline images do not count: they have a limit of
// their own.
func (b *rebuilder) write(parts ...string) {
	for _, p := range parts {
		if b.out.Len()-b.images+len(p) > maxOutput {
			b.fail("more than %d bytes of output", maxOutput)
			return
		}
		b.out.WriteString(p)
	}
}
