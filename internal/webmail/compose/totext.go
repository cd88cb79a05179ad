package compose

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// Links says what becomes of links in plain text.
type Links uint8

const (
	// LinksInline writes the address behind the text, unless the text is the address.
	LinksInline Links = iota
	// LinksNoted writes [1] behind the text, and the addresses at the end.
	LinksNoted
)

// The deepest levels that look different from those above them: the marks before a line
// are part of what it costs.
const (
	maxQuotes = 20
	maxLists  = 10
)

// ToText returns what HTML says as text of a Message: paragraphs are lines of any
// length, quotations have ">", lists have marks, the cells of a row are on one line, and
// what is in pre stays. It takes any input, and time that is linear in its length.
func ToText(src string, links Links) string {
	w := &textWriter{links: links}
	z := html.NewTokenizer(strings.NewReader(src))
	for {
		switch z.Next() {
		case html.ErrorToken: // a string reader has no error but its end
			return w.end()
		case html.TextToken:
			if w.hidden == "" {
				w.text(string(z.Text()))
			}
		case html.StartTagToken:
			w.start(z.Token(), false)
		case html.SelfClosingTagToken:
			w.start(z.Token(), true)
		case html.EndTagToken:
			name, _ := z.TagName()
			w.close(string(name))
		}
	}
}

// textWriter makes lines of HTML.
type textWriter struct {
	out    strings.Builder
	line   strings.Builder // without its marks
	space  bool            // white space came that is written if anything follows
	margin bool            // an empty line before the next one
	blank  bool            // the last line was empty, or there was none

	quotes int
	lists  []list
	marker string // of the item that the next line begins
	pre    int
	row    bool   // a cell began: something stands between it and the one before
	hidden string // the element whose content is no text
	nested int    // elements of that name inside it

	links Links
	href  string
	label strings.Builder // the text of the link
	notes []string
}

// list is an open list.
type list struct {
	ordered bool
	number  int
}

// blocks says what elements do to lines. Elements that are not here are inline.
var blocks = map[string]struct{ margin bool }{
	"p": {true}, "h1": {true}, "h2": {true}, "h3": {true}, "h4": {true}, "h5": {true}, "h6": {true},
	"pre": {true}, "dl": {true}, "table": {true}, "ul": {true}, "ol": {true}, "hr": {true}, "figure": {true},
	"div": {}, "blockquote": {}, "li": {}, "dt": {}, "dd": {}, "tr": {}, "caption": {}, "center": {}, "address": {},
	"section": {}, "article": {}, "header": {}, "footer": {}, "main": {}, "nav": {}, "aside": {}, "form": {}, "fieldset": {},
	"body": {}, "html": {}, "thead": {}, "tbody": {}, "tfoot": {}, "details": {}, "summary": {}, "figcaption": {},
}

// unread are the elements whose content is no text.
var unread = map[string]bool{
	"style": true, "script": true, "title": true, "template": true, "svg": true, "math": true, "select": true, "textarea": true,
	"iframe": true, "noframes": true, "noembed": true, "noscript": true, "object": true, "audio": true, "video": true, "canvas": true,
}

func (w *textWriter) start(t html.Token, closed bool) {
	name := t.Data
	if w.hidden != "" {
		if name == w.hidden && !closed {
			w.nested++
		}
		return
	}
	if unread[name] {
		if !closed || name != "svg" && name != "math" { // elsewhere "/>" means nothing
			w.hidden = name
		}
		return
	}
	if b, ok := blocks[name]; ok {
		w.flush()
		w.margin = w.margin || b.margin && len(w.lists) == 0
	}
	switch name {
	case "br":
		w.flushAlways()
	case "blockquote":
		w.quotes++
		w.margin = false // its mark is enough
	case "pre":
		w.pre++
	case "ul", "ol":
		w.lists = append(w.lists, list{ordered: name == "ol", number: startOf(t)})
	case "li":
		w.item()
	case "tr":
		w.row = false
	case "td", "th":
		w.row = w.line.Len() > 0
	case "hr":
		w.line.WriteString(strings.Repeat("-", 20))
		w.flush()
		w.margin = true
	case "img":
		if alt := strings.TrimSpace(attr(t, "alt")); alt != "" {
			w.text("[" + alt + "]")
		}
	case "a":
		w.endLink()
		w.href = shownURL(attr(t, "href"))
		w.label.Reset()
	}
}

func (w *textWriter) close(name string) {
	if w.hidden != "" {
		if name == w.hidden {
			if w.nested--; w.nested < 0 {
				w.hidden, w.nested = "", 0
			}
		}
		return
	}
	b, ok := blocks[name]
	if ok {
		w.flush()
	}
	switch name {
	case "a":
		w.endLink()
	case "blockquote":
		if w.quotes > 0 {
			w.quotes--
			w.margin = true
		}
	case "pre":
		w.pre = max(w.pre-1, 0)
	case "ul", "ol":
		w.lists = w.lists[:max(len(w.lists)-1, 0)]
	case "li":
		w.marker = ""
	}
	w.margin = w.margin || b.margin && len(w.lists) == 0
}

