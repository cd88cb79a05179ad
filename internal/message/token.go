package message

import "strings"

// fieldScanner reads the tokens of a structured field body, unfolded.
type fieldScanner struct {
	s      string
	i      int
	closed bool // the last quoted-string, or all comments of the last space, had their ends
}

// take passes over c if it comes next and reports whether it did.
func (f *fieldScanner) take(c byte) bool {
	if f.i < len(f.s) && f.s[f.i] == c {
		f.i++
		return true
	}
	return false
}

// space passes over white space and comments (RFC 5322 section 3.2.2). A
// comment that does not end reaches to the end.
func (f *fieldScanner) space() {
	depth := 0
	for ; f.i < len(f.s); f.i++ {
		switch c := f.s[f.i]; {
		case c == '(':
			depth++
		case depth > 0 && c == ')':
			depth--
		case depth > 0 && c == '\\':
			f.i++
		case depth == 0 && !isSpace(c):
			f.closed = true
			return
		}
	}
	f.i, f.closed = len(f.s), depth == 0
}

// token reads a token of RFC 2045 section 5.1, "" if there is none. Octets
// above 127 count as part of it.
func (f *fieldScanner) token() string {
	start := f.i
	for f.i < len(f.s) && isToken(f.s[f.i]) {
		f.i++
	}
	return f.s[start:f.i]
}

// isToken reports whether c may be in a token.
func isToken(c byte) bool { return tokenOctets[c] }

var tokenOctets = func() (t [256]bool) {
	for c := range t {
		t[c] = c > ' ' && c != 127 && strings.IndexByte(`()<>@,;:\"/[]?=`, byte(c)) < 0
	}
	return t
}()

// quoted reads the rest of a quoted-string (RFC 5322 section 3.2.4). One that
// does not end reaches to the end.
func (f *fieldScanner) quoted() string {
	start := f.i
	f.closed = true
	for f.i < len(f.s) {
		switch f.s[f.i] {
		case '"':
			f.i++
			return f.s[start : f.i-1]
		case '\\':
			return f.quotedPairs(start)
		}
		f.i++
	}
	f.closed = false
	return f.s[start:]
}

// quotedPairs reads the rest of a quoted-string that began at start and has a
// backslash here.
func (f *fieldScanner) quotedPairs(start int) string {
	b := []byte(f.s[start:f.i])
	for ; f.i < len(f.s); f.i++ {
		c := f.s[f.i]
		if c == '"' {
			f.i++
			return string(b)
		}
		if c == '\\' && f.i+1 < len(f.s) {
			f.i++
			c = f.s[f.i]
		}
		b = append(b, c)
	}
	f.closed = false
	return string(b)
}
