package imap

import (
	"strings"
	"time"

	"fantail/internal/imap/wire"
)

// months are the rule date-month, in order.
const months = "janfebmaraprmayjunjulaugsepoctnovdec"

// AppendDateTime appends a time as INTERNALDATE has it, in its own zone, without
// quotes. A year that has not four digits is brought to the nearest that has.
func AppendDateTime(b []byte, t time.Time) []byte {
	// By hand: it is done for every message of a mailbox, and Time.AppendFormat takes
	// several times as long. The zone is looked up once.
	_, zone := t.Zone()
	t = t.UTC().Add(time.Duration(zone) * time.Second)
	zone /= 60
	year, month, day := t.Date()
	if year > 9999 {
		return append(b, "31-Dec-9999 23:59:59 +0000"...)
	}
	if year < 0 {
		return append(b, " 1-Jan-0000 00:00:00 +0000"...)
	}
	hour, minute, second := t.Clock()
	if day < 10 {
		b = append(b, ' ', byte('0'+day))
	} else {
		b = appendTwo(b, day)
	}
	name := months[3*month-3 : 3*month]
	b = append(b, '-', name[0]-'a'+'A', name[1], name[2], '-')
	b = append(appendTwo(appendTwo(b, year/100), year%100), ' ')
	b = append(appendTwo(b, hour), ':')
	b = append(appendTwo(b, minute), ':')
	b = append(appendTwo(b, second), ' ')
	sign := byte('+')
	if zone < 0 {
		sign, zone = '-', -zone
	}
	b = append(b, sign)
	return appendTwo(appendTwo(b, zone/60), zone%60)
}

func appendTwo(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

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
