package message

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	previewRunes = 200      // RFC 8970 section 3.3
	previewParts = 8        // text parts that are tried
	previewPlain = 32 << 10 // octets read of one that is plain text
	previewHTML  = 512 << 10
)

// Preview returns the beginning of what there is to read in the message: up to
// 200 characters of text in one line (RFC 8970 section 3.3), "" if there are
// none. Attachments, markup, signatures and, if there is anything else, quoted
// lines are left out. The error is one of reading r, which holds the message
// that root was parsed from.
func Preview(root *Part, r io.ReaderAt) (string, error) {
	for root.Message != nil {
		root = root.Message
	}
	var parts []*Part
	collectText(root, &parts)
	for _, p := range parts {
		s, err := preview(p, r)
		if err != nil || s != "" {
			return s, err
		}
	}
	return "", nil
}

// collectText appends the text parts to parts in the order in which they are
// the best to show: plain text before other alternatives.
func collectText(p *Part, parts *[]*Part) {
	if len(*parts) >= previewParts || p.Disposition == "attachment" {
		return
	}
	if p.Type == "text" && (p.Subtype == "plain" || p.Subtype == "html" || p.Subtype == "enriched") {
		*parts = append(*parts, p)
		return
	}
	if p.Subtype == "alternative" {
		for _, c := range p.Parts {
			if c.Is("text", "plain") {
				collectText(c, parts)
			}
		}
	}
	for _, c := range p.Parts {
		if p.Subtype != "alternative" || !c.Is("text", "plain") {
			collectText(c, parts)
		}
	}
}

func preview(p *Part, r io.ReaderAt) (string, error) {
	if p.Subtype == "plain" {
		return previewText(p.Text(r, previewPlain))
	}
	return previewMarkup(p.Text(r, previewHTML))
}

// previewText previews plain text.
func previewText(r io.Reader) (string, error) {
	var text, quoted snippet
	br := bufio.NewReader(r)
	begins := true
	for !text.full() {
		line, err := br.ReadSlice('\n')
		if err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull) {
			return "", err
		}
		to := &text
		if begins {
			trimmed := strings.TrimRight(string(line[:min(len(line), 5)]), "\r\n")
			if trimmed == "-- " {
				break
			}
			if strings.HasPrefix(trimmed, ">") {
				to = &quoted
			}
			to.gap = true
		}
		to.add(string(line))
		begins = err == nil
		if err == io.EOF {
			break
		}
	}
	if s := text.String(); s != "" {
		return s, nil
	}
	return quoted.String(), nil
}

// previewMarkup previews HTML, or anything else with tags.
func previewMarkup(r io.Reader) (string, error) {
	var text snippet
	z := html.NewTokenizer(r)
	z.SetMaxBuf(previewHTML)
	hidden := atom.Atom(0) // the element whose content is not shown
	for !text.full() {
		switch z.Next() {
		case html.ErrorToken:
			if err := z.Err(); err != io.EOF && !errors.Is(err, html.ErrBufferExceeded) {
				return "", err
			}
			return text.String(), nil
		case html.TextToken:
			if hidden == 0 {
				text.add(string(z.Text()))
			}
		case html.StartTagToken:
			name, _ := z.TagName()
			a := atom.Lookup(name)
			if hidden == 0 && isHidden(a) {
				hidden = a
			}
			text.gap = text.gap || !isInline(a)
		case html.EndTagToken:
			name, _ := z.TagName()
			a := atom.Lookup(name)
			if a == hidden {
				hidden = 0
			}
			text.gap = text.gap || !isInline(a)
		case html.SelfClosingTagToken:
			text.gap = true
		}
	}
	return text.String(), nil
}

// isHidden reports whether an element's content is not text to be read. HEAD
// is not among them: its end tag may be left out.
func isHidden(a atom.Atom) bool {
	switch a {
	case atom.Style, atom.Script, atom.Title, atom.Template, atom.Noscript, atom.Svg, atom.Select:
		return true
	}
	return false
}

// isInline reports whether an element does not separate words.
func isInline(a atom.Atom) bool {
	switch a {
	case atom.A, atom.B, atom.I, atom.U, atom.S, atom.Em, atom.Strong, atom.Span, atom.Font, atom.Code, atom.Sub, atom.Sup,
		atom.Small, atom.Big, atom.Abbr, atom.Mark, atom.Tt:
		return true
	}
	return false
}

// snippet collects text with all white space as single spaces.
type snippet struct {
	b     strings.Builder
	runes int
	gap   bool // white space is due
}

func (s *snippet) full() bool { return s.runes >= previewRunes }

func (s *snippet) String() string { return s.b.String() }

func (s *snippet) add(text string) {
	for _, r := range text {
		if s.full() {
			return
		}
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			s.gap = true
			continue
		}
		if isInvisible(r) || s.gap && (r == 0x200c || r == 0x200d) { // joiners that join nothing
			continue
		}
		if s.gap && s.runes > 0 {
			if s.runes++; s.full() {
				return
			}
			s.b.WriteByte(' ')
		}
		s.gap = false
		s.b.WriteRune(r)
		s.runes++
	}
}

// isInvisible reports whether r is one of the characters with which senders
// fill up the preview.
func isInvisible(r rune) bool {
	switch r {
	case 0x00ad, 0x034f, 0x200b, 0x200e, 0x200f, 0x2060, 0xfeff, utf8.RuneError:
		return true
	}
	return false
}
