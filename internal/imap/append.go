package imap

import (
	"time"

	"fantail/internal/imap/wire"
)

// AppendMessage is what APPEND says about one message (RFC 9051 section 6.3.12).
type AppendMessage struct {
	Flags   Flags
	Date    time.Time     // zero: now
	Literal *wire.Literal // the message, whose octets the caller reads
	utf8    bool          // the literal stands in parentheses
}

// ScanAppendMailbox scans the first argument of APPEND.
func ScanAppendMailbox(s *wire.Scanner) string {
	s.SP()
	return ScanMailbox(s)
}

// ScanAppendMessage scans SP, the optional flags and date, and the announcement of
// the literal: the rule append-message up to the octets of append-data. After an
// error the literal is nil.
func ScanAppendMessage(s *wire.Scanner) AppendMessage {
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
	if s.TryName("UTF8") {
		m.scanUTF8(s)
	} else {
		m.Literal = s.Literal8()
	}
	return m
}

// scanUTF8 scans the rule utf8-literal behind its name (RFC 6855 section 4), up to
// the octets. It is for clients that have enabled UTF-8. The header of any other
// literal may have UTF-8 as well (RFC 9755): this form says nothing more.
func (m *AppendMessage) scanUTF8(s *wire.Scanner) {
	if s.Err() == nil && !s.UTF8 {
		s.Expected("UTF8=ACCEPT to be enabled before UTF8")
	}
	s.SP()
	s.Byte('(')
	if s.Peek() != '~' {
		s.Expected("a literal8")
	}
	m.Literal, m.utf8 = s.Literal8(), true
}

// ScanEnd scans what comes behind the octets of the literal, once they are read, and
// reports whether another message follows (RFC 3502 section 6.3.11). If none does,
// that is the end of the command.
func (m *AppendMessage) ScanEnd(s *wire.Scanner) (more bool, err error) {
	if m.utf8 {
		s.Byte(')')
	}
	if s.Peek() == ' ' {
		return true, s.Err()
	}
	s.CRLF()
	return false, s.Err()
}
