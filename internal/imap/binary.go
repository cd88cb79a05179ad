package imap

import "fantail/internal/imap/wire"

// scanBinary scans what follows BINARY, BINARY.PEEK or BINARY.SIZE: the rule
// section-binary, and behind the first two a partial (RFC 3516 section 7).
func scanBinary(s *wire.Scanner, name string) FetchItem {
	item := FetchItem{Kind: FetchBinary, Peek: name == "BINARY.PEEK"}
	s.Byte('[')
	if s.Peek() != ']' {
		for item.Section.scanNumber(s) && s.Try('.') {
		}
	}
	s.Byte(']')
	section := "[" + item.Section.String() + "]"
	if name == "BINARY.SIZE" {
		item.Kind, item.Peek, item.Name = FetchBinarySize, true, name+section
		return item
	}
	item.Name = "BINARY" + section
	item.scanPartial(s)
	return item
}
