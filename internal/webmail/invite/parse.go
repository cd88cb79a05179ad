package invite

import (
	"strings"
	"unicode/utf8"

	"fantail/internal/webmail/contentline"
)

// Parse reads the text of a text/calendar part, decoded to UTF-8. The error is
// ErrNoInvite; anything that is wrong in an event only lacks there.
func Parse(text string, o Options) (*Calendar, error) {
	r := reader{zones: zones{options: o, rules: make(map[string]*ruledZone), known: make(map[string]zone)}}
	if len(text) > maxText {
		text, r.cut = cutAt(text, maxText), true
	}
	s := contentline.NewScanner(strings.ToValidUTF8(text, "\ufffd"), contentline.Limits{Lines: maxLines, Line: maxLine, Params: maxParams})
	for s.Scan() {
		line := s.Line()
		r.line(&line)
	}
	c := &Calendar{Method: r.method, Cut: r.cut || s.Err() != nil}
	for i := range r.events {
		c.Invites = append(c.Invites, r.invite(&r.events[i]))
	}
	if len(c.Invites) == 0 {
		return nil, ErrNoInvite
	}
	return c, nil
}

// cutAt returns the first n octets of s, without a part of a character.
func cutAt(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// event is the lines of a VEVENT. Zones may follow it, so it is looked at later.
type event struct {
	lines     []contentline.Line
	attendees int
}

// reader sorts the lines of a calendar by component.
type reader struct {
	zones
	method Method
	events []event
	open   []string // the components that are open, in upper case
	cut    bool

	zone *ruledZone // the VTIMEZONE that is open
}

func (r *reader) line(l *contentline.Line) {
	switch {
	case l.Is("BEGIN"):
		r.begin(strings.ToUpper(strings.TrimSpace(l.Value)))
	case l.Is("END"):
		r.end(strings.ToUpper(strings.TrimSpace(l.Value)))
	case len(r.open) == 0 || r.open[0] != "VCALENDAR" || len(r.open) > maxDepth:
	case len(r.open) == 1 && l.Is("METHOD") && r.method == "":
		r.method = Method(strings.ToUpper(oneLine(l.Value)))
	case len(r.open) == 1:
	case r.open[1] == "VEVENT" && len(r.open) == 2:
		r.property(l)
	case r.open[1] == "VTIMEZONE" && r.zone != nil:
		r.zone.line(l, len(r.open) == 2)
	}
}

// begin opens a component. What is too deep is not looked at.
func (r *reader) begin(name string) {
	if len(r.open) > maxDepth {
		r.cut = true
		return
	}
	r.open = append(r.open, name)
	if r.open[0] != "VCALENDAR" {
		return
	}
	switch {
	case len(r.open) == 2 && name == "VEVENT" && len(r.events) < maxEvents:
		r.events = append(r.events, event{})
	case len(r.open) == 2 && name == "VEVENT":
		r.cut = true
		r.open[1] = ""
	case len(r.open) == 2 && name == "VTIMEZONE":
		r.zone = new(ruledZone)
	case len(r.open) == 3 && r.zone != nil && (name == "STANDARD" || name == "DAYLIGHT") && len(r.zone.rules) < maxRules:
		r.zone.rules = append(r.zone.rules, zoneRule{})
	}
}

// end closes a component, and those in it that nobody closed.
func (r *reader) end(name string) {
	if len(r.open) == 2 && r.zone != nil && name == "VTIMEZONE" {
		if len(r.rules) < maxZones {
			r.add(r.zone)
		}
		r.zone = nil
	}
	for i := len(r.open) - 1; i >= 0; i-- {
		if r.open[i] == name || r.open[i] == "" && i == len(r.open)-1 {
			r.open = r.open[:i]
			return
		}
	}
}

// property keeps a line of the event that is open.
func (r *reader) property(l *contentline.Line) {
	e := &r.events[len(r.events)-1]
	if l.Is("ATTENDEE") {
		if e.attendees++; e.attendees > maxAttendees {
			r.cut = true
			return
		}
	}
	e.lines = append(e.lines, *l)
}
