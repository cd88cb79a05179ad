package imap

import (
	"strings"
	"time"

	"fantail/internal/imap/wire"
)

// dateTimeLayout is the rule date-time (RFC 9051 section 9): the day of the month
// has two characters, the first of which may be a space.
const dateTimeLayout = "_2-Jan-2006 15:04:05 -0700"

// months are the rule date-month, in order.
const months = "janfebmaraprmayjunjulaugsepoctnovdec"

// FormatDateTime writes a time as INTERNALDATE has it, in its own zone. A year
// that has not four digits is brought to the nearest that has.
func FormatDateTime(t time.Time) string {
	switch y := t.Year(); {
	case y > 9999:
		t = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	case y < 0:
		t = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return t.Format(dateTimeLayout)
}

// ScanDateTime scans the rule date-time. The time has the zone that the client
// wrote. A leap second is taken for the second before it.
func ScanDateTime(s *wire.Scanner) time.Time {
	v := s.QuotedString()
	if s.Err() != nil {
		return time.Time{}
	}
	t, ok := parseDateTime(oneDigitDay(v))
	if !ok {
		s.Expected(`a date and time such as " 1-Jan-2026 12:00:00 +0000"`)
	}
	return t
}

// oneDigitDay: a day of one digit may lack the space before it. imapsync and
// JavaMail write it so.
func oneDigitDay(v string) string {
	if len(v) > 1 && v[1] == '-' {
		return " " + v
	}
	return v
}

// parseDateTime reads dd-Mon-yyyy SP hh:mm:ss SP +hhmm, of which the first octet
// may be a space.
func parseDateTime(v string) (time.Time, bool) {
	if len(v) != len("dd-Mon-yyyy hh:mm:ss +hhmm") || v[11] != ' ' || v[14] != ':' || v[17] != ':' || v[20] != ' ' {
		return time.Time{}, false
	}
	day, ok := parseDate(strings.TrimPrefix(v[:11], " "))
	hour, ok1 := digits(v[12:14], 23)
	minute, ok2 := digits(v[15:17], 59)
	second, ok3 := digits(v[18:20], 60)
	zone, ok4 := parseZone(v[21:])
	if !ok || !ok1 || !ok2 || !ok3 || !ok4 {
		return time.Time{}, false
	}
	return time.Date(day.Year(), day.Month(), day.Day(), hour, minute, min(second, 59), 0, zone), true
}

// parseZone reads the rule zone.
func parseZone(v string) (*time.Location, bool) {
	hours, ok := digits(v[1:3], 23)
	minutes, ok1 := digits(v[3:5], 59)
	if !ok || !ok1 || v[0] != '+' && v[0] != '-' {
		return nil, false
	}
	offset := (hours*60 + minutes) * 60
	if v[0] == '-' {
		offset = -offset
	}
	return time.FixedZone("", offset), true
}

// digits returns the number that v is, all of it digits, up to limit.
func digits(v string, limit int) (n int, ok bool) {
	for _, c := range []byte(v) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, v != "" && n <= limit
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
	t, ok := parseDate(v)
	if !ok {
		s.Expected("a date such as 1-Jan-2026")
	}
	return t
}

// parseDate reads the rule date-text, in which the day may have one digit.
func parseDate(v string) (time.Time, bool) {
	day, rest, ok := strings.Cut(v, "-")
	month, year, ok1 := strings.Cut(rest, "-")
	if !ok || !ok1 || len(day) > 2 || len(month) != 3 || len(year) != 4 {
		return time.Time{}, false
	}
	d, ok := digits(day, 31)
	y, ok1 := digits(year, 9999)
	m := strings.Index(months, strings.ToLower(month))
	if !ok || !ok1 || m < 0 || m%3 != 0 {
		return time.Time{}, false
	}
	t := time.Date(y, time.Month(m/3+1), d, 0, 0, 0, 0, time.UTC)
	return t, t.Day() == d // a day that the month has not becomes one of another month
}
