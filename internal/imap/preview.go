package imap

import "fantail/internal/imap/wire"

// scanLazy scans the modifiers behind PREVIEW, if there are some (RFC 8970 section
// 6), and reports whether LAZY is among them. A parenthesis may also begin the
// modifiers of the whole FETCH: theirs begin with another word.
func scanLazy(s *wire.Scanner) bool {
	if !s.TryList("LAZY") {
		return false
	}
	for s.Try(' ') {
		if !s.TryName("LAZY") {
			s.Expected("LAZY")
		}
	}
	s.Byte(')')
	return true
}

// WritePreview writes the value of PREVIEW: text in UTF-8 (RFC 8970 section 3.3).
func WritePreview(e *wire.Encoder, text string) { writeText(e, text, true) }
