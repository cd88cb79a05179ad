package compose

import (
	"strings"
	"unicode"
)

// CleanText returns text with LF at the ends of its lines, in valid UTF-8 and without
// control characters but tabs: what somebody may have pasted is not always text.
func CleanText(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return '\n'
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, s)
}
