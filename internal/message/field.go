package message

import "strings"

// Field is one field of a header (RFC 5322 section 2.2), or a line in a header
// that is none: then its Name is empty.
type Field struct {
	Name string // as spelled, without the white space before the colon
	Span Span   // the whole field as stored, its line end included
	body string // what follows the colon, folded as stored
}

// Is reports whether the field's name is name, whatever the case.
func (f *Field) Is(name string) bool {
	return len(f.Name) == len(name) && name != "" && equalFold(f.Name, name)
}

// Value returns what follows the colon, unfolded (RFC 5322 section 2.2.3) and
// without the white space around it. Nothing is decoded: it may contain any
// octet but CR and LF.
func (f *Field) Value() string { return unfold(f.body) }

// unfold removes the line ends from s, and the white space around it. The
// white space that a continuation line begins with stays. A CR that is no line
// end becomes a space.
func unfold(s string) string {
	s = trim(s)
	if strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, '\r') < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	start := 0
	for i := range len(s) {
		c := s[i]
		if c != '\r' && c != '\n' {
			continue
		}
		b.WriteString(s[start:i])
		if c == '\r' && s[i+1] != '\n' { // s does not end with a CR
			b.WriteByte(' ')
		}
		start = i + 1
	}
	b.WriteString(s[start:])
	return b.String()
}

// trim removes white space and line ends from both ends of s.
func trim(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// isSpace reports whether c is white space or part of a line end.
func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// lower returns c in lower case if it is an ASCII letter.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// equalFold compares ASCII case-insensitively; other octets must be equal.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// lowerString returns s with its ASCII letters in lower case.
func lowerString(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				b[i] = lower(b[i])
			}
			return string(b)
		}
	}
	return s
}

// set makes f the field that is stored as raw at the offset off.
func (f *Field) set(raw string, off int64) {
	f.Span = Span{off, int64(len(raw))}
	colon := 0
	for colon < len(raw) && raw[colon] != ':' && raw[colon] != '\n' {
		colon++
	}
	if colon == len(raw) || raw[colon] == '\n' || isSpace(raw[0]) || strings.HasPrefix(raw, "From ") {
		f.body = raw
		return
	}
	f.Name, f.body = trim(raw[:colon]), raw[colon+1:]
}
