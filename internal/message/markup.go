package message

import (
	"bytes"
	"errors"
	"io"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// markup takes HTML, or anything else with tags.
func (x *excerpt) markup(r io.Reader) error {
	m := markupLines{to: x, z: html.NewTokenizer(r)}
	m.z.SetMaxBuf(previewMarkup)
	for !x.done() {
		switch m.z.Next() {
		case html.ErrorToken:
			m.flush()
			if err := m.z.Err(); err != io.EOF && !errors.Is(err, html.ErrBufferExceeded) {
				return err
			}
			return nil
		case html.TextToken:
			if m.hidden == 0 {
				m.text(m.content())
			}
		case html.StartTagToken:
			m.start(false)
		case html.SelfClosingTagToken:
			m.start(true)
		case html.EndTagToken:
			m.end()
		}
	}
	return nil
}

// markupLines makes lines of text with tags.
type markupLines struct {
	to     *excerpt
	z      *html.Tokenizer
	line   []byte
	hidden atom.Atom // the element whose content is not shown
	quotes int       // open blockquotes, from the first on that holds what others wrote
	pre    bool      // line ends count
}

// longLine is from where on a line is broken: nobody sees the rest of it.
const longLine = 4 << 10

// content returns the text of the current token. Only text with entities needs
// to be copied for that.
func (m *markupLines) content() []byte {
	if raw := m.z.Raw(); bytes.IndexByte(raw, '&') < 0 {
		return raw
	}
	return m.z.Text()
}

// text takes text between tags.
func (m *markupLines) text(b []byte) {
	for m.pre {
		line, rest, found := bytes.Cut(b, []byte("\n"))
		if !found {
			break
		}
		m.line = append(m.line, line...)
		m.lineBreak()
		b = rest
	}
	m.line = append(m.line, b...)
	if len(m.line) > longLine {
		m.flush()
	}
}

// start takes a start tag.
func (m *markupLines) start(closed bool) {
	name, _ := m.z.TagName()
	a := atom.Lookup(name)
	if m.hidden == 0 && isHidden(a) && (!closed || isRaw(a)) {
		m.hidden = a
	}
	switch {
	case isInline(a):
	case isCell(a):
		m.line = append(m.line, ' ')
	case a == atom.Br:
		m.lineBreak()
	case a == atom.P:
		m.flush()
		m.to.line(nil, false)
	case a == atom.Blockquote:
		m.flush()
		if m.quotes > 0 || m.cites() {
			m.quotes++
		}
	default:
		m.flush()
		m.pre = m.pre || a == atom.Pre
	}
}

// end takes an end tag.
func (m *markupLines) end() {
	name, _ := m.z.TagName()
	a := atom.Lookup(name)
	if a == m.hidden {
		m.hidden = 0
	}
	switch {
	case isInline(a):
	case isCell(a):
		m.line = append(m.line, ' ')
	default:
		m.flush()
		m.pre = m.pre && a != atom.Pre
		if a == atom.Blockquote && m.quotes > 0 {
			m.quotes--
		}
	}
}

// cites reports whether the attributes of a blockquote say that it holds another
// message: type="cite", or a class such as gmail_quote. Newsletters have others
// for their indentation.
func (m *markupLines) cites() bool {
	for {
		key, value, more := m.z.TagAttr()
		switch string(key) {
		case "type":
			if string(value) == "cite" {
				return true
			}
		case "class":
			if bytes.Contains(value, []byte("quote")) {
				return true
			}
		}
		if !more {
			return false
		}
	}
}

// lineBreak ends the line, which may be empty.
func (m *markupLines) lineBreak() {
	if len(bytes.TrimSpace(m.line)) == 0 {
		m.to.line(nil, false)
	}
	m.flush()
}

// flush ends the line if there is one. Each is a paragraph, for none are wrapped.
func (m *markupLines) flush() {
	if len(bytes.TrimSpace(m.line)) > 0 {
		m.to.blank = true
		m.to.line(m.line, m.quotes > 0)
	}
	m.line = m.line[:0]
}

// isHidden reports whether an element's content is not text to be read. HEAD
// is not among them: its end tag may be left out.
func isHidden(a atom.Atom) bool {
	return isRaw(a) || a == atom.Template || a == atom.Svg || a == atom.Select
}

// isRaw reports whether an element's content is not read as markup, and is not
// text to be read.
func isRaw(a atom.Atom) bool {
	switch a {
	case atom.Style, atom.Script, atom.Title, atom.Noscript, atom.Iframe, atom.Noframes, atom.Noembed:
		return true
	}
	return false
}

// isInline reports whether an element does not separate words.
func isInline(a atom.Atom) bool {
	switch a {
	case atom.A, atom.B, atom.I, atom.U, atom.S, atom.Em, atom.Strong, atom.Span, atom.Font, atom.Code, atom.Sub, atom.Sup,
		atom.Small, atom.Big, atom.Abbr, atom.Mark, atom.Tt, atom.Wbr:
		return true
	}
	return false
}

// isCell reports whether an element separates words, but not lines.
func isCell(a atom.Atom) bool {
	switch a {
	case atom.Td, atom.Th, atom.Img, atom.Input, atom.Button, atom.Label:
		return true
	}
	return false
}
