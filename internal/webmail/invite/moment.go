package invite

import (
	"strings"
	"time"

	"fantail/internal/webmail/contentline"
)

// clockTime is a DATE or DATE-TIME as it is written.
type clockTime struct {
	local time.Time // what the clock shows, as if it were UTC
	utc   bool
	day   bool
}

// parseTime reads a DATE or DATE-TIME (RFC 5545 sections 3.3.4 and 3.3.5).
func parseTime(s string) (t clockTime, ok bool) {
	s = strings.TrimSpace(s)
	layout := "20060102T150405"
	switch len(s) {
	case len("20060102"):
		t.day, layout = true, "20060102"
	case len("20060102T150405Z"):
		if s[15] != 'Z' && s[15] != 'z' {
			return t, false
		}
		t.utc, s = true, s[:15]
	case len(layout):
	default:
		return t, false
	}
	if strings.HasSuffix(s, "60") && !t.day {
		s = s[:len(s)-2] + "59" // a leap second
	}
	var err error
	t.local, err = time.Parse(layout, strings.ToUpper(s))
	return t, err == nil && t.local.Year() >= 1
}

// moment reads the value of a property with its TZID.
func (z *zones) moment(l *contentline.Line) Moment {
	t, ok := parseTime(l.Value)
	if !ok {
		return Moment{}
	}
	in, name, known := z.of(l, t)
	m := Moment{Kind: Floating, Time: in.at(t.local), Zone: name}
	switch {
	case t.utc:
		m.Kind = UTC
	case t.day:
		m.Kind = Day
	case known:
		m.Kind = Zoned
	}
	return m
}

// clock returns the zone of a property, and what the clock there shows.
func (z *zones) clock(l *contentline.Line) (zone, time.Time) {
	t, ok := parseTime(l.Value)
	if !ok {
		return nil, time.Time{}
	}
	in, _, _ := z.of(l, t)
	return in, t.local
}

// of returns the zone of a time: that of TZID if it is known, otherwise the reader's.
func (z *zones) of(l *contentline.Line, t clockTime) (in zone, name string, known bool) {
	switch {
	case t.utc:
		return located{time.UTC}, "", true
	case t.day:
		return z.local(), "", true
	}
	name, _ = l.Param("TZID")
	if name == "" {
		return z.local(), "", false
	}
	in, known = z.find(name)
	return in, oneLine(name), known
}
