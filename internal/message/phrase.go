package message

import "strings"

// phrase reads words up to an octet that has a meaning in an address-list and
// returns that octet, 0 at the end.
func (p *addressParser) phrase() byte { return p.readWords(inPhrase) }

// localPart reads the words of a local part in brackets.
func (p *addressParser) localPart() byte { return p.readWords(inLocal) }

// readWords fills p.words with quoted-strings and runs of octets of that class.
func (p *addressParser) readWords(class uint8) byte {
	p.words = p.words[:0]
	for {
		before := p.i
		p.cfws()
		if p.i == len(p.s) {
			return 0
		}
		w := aword{start: p.i, space: p.i > before}
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			w.text, w.quoted = p.quotedString(), true
			if w.text == "" && p.unquoted {
				continue
			}
		case addressOctets[c]&class != 0:
			w.text = p.atom(class)
		default:
			return c
		}
		if len(p.words) < maxWords {
			p.words = append(p.words, w)
		}
	}
}

// atom reads a run of octets of that class, or an encoded-word.
func (p *addressParser) atom(class uint8) string {
	start := p.i
	if n := encodedWord(p.s[start:]); n > 0 {
		p.i += n
	}
	for p.i < len(p.s) && addressOctets[p.s[p.i]]&class != 0 {
		p.i++
	}
	return p.s[start:p.i]
}

// encodedWord returns the length of the encoded-word that s begins with, 0 if
// there is none: some programs leave commas and other specials in them, which
// RFC 2047 section 5 forbids in a phrase.
func encodedWord(s string) int {
	const maxLength = 250 // RFC 2047 section 2 says 75
	if len(s) < len("=?a?q??=") || s[0] != '=' || s[1] != '?' {
		return 0
	}
	marks := 0
	for i := 2; i < min(len(s), maxLength); i++ {
		switch c := s[i]; {
		case isSpace(c) || c == '"':
			return 0
		case c == '?' && marks < 2:
			marks++
		case c == '?' && i+1 < len(s) && s[i+1] == '=':
			return i + 2
		}
	}
	return 0
}

// quotedString reads on behind the opening quote. If there is no closing one,
// the quote counts for nothing and so does every later one.
func (p *addressParser) quotedString() string {
	if p.unquoted {
		return ""
	}
	f := fieldScanner{s: p.s, i: p.i}
	text := f.quoted()
	if !f.closed {
		p.unquoted = true
		return ""
	}
	p.i = f.i
	return text
}

// cfws passes over white space and comments, and remembers the last comment.
func (p *addressParser) cfws() {
	depth, start := 0, 0
	for ; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; {
		case c == '(':
			if depth == 0 {
				start = p.i
			}
			depth++
		case depth == 0 && !isSpace(c):
			return
		case depth > 0 && c == ')':
			if depth--; depth == 0 {
				p.comment = p.s[start : p.i+1]
			}
		case depth > 0 && c == '\\':
			p.i++
		}
	}
	p.i = len(p.s)
}

// commentText returns what is in a comment, without quoted-pairs.
func commentText(s string) string {
	if len(s) < 2 {
		return ""
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') >= 0 {
		b := make([]byte, 0, len(s))
		for i := 0; i < len(s); i++ {
			if s[i] == '\\' && i+1 < len(s) {
				i++
			}
			b = append(b, s[i])
		}
		s = string(b)
	}
	return squeeze(s)
}

// name joins the words of a display name with one space where there was any
// white space, or a quote.
func (p *addressParser) name(words []aword) string {
	if len(words) == 0 {
		return ""
	}
	if len(words) == 1 {
		return squeeze(words[0].text)
	}
	var b strings.Builder
	for i, w := range words {
		if i > 0 && (w.space || w.quoted || words[i-1].quoted) {
			b.WriteByte(' ')
		}
		b.WriteString(w.text)
	}
	return squeeze(b.String())
}

// dotted reports whether a dot connects two words to one local part.
func dotted(a, b aword) bool {
	return !a.quoted && strings.HasSuffix(a.text, ".") || !b.quoted && strings.HasPrefix(b.text, ".")
}

// localStart returns the index of the first word of the local part that the
// words end with.
func (p *addressParser) localStart() int {
	n := len(p.words)
	if n > 0 {
		n--
	}
	for n > 0 && dotted(p.words[n-1], p.words[n]) {
		n--
	}
	return n
}

// localEnd returns the index behind the last word of the local part that the
// words begin with.
func (p *addressParser) localEnd() int {
	n := min(1, len(p.words))
	for n < len(p.words) && n > 0 && dotted(p.words[n-1], p.words[n]) {
		n++
	}
	return n
}

// local joins the words of a local part.
func (p *addressParser) local(words []aword) string {
	if len(words) == 1 {
		return words[0].text
	}
	var b strings.Builder
	for _, w := range words {
		b.WriteString(w.text)
	}
	return b.String()
}

// squeeze replaces runs of white space by one space, none at the ends.
func squeeze(s string) string {
	s = trim(s)
	for i := range len(s) {
		if s[i] == '\t' || s[i] == '\r' || s[i] == '\n' || s[i] == ' ' && isSpace(s[i-1]) {
			return squeezed(s)
		}
	}
	return s
}

func squeezed(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if !isSpace(s[i]) {
			b = append(b, s[i])
		} else if !isSpace(s[i-1]) {
			b = append(b, ' ')
		}
	}
	return string(b)
}

// What an octet may be in.
const (
	inPhrase = 1 << iota // a word of a display name: dots and brackets are not allowed there, but common
	inLocal              // an unquoted local part
	inDomain
)

var addressOctets = func() (t [256]uint8) {
	for c := range t {
		if strings.IndexByte(" \t\r\n,;:<@\"(", byte(c)) >= 0 {
			continue
		}
		t[c] = inPhrase
		if strings.IndexByte(">[])", byte(c)) < 0 {
			t[c] |= inLocal
			if c != '\\' {
				t[c] |= inDomain
			}
		}
	}
	return t
}()
