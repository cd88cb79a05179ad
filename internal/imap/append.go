package imap

import (
	"time"

	"fantail/internal/imap/wire"
)

// AppendMessage is what APPEND says about one message before its literal
// (RFC 9051 section 6.3.12).
type AppendMessage struct {
	Flags Flags
	Date  time.Time // zero: now
}

// ScanAppendMailbox scans the first argument of APPEND.
func ScanAppendMailbox(s *wire.Scanner) string {
	s.SP()
	return ScanMailbox(s)
}

// ScanAppendMessage scans SP, the optional flags and date, and the announcement
// of the literal, whose octets the caller reads. It returns nil after an error.
func ScanAppendMessage(s *wire.Scanner) (AppendMessage, *wire.Literal) {
	var m AppendMessage
	s.SP()
	if s.Peek() == '(' {
		m.Flags = ScanFlagList(s)
		s.SP()
	}
	if s.Peek() == '"' {
		m.Date = ScanDateTime(s)
		s.SP()
	}
	return m, s.Literal()
}