func attr(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// startOf returns the number before the first item of an ordered list.
func startOf(t html.Token) int {
	n, err := strconv.Atoi(attr(t, "start"))
	if err != nil || n < 0 || n > 1_000_000 {
		return 0
	}
	return n - 1
}

// item begins an item of a list.
func (w *textWriter) item() {
	w.marker = "* "
	if n := len(w.lists); n > 0 && w.lists[n-1].ordered {
		w.lists[n-1].number++
		w.marker = strconv.Itoa(w.lists[n-1].number) + ". "
	}
}

// shownURL returns an address that is worth showing.
func shownURL(href string) string {
	href = OneLine(href)
	lower := strings.ToLower(href[:min(len(href), len("https://"))])
	for _, scheme := range []string{"http://", "https://", "mailto:", "tel:"} {
		if strings.HasPrefix(lower, scheme) {
			return href
		}
	}
	return ""
}

// endLink writes the address of the link that ends.
func (w *textWriter) endLink() {
	href, label := w.href, strings.TrimSpace(w.label.String())
	w.href = ""
	if href == "" || label == "" || sameURL(href, label) {
		return
	}
	pending := w.space
	w.space = w.line.Len() > 0
	if w.links == LinksInline {
		w.write("<" + strings.ReplaceAll(href, " ", "%20") + ">")
	} else {
		w.notes = append(w.notes, href)
		w.write("[" + strconv.Itoa(len(w.notes)) + "]")
	}
	w.space = pending
}

// sameURL reports whether the text of a link says its address.
func sameURL(href, label string) bool {
	bare := func(s string) string {
		s = strings.ToLower(s)
		for _, scheme := range []string{"http://", "https://", "mailto:", "tel:"} {
			s = strings.TrimPrefix(s, scheme)
		}
		return strings.TrimSuffix(s, "/")
	}
	return bare(href) == bare(label)
}

// text takes text between tags.
func (w *textWriter) text(s string) {
	if w.href != "" && w.label.Len() < maxText {
		w.label.WriteString(s)
	}
	if w.pre > 0 {
		w.verbatim(s)
		return
	}
	for s != "" {
		i := strings.IndexAny(s, " \t\r\n\f")
		if i < 0 {
			i = len(s)
		}
		w.write(s[:i])
		rest := strings.TrimLeft(s[i:], " \t\r\n\f")
		w.space = w.space || len(rest) < len(s)-i
		s = rest
	}
}

// write appends a word to the line.
func (w *textWriter) write(s string) {
	if s == "" {
		return
	}
	switch {
	case w.line.Len() == 0:
	case w.row:
		w.line.WriteString(" | ")
	case w.space:
		w.line.WriteByte(' ')
	}
	w.row, w.space = false, false
	w.line.WriteString(strings.Map(plainRune, s))
}

// plainRune writes no-break spaces as spaces and leaves out controls.
func plainRune(r rune) rune {
	switch {
	case r == '\u00A0':
		return ' '
	case r == '\t':
		return r
	case unicode.IsControl(r) || r == '\u00AD' || r == '\u200B': // soft hyphen, zero width space
		return -1
	}
	return r
}

// verbatim takes text in which line ends count.
func (w *textWriter) verbatim(s string) {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	for {
		line, rest, more := strings.Cut(s, "\n")
		w.line.WriteString(strings.Map(plainRune, line))
		if !more {
			return
		}
		if !w.margin || w.line.Len() > 0 { // the first line end after <pre> is none
			w.flushAlways()
		}
		s = rest
	}
}

// flush ends the line if there is one.
func (w *textWriter) flush() {
	if w.line.Len() > 0 {
		w.flushAlways()
	}
	w.space, w.row = false, false
}

// flushAlways ends the line, which may be empty.
func (w *textWriter) flushAlways() {
	text := strings.TrimRight(w.line.String(), " \t")
	if text == "--" && w.marker == "" {
		text = signature
	}
	w.line.Reset()
	w.space, w.row = false, false
	if text == "" {
		w.margin = false
		w.put("")
		return
	}
	if w.margin && !w.blank && w.out.Len() > 0 && w.marker == "" {
		w.put("")
	}
	w.margin = false
	w.put(w.indent() + text)
}

// put writes a line with its marks of quotation.
func (w *textWriter) put(text string) {
	q := quotedLine{min(w.quotes, maxQuotes), text}
	if q.depth == 0 && strings.HasPrefix(text, ">") {
		q.text = " " + text
	}
	w.out.WriteString(q.String())
	w.out.WriteByte('\n')
	w.blank = text == ""
}

// indent returns what stands before the text of a line in a list.
func (w *textWriter) indent() string {
	if len(w.lists) == 0 {
		if w.marker != "" {
			defer func() { w.marker = "" }()
		}
		return w.marker
	}
	var b strings.Builder
	open := w.lists[:min(len(w.lists), maxLists)]
	for i, l := range open {
		switch {
		case i == len(open)-1 && w.marker != "":
			b.WriteString(w.marker)
		case l.ordered:
			b.WriteString("   ")
		default:
			b.WriteString("  ")
		}
	}
	w.marker = ""
	return b.String()
}

// end returns the text.
func (w *textWriter) end() string {
	w.endLink()
	w.flush()
	if len(w.notes) > 0 {
		w.quotes, w.lists = 0, nil
		w.put("")
		for i, n := range w.notes {
			w.put("[" + strconv.Itoa(i+1) + "] " + n)
		}
	}
	return strings.TrimRight(w.out.String(), "\n")
}
