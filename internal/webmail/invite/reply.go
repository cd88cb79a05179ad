package invite

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"fantail/internal/webmail/contentline"
)

// ErrNoReply tells that an invitation cannot be replied to: nobody asks, or it does
// not say who does, or which event it is.
var ErrNoReply = errors.New("nobody asks for a reply")

// Reply returns the iTIP REPLY to an invitation (RFC 5546 section 3.2.3): the attendee
// with that mail address has the status Accepted, Tentative or Declined. Who was not
// invited may reply as well. The same arguments make the same octets.
func Reply(v *Invite, addr string, status Status, comment string, now time.Time) ([]byte, error) {
	if v.Method != Request && v.Method != Add || v.Organizer.URI == "" || v.UID == "" || len(v.uid) > maxUID {
		return nil, ErrNoReply
	}
	if status != Accepted && status != Tentative && status != Declined {
		return nil, fmt.Errorf("reply to invitation: %q is no reply", status)
	}
	self := Attendee{Person: Person{Addr: addr, URI: "mailto:" + addr}}
	if mailAddress(self.URI) == "" {
		return nil, fmt.Errorf("reply to invitation: %q is no mail address", addr)
	}
	if a := v.Attendee(addr); a != nil {
		self = *a
	}
	w := writer{}
	w.line("BEGIN", "VCALENDAR")
	w.line("PRODID", "-//Fantail//Webmail//EN")
	w.line("VERSION", "2.0")
	w.line("METHOD", string(ReplyMethod))
	if v.Occurrence != nil && v.Occurrence.Kind == Zoned {
		w.zone(*v.Occurrence)
	}
	w.line("BEGIN", "VEVENT")
	w.line("UID", v.uid)
	if v.occurrence != "" {
		w.written(v.occurrence)
	} else if v.Repeats == nil {
		w.moment("DTSTART", v.Start)
		w.moment("DTEND", v.End)
	}
	w.line("SEQUENCE", strconv.Itoa(v.Sequence))
	w.line("DTSTAMP", utc(now))
	w.line("ORGANIZER", v.Organizer.URI, name(v.Organizer)...)
	w.line("ATTENDEE", self.URI, append(name(self.Person), contentline.Param{Name: "PARTSTAT", Values: []string{string(status)}})...)
	if v.Summary != "" {
		w.line("SUMMARY", contentline.Escape(v.Summary))
	}
	if comment = manyLines(comment); comment != "" {
		w.line("COMMENT", contentline.Escape(comment))
	}
	w.line("END", "VEVENT")
	w.line("END", "VCALENDAR")
	return w.out, nil
}

// writer writes content lines.
type writer struct{ out []byte }

func (w *writer) line(name, value string, params ...contentline.Param) {
	l := contentline.Line{Name: name, Value: value, Params: params}
	w.out = l.Append(w.out)
}

// written writes a line that is complete.
func (w *writer) written(line string) {
	l := contentline.Line{Value: line}
	w.out = l.Append(w.out)
}

// moment writes a moment if it needs no VTIMEZONE.
func (w *writer) moment(name string, m Moment) {
	switch m.Kind {
	case UTC, Zoned:
		w.line(name, utc(m.Time))
	case Day:
		w.line(name, m.Time.Format("20060102"), contentline.Param{Name: "VALUE", Values: []string{"DATE"}})
	}
}

func utc(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

func name(p Person) []contentline.Param {
	if p.Name == "" {
		return nil
	}
	return []contentline.Param{{Name: "CN", Values: []string{p.Name}}}
}

// recurrenceID writes RECURRENCE-ID as it was (RFC 5545 section 3.8.4.4), without
// folding.
func recurrenceID(m Moment, l *contentline.Line) string {
	out := contentline.Line{Name: "RECURRENCE-ID", Value: strings.ToUpper(strings.TrimSpace(l.Value))}
	param := func(name, value string) {
		out.Params = append(out.Params, contentline.Param{Name: name, Values: []string{value}})
	}
	if m.Kind == Day {
		param("VALUE", "DATE")
	}
	if m.Zone != "" {
		param("TZID", m.Zone)
	}
	if span, _ := l.Param("RANGE"); strings.EqualFold(span, "THISANDFUTURE") {
		param("RANGE", "THISANDFUTURE")
	}
	return strings.ReplaceAll(strings.TrimSuffix(string(out.Append(nil)), "\r\n"), "\r\n ", "")
}

// zone writes the VTIMEZONE that RFC 5546 section 3.2.3 wants where a zone is named,
// as much of it as the one time needs.
func (w *writer) zone(m Moment) {
	offset := m.Time.Format("-0700")
	w.line("BEGIN", "VTIMEZONE")
	w.line("TZID", contentline.Escape(m.Zone))
	w.line("BEGIN", "STANDARD")
	w.line("DTSTART", "19700101T000000")
	w.line("TZOFFSETFROM", offset)
	w.line("TZOFFSETTO", offset)
	w.line("END", "STANDARD")
	w.line("END", "VTIMEZONE")
}
