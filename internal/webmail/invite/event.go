package invite

import (
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"fantail/internal/webmail/contentline"
)

// invite makes an Invite of an event. Of what may be there once, the first counts.
func (r *reader) invite(e *event) Invite {
	v := Invite{Method: r.method}
	var start, end, duration, rule *contentline.Line
	var lists []*contentline.Line
	for i := range e.lines {
		l := &e.lines[i]
		switch strings.ToUpper(l.Name) {
		case "UID":
			if v.UID == "" {
				v.UID, v.uid = oneLine(l.Text()), l.Value
			}
		case "SEQUENCE":
			v.Sequence = number(l.Value)
		case "DTSTAMP":
			v.Stamp = r.moment(l).Time
		case "SUMMARY":
			v.Summary = first(v.Summary, oneLine(l.Text()))
		case "LOCATION":
			v.Location = first(v.Location, oneLine(l.Text()))
		case "DESCRIPTION":
			v.Description = first(v.Description, manyLines(l.Text()))
		case "COMMENT":
			v.Comment = first(v.Comment, manyLines(l.Text()))
		case "URL":
			v.URL = first(v.URL, webAddress(l.Value))
		case "STATUS":
			v.Status = first(v.Status, strings.ToUpper(oneLine(l.Value)))
		case "ORGANIZER":
			if v.Organizer.URI == "" {
				v.Organizer = person(l)
			}
		case "ATTENDEE":
			v.Attendees = append(v.Attendees, attendee(l))
		case "DTSTART":
			start = l
		case "DTEND":
			end = l
		case "DURATION":
			duration = l
		case "RRULE":
			rule = l
		case "RECURRENCE-ID":
			r.about(&v, l)
		case "EXDATE", "RDATE":
			lists = append(lists, l)
		}
	}
	r.times(&v, start, end, duration)
	r.recurrence(&v, rule, lists)
	return v
}

// times sets when the event is (RFC 5545 section 3.6.1).
func (r *reader) times(v *Invite, start, end, duration *contentline.Line) {
	if start == nil {
		return
	}
	v.Start = r.moment(start)
	v.AllDay = v.Start.Kind == Day
	v.zone, v.local = r.clock(start)
	if end != nil {
		v.End = r.moment(end)
	}
	if v.Start.Kind == None || v.End.Kind != None && v.AllDay == (v.End.Kind == Day) && !v.End.Time.Before(v.Start.Time) {
		return
	}
	v.End = v.Start
	if duration != nil {
		days, rest, ok := parseDuration(duration.Value)
		if ok && (rest == 0 || !v.AllDay) {
			v.End.Time = v.Start.Time.AddDate(0, 0, days).Add(rest)
		}
	}
	if v.AllDay && !v.End.Time.After(v.Start.Time) {
		v.End.Time = v.Start.Time.AddDate(0, 0, 1)
	}
}

// about sets which occurrence the event is about (RFC 5545 section 3.8.4.4).
func (r *reader) about(v *Invite, l *contentline.Line) {
	m := r.moment(l)
	if m.Kind == None || v.Occurrence != nil {
		return
	}
	v.Occurrence = &m
	span, _ := l.Param("RANGE")
	v.Following = strings.EqualFold(span, "THISANDFUTURE")
	v.occurrence = recurrenceID(m, l)
}

// recurrence sets when else the event is.
func (r *reader) recurrence(v *Invite, rule *contentline.Line, lists []*contentline.Line) {
	if v.Start.Kind == None {
		return
	}
	if rule != nil {
		v.Repeats = parseRepeat(rule.Value, v.zone)
	}
	for _, l := range lists {
		dates := &v.extra
		if l.Is("EXDATE") {
			dates = &v.except
		}
		for _, value := range contentline.Split(l.Value, ',', maxDates) {
			value, _, _ = strings.Cut(value, "/") // of a PERIOD its start
			one := *l
			one.Value = value
			if m := r.moment(&one); m.Kind != None && len(*dates) < maxDates {
				*dates = append(*dates, m.Time)
			}
		}
	}
}

// first returns old, if there is one.
func first(old, s string) string {
	if old != "" {
		return old
	}
	return s
}

// number reads a number of up to nine digits; anything else is 0.
func number(s string) int {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseUint(s, 10, 32); err == nil && len(s) <= 9 {
		return int(n)
	}
	return 0
}

// visible drops what could show a text as another one: control characters, and those
// that change the direction for what follows.
func visible(r rune) rune {
	switch {
	case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
		return -1
	case unicode.IsControl(r) && r != '\n':
		return ' '
	}
	return r
}

// oneLine returns a text to be shown on one line.
func oneLine(s string) string {
	s = strings.Map(visible, cutAt(s, maxLong))
	return cutAt(strings.Join(strings.Fields(s), " "), maxShort)
}

// manyLines returns a text to be shown as it is.
func manyLines(s string) string {
	return cutAt(strings.TrimSpace(strings.Map(visible, strings.ReplaceAll(s, "\r\n", "\n"))), maxLong)
}

// webAddress returns a URL of the web as it is, and nothing for any other.
func webAddress(s string) string {
	s = strings.TrimSpace(s)
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || len(s) > maxShort {
		return ""
	}
	return u.String()
}

// parseDuration reads a duration that is not negative (RFC 5545 section 3.3.6).
func parseDuration(s string) (days int, rest time.Duration, ok bool) {
	s, ok = strings.CutPrefix(strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(s)), "+"), "P")
	inTime := false
	for ok && s != "" {
		if s[0] == 'T' && !inTime {
			inTime, s = true, s[1:]
			continue
		}
		n := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if n < 1 || n > 6 {
			return 0, 0, false
		}
		count := number(s[:n])
		switch unit := s[n]; {
		case unit == 'W' && !inTime:
			days += 7 * count
		case unit == 'D' && !inTime:
			days += count
		case unit == 'H' && inTime:
			rest += time.Duration(count) * time.Hour
		case unit == 'M' && inTime:
			rest += time.Duration(count) * time.Minute
		case unit == 'S' && inTime:
			rest += time.Duration(count) * time.Second
		default:
			return 0, 0, false
		}
		s = s[n+1:]
	}
	return days, rest, ok
}
