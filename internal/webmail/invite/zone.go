package invite

import (
	"strings"
	"time"

	"fantail/internal/webmail/contentline"
)

// zone tells the instant at which a clock shows something.
type zone interface {
	at(local time.Time) time.Time
}

// located is a zone of the IANA's.
type located struct{ *time.Location }

func (z located) at(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, z.Location)
}

// zones are the zones of a calendar.
type zones struct {
	options Options
	rules   map[string]*ruledZone // by TZID
	known   map[string]zone       // those that were looked up; nil: nobody knows it
}

func (z *zones) add(r *ruledZone) {
	if _, ok := z.rules[r.name]; !ok && r.name != "" && len(r.rules) > 0 {
		z.rules[r.name] = r
	}
}

// local is the reader's zone.
func (z *zones) local() zone {
	if z.options.Local == nil {
		return located{time.UTC}
	}
	return located{z.options.Local}
}

// find returns the zone of a TZID, or if nobody knows it the reader's.
func (z *zones) find(name string) (in zone, known bool) {
	in, ok := z.known[name]
	if !ok {
		in = z.lookUp(name)
		if len(z.known) < maxZones {
			z.known[name] = in
		}
	}
	if in == nil {
		return z.local(), false
	}
	return in, true
}

// lookUp asks for the name, for where the calendar says that is, for its rules, and
// for what the name ends with: /citadel.org/20210210_1/Europe/Berlin.
func (z *zones) lookUp(name string) zone {
	if len(z.known) >= maxZones {
		return nil
	}
	if l := z.load(name); l != nil {
		return located{l}
	}
	if rules := z.rules[name]; rules != nil {
		if l := z.load(rules.location); l != nil {
			return located{l}
		}
		return rules
	}
	if parts := strings.Split(name, "/"); len(parts) >= 3 && len(parts) <= 6 {
		if l := z.load(strings.Join(parts[len(parts)-2:], "/")); l != nil {
			return located{l}
		}
	}
	return nil
}

// load looks a name up that may be one of the IANA's.
func (z *zones) load(name string) *time.Location {
	bad := func(c rune) bool {
		return c != '/' && c != '_' && c != '-' && c != '+' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z')
	}
	if name == "" || name == "Local" || len(name) > 64 || name[0] == '/' || strings.ContainsFunc(name, bad) {
		return nil
	}
	load := z.options.Zone
	if load == nil {
		load = time.LoadLocation
	}
	l, err := load(name)
	if err != nil {
		return nil // no zone has that name
	}
	return l
}

// ruledZone is a VTIMEZONE (RFC 5545 section 3.6.5).
type ruledZone struct {
	name     string // TZID
	location string // X-LIC-LOCATION: the IANA's name
	rules    []zoneRule
}

// zoneRule is a STANDARD or DAYLIGHT.
type zoneRule struct {
	start    time.Time // first onset, by the clock before it
	repeat   *Repeat
	dates    []time.Time
	from, to int // seconds east of UTC
}

// line takes a line of the VTIMEZONE itself, or of its last rule.
func (z *ruledZone) line(l *contentline.Line, itself bool) {
	if itself {
		switch {
		case l.Is("TZID"):
			z.name = first(z.name, l.Text())
		case l.Is("X-LIC-LOCATION"):
			z.location = first(z.location, l.Text())
		}
		return
	}
	if len(z.rules) == 0 {
		return
	}
	r := &z.rules[len(z.rules)-1]
	switch strings.ToUpper(l.Name) {
	case "DTSTART":
		if t, ok := parseTime(l.Value); ok {
			r.start = t.local
		}
	case "TZOFFSETFROM":
		r.from = offset(l.Value)
	case "TZOFFSETTO":
		r.to = offset(l.Value)
	case "RRULE":
		r.repeat = parseRepeat(l.Value, located{time.UTC})
	case "RDATE":
		for _, v := range contentline.Split(l.Value, ',', maxRules) {
			if t, ok := parseTime(v); ok && len(r.dates) < maxRules {
				r.dates = append(r.dates, t.local)
			}
		}
	}
}

// offset reads a UTC-OFFSET (RFC 5545 section 3.3.14) in seconds.
func offset(s string) int {
	s = strings.TrimSpace(s)
	if len(s) != 5 && len(s) != 7 {
		return 0
	}
	n := number(s[1:3])*3600 + number(s[3:5])*60
	if len(s) == 7 {
		n += number(s[5:])
	}
	if n >= 24*3600 {
		return 0
	}
	if s[0] == '-' {
		return -n
	}
	return n
}

// at finds the rule whose onset was the last one before the clock showed t.
func (z *ruledZone) at(t time.Time) time.Time {
	seconds := z.rules[0].from
	var last time.Time
	earliest := z.rules[0].start
	for i := range z.rules {
		r := &z.rules[i]
		if r.start.Before(earliest) {
			earliest, seconds = r.start, r.from
		}
	}
	for i := range z.rules {
		r := &z.rules[i]
		if onset, ok := r.onset(t); ok && !onset.Before(last) {
			last, seconds = onset, r.to
		}
	}
	return located{time.FixedZone(z.name, seconds)}.at(t)
}

// onset returns when the rule last began to hold, at t or earlier.
func (r *zoneRule) onset(t time.Time) (last time.Time, ok bool) {
	take := func(o time.Time) {
		if !o.After(t) && (!ok || o.After(last)) {
			last, ok = o, true
		}
	}
	take(r.start)
	for _, d := range r.dates {
		take(d)
	}
	if r.repeat != nil && r.repeat.Freq == Yearly && r.repeat.Interval == 1 && !r.repeat.Partial {
		before := located{time.FixedZone("", r.from)}
		for year := t.Year() - 1; year <= t.Year(); year++ {
			for _, o := range r.repeat.year(year, r.start) {
				if !o.Before(r.start) && !r.repeat.past(o, before) {
					take(o)
				}
			}
		}
	}
	return last, ok
}
