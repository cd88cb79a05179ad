package htmlsafe

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// Quotations that are long, in a message that says something of its own as well, are put
// into <details>: a reader has seen them before. Two kinds are known, by the marks that
// mail programs leave (ids and classes have idPrefix by then):
//
//	an element   a blockquote that is cited, or that a line ending in a colon announces
//	             (Apple Mail, Thunderbird); the containers of Gmail, Yahoo, Proton and Tuta
//	the rest     the head of the answered message in Outlook or Zimbra, and what follows
//	             in the element that holds it
const (
	// shortQuotation is how many letters and digits of a quotation are shown as a matter
	// of course: people write their answers between such.
	shortQuotation = 300
	quoteClass     = "wm-quote" // of the details element: not idPrefix, so no message has it
	// deepHead is how deep in an element the head is looked for that it begins with.
	deepHead = 8
)

const (
	quoteContainers = "m-gmail_quote m-gmail_quote_container m-yahoo_quoted m-protonmail_quote m-tutanota_quote m-zmail_extra"
	quoteHeads      = "m-divRplyFwdMsg m-appendonsend m-stopSpelling m-mail-editor-reference-message-container m-ms-outlook-mobile-reference-message m-zwchr"
	// mayHoldQuote are elements in which <details> may stand.
	mayHoldQuote = "body div td th li dd center blockquote"
	// inline are elements that do not end a line.
	inlineElements = "span b strong i em u s strike del ins sub sup small big font a abbr cite q dfn mark time var code tt kbd samp img wbr"
)

// fold puts the quotations of a document into elements <details>, which it returns.
func fold(doc *html.Node) map[*html.Node]bool {
	q := quotations{}
	q.walk(doc)
	q.settle()
	if q.own == 0 {
		return nil
	}
	folded := make(map[*html.Node]bool)
	for _, f := range q.found {
		if f.weight > shortQuotation {
			folded[f.enclose()] = true
		}
	}
	return folded
}

// quotation is an element, or with all that follow in their parent.
type quotation struct {
	first  *html.Node
	rest   bool
	weight int // letters and digits
}

// enclose puts it into an element of its own.
func (f quotation) enclose() *html.Node {
	d := &html.Node{Type: html.ElementNode, Data: "details"}
	parent := f.first.Parent
	parent.InsertBefore(d, f.first)
	for n := f.first; n != nil; {
		next := n.NextSibling
		parent.RemoveChild(n)
		d.AppendChild(n)
		if n = next; !f.rest {
			break
		}
	}
	return d
}

// quotations are those of a document, in its order.
type quotations struct {
	found []quotation
	own   int // letters and digits outside of them and of the lines that announce them

	line  strings.Builder // the last line outside that says something
	ended bool            // it is complete
}

// walk looks at what is below n.
func (q *quotations) walk(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode {
			q.text(c.Data)
			continue
		}
		if c.Type != html.ElementNode || c.Data == "style" {
			continue
		}
		if hasWord(mayHoldQuote, n.Data) {
			if q.isQuotation(c) {
				q.take(quotation{first: c, weight: weight(c)})
				continue
			}
			if beginsWithHead(c) {
				f := quotation{first: c, rest: true}
				for s := c; s != nil; s = s.NextSibling {
					f.weight += weight(s)
				}
				q.take(f)
				return
			}
		}
		line := !hasWord(inlineElements, c.Data)
		q.ended = q.ended || line
		q.walk(c)
		q.ended = q.ended || line
	}
}

func (q *quotations) text(s string) {
	if strings.TrimSpace(s) == "" {
		return
	}
	if q.ended {
		q.settle()
	}
	q.line.WriteString(s)
}

// settle counts the last line.
func (q *quotations) settle() {
	q.own += letters(q.line.String())
	q.line.Reset()
	q.ended = false
}

// take adds a quotation. The line that announces it says nothing else.
func (q *quotations) take(f quotation) {
	if !q.announced() {
		q.settle()
	}
	q.line.Reset()
	q.ended = false
	q.found = append(q.found, f)
}

func (q *quotations) announced() bool {
	return strings.HasSuffix(strings.TrimSpace(q.line.String()), ":")
}

// isQuotation knows the first kind.
func (q *quotations) isQuotation(n *html.Node) bool {
	if n.Data == "blockquote" && (q.announced() || attributeOf(n, "type") == "cite") {
		return true
	}
	return slices.ContainsFunc(strings.Fields(attributeOf(n, "class")), func(c string) bool { return hasWord(quoteContainers, c) })
}

// beginsWithHead knows the second kind: n is the head, or has it in the place where it
// begins.
func beginsWithHead(n *html.Node) bool {
	for range deepHead {
		if id := attributeOf(n, "id"); id != "" && hasWord(quoteHeads, id) {
			return true
		}
		if isOutlookHead(n) {
			return true
		}
		n = firstOf(n)
		if n == nil || n.Type != html.ElementNode {
			return false
		}
	}
	return false
}

// isOutlookHead reports a box with nothing but a line above it, that begins with a bold
// word and a colon: "From:", in any language.
func isOutlookHead(n *html.Node) bool {
	style := attributeOf(n, "style")
	if n.Data != "div" || !strings.Contains(style, "border-top:") || !strings.Contains(style, "solid") || !strings.Contains(style, "border:none") {
		return false
	}
	for range deepHead {
		n = firstOf(n)
		if n == nil || n.Type != html.ElementNode {
			return false
		}
		if n.Data == "b" || n.Data == "strong" {
			t := strings.TrimSpace(textOf(n))
			return strings.HasSuffix(t, ":") && len(t) < 40
		}
	}
	return false
}

// firstOf returns the first child that shows something.
func firstOf(n *html.Node) *html.Node {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode && strings.TrimSpace(c.Data) != "" || c.Type == html.ElementNode && c.Data != "br" {
			return c
		}
	}
	return nil
}

func attributeOf(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name && a.Namespace == "" {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var out strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			out.WriteString(d.Data)
		}
	}
	return out.String()
}

// weight counts the letters and digits in an element.
func weight(n *html.Node) (w int) {
	if n.Type == html.TextNode {
		return letters(n.Data)
	}
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.Data != "style" {
			w += letters(d.Data)
		}
	}
	return w
}

func letters(s string) (n int) {
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return n
}
