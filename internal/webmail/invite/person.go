package invite

import (
	"net/url"
	"strings"

	"fantail/internal/webmail/contentline"
)

// Person is a calendar user (RFC 5545 section 3.3.3).
type Person struct {
	Name   string // CN
	Addr   string // mail address; empty if it has none
	SentBy string // mail address of who acts for them
	URI    string // as written
}

// Attendee is somebody who is invited.
type Attendee struct {
	Person
	Status Status
	Role   string // CHAIR, REQ-PARTICIPANT, OPT-PARTICIPANT, NON-PARTICIPANT
	Kind   string // INDIVIDUAL, GROUP, RESOURCE, ROOM, UNKNOWN
	RSVP   bool   // a reply is expected
}

// Status is what somebody has said (RFC 5545 section 3.2.12).
type Status string

// The statuses.
const (
	NeedsAction Status = "NEEDS-ACTION"
	Accepted    Status = "ACCEPTED"
	Declined    Status = "DECLINED"
	Tentative   Status = "TENTATIVE"
	Delegated   Status = "DELEGATED"
)

// person reads an ORGANIZER or ATTENDEE. Where the value is no mailto: URI, some
// programs have the address in the parameter EMAIL (RFC 7986 section 6.2).
func person(l *contentline.Line) Person {
	param := func(name string) string {
		v, _ := l.Param(name)
		return oneLine(v)
	}
	p := Person{Name: param("CN"), URI: strings.TrimSpace(l.Value), Addr: mailAddress(l.Value), SentBy: mailAddress(param("SENT-BY"))}
	if p.Addr == "" {
		p.Addr = mailAddress("mailto:" + param("EMAIL"))
	}
	if strings.EqualFold(p.Name, p.Addr) {
		p.Name = ""
	}
	return p
}

func attendee(l *contentline.Line) Attendee {
	upper := func(name, otherwise string) string {
		if v, ok := l.Param(name); ok && v != "" {
			return strings.ToUpper(oneLine(v))
		}
		return otherwise
	}
	return Attendee{
		Person: person(l),
		Status: Status(upper("PARTSTAT", string(NeedsAction))),
		Role:   upper("ROLE", "REQ-PARTICIPANT"),
		Kind:   upper("CUTYPE", "INDIVIDUAL"),
		RSVP:   upper("RSVP", "") == "TRUE",
	}
}

// mailAddress returns the address of a mailto: URI (RFC 6068 section 2), empty if it
// has not exactly one that can be shown and written to.
func mailAddress(uri string) string {
	const scheme = "mailto:"
	uri = strings.TrimSpace(uri)
	if len(uri) < len(scheme) || !strings.EqualFold(uri[:len(scheme)], scheme) {
		return ""
	}
	addr, _, _ := strings.Cut(uri[len(scheme):], "?")
	if plain, err := url.PathUnescape(addr); err == nil {
		addr = plain
	}
	at := strings.LastIndexByte(addr, '@')
	if at < 1 || at == len(addr)-1 || len(addr) > 320 || oneLine(addr) != addr || strings.ContainsAny(addr, " ,;<>()\"\ufffd") {
		return ""
	}
	return addr
}

// sameAddress compares mail addresses, in which nobody relies on case.
func sameAddress(a, b string) bool { return a != "" && strings.EqualFold(a, b) }

// Attendee returns the attendee with that mail address, nil if there is none.
func (v *Invite) Attendee(addr string) *Attendee {
	for i := range v.Attendees {
		if sameAddress(v.Attendees[i].Addr, addr) {
			return &v.Attendees[i]
		}
	}
	return nil
}
