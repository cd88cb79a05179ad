package imap

import (
	"strings"
	"time"

	"fantail/internal/imap/wire"
)

// dateTimeLayout is the rule date-time (RFC 9051 section 9): the day of the month
// has two characters, the first of which may be a space.
const dateTimeLayout = "_2-Jan-2006 15:04:05 -0700"

// FormatDateTime writes a time as INTERNALDATE has it.
func FormatDateTime(t time.Time) string { return t.Format(dateTimeLayout) }

// ScanDateTime scans the rule date-time.
func ScanDateTime(s *wire.Scanner) time.Time {
	v := s.QuotedString()
	if s.Err() != nil {
		return time.Time{}
	}
	// A day of one digit without the space: imapsync and JavaMail write it so.
	if len(v) == len(dateTimeLayout)-1 && len(v) > 1 && v[1] == '-' {
		v = " " + v
	}
	t, err := time.Parse(dateTimeLayout, v)
	if err != nil || len(v) != len(dateTimeLayout) {
		s.Expected("a date and time such as \" 1-Jan-2026 12:00:00 +0000\"")
		return time.Time{}
	}
	return t
}

// ScanDate scans the rule date, as SEARCH has it: a day without zone, here at
// midnight UTC.
func ScanDate(s *wire.Scanner) time.Time {
	var v string
	if s.Peek() == '"' {
		v = s.QuotedString()
	} else {
		v = s.Atom()
	}
	if s.Err() != nil {
		return time.Time{}
	}
	t, err := time.Parse("2-Jan-2006", strings.TrimLeft(v, " "))
	if err != nil {
		s.Expected("a date such as 1-Jan-2026")
		return time.Time{}
	}
	return t
}
