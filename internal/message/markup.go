package message

import (
	"bytes"
	"errors"
	stdhtml "html"
	"io"
	"iter"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Of package x/net/html there is only what cuts HTML into tokens. What replaces character
// references (its Text and TagAttr) brings a table of 110 kB into the memory of every
// process, also of those that never see HTML; package html of Go makes that when it is
// needed.

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
	raw    bool      // what follows is text as it stands, without character references
}

// longLine is from where on a line is broken: nobody sees the rest of it.
const longLine = 4 << 10

// content returns the text of the current token. Only text with character references
// needs to be copied for that.
func (m *markupLines) content() []byte {
	raw := m.z.Raw()
	if m.raw || bytes.IndexByte(raw, '&') < 0 {
		return raw
	}
	return []byte(stdhtml.UnescapeString(string(raw)))
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
	raw := m.z.Raw()
	name, _ := m.z.TagName()
	a := atom.Lookup(name)
	m.raw = a == atom.Xmp || a == atom.Plaintext
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
		if m.quotes > 0 || cites(raw) {
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
	m.raw = false
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

// cites reports whether the attributes of a blockquote's tag say that it holds another
// message: type="cite", or a class such as gmail_quote. Newsletters have others
// for their indentation.
func cites(tag []byte) bool {
	for key, value := range attributes(tag) {
		switch {
		case bytes.EqualFold(key, []byte("type")) && string(value) == "cite",
			bytes.EqualFold(key, []byte("class")) && bytes.Contains(value, []byte("quote")):
			return true
		}
	}
	return false
}

// attributes yields the attributes of a start tag as they stand there, as the HTML
// Standard section 13.2.5.32 and those after it find them.
func attributes(tag []byte) iter.Seq2[[]byte, []byte] {
	const space = " \t\r\n\f"
	// cut takes what stands before the first octet of set.
	cut := func(set string) []byte {
		end := bytes.IndexAny(tag, set)
		if end < 0 {
			end = len(tag)
		}
		taken := tag[:end]
		tag = tag[end:]
		return taken
	}
	return func(yield func(key, value []byte) bool) {
		cut(space + "/>")
		for {
			if tag = bytes.TrimLeft(tag, space+"/"); len(tag) == 0 || tag[0] == '>' {
				return
			}
			first := 0
			if tag[0] == '=' { // it belongs to the name
				first = 1
			}
			all := tag
			tag = tag[first:]
			key := all[:first+len(cut(space+"/>="))]
			var value []byte
			if rest := bytes.TrimLeft(tag, space); len(rest) > 0 && rest[0] == '=' {
				tag = bytes.TrimLeft(rest[1:], space)
				if len(tag) > 0 && (tag[0] == '"' || tag[0] == '\'') {
					quote := string(tag[:1])
					tag = tag[1:]
					value = cut(quote)
					tag = bytes.TrimPrefix(tag, []byte(quote))
				} else {
					value = cut(space + ">")
				}
			}
			if !yield(key, value) {
				return
			}
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
