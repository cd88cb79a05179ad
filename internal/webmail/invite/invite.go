// Package invite reads the invitations that come by mail (iMIP, RFC 6047: parts of
// type text/calendar with iTIP, RFC 5546, in iCalendar, RFC 5545), and writes the
// replies to them. It does no I/O, but that time zones are looked up by a function.
//
// Parse returns an Invite for each VEVENT, with what people want to know: what, when,
// where, who, how often. All of it is text without control characters, within limits;
// none of it is markup, and none of it is to be believed: Doubts tells what does not
// fit the message that brought it.
//
// Times are instants. A local time is looked up by the name of its zone where that is
// one of IANA's, otherwise by the rules in the calendar (VTIMEZONE). One without a zone,
// or with one that nobody knows, floats: it is taken to be the reader's.
//
// Rules of recurrence are data for the page to put in words; Next lists occurrences, a
// few, with a budget. Rules that no calendar program makes (BYWEEKNO, BYYEARDAY, by
// hours or less) are not expanded, and say so.
//
// Reply makes the iTIP REPLY, to be sent as text/calendar; method=REPLY;
// charset=utf-8 (RFC 6047 section 2.4) to the organizer.
package invite

import (
	"errors"
	"time"
)

// The limits of what is read. Nothing that people send to each other comes near.
const (
	maxText      = 1 << 20 // octets of a calendar
	maxLines     = 20_000
	maxLine      = 64 << 10 // octets of a line
	maxParams    = 50
	maxDepth     = 8 // components in components
	maxEvents    = 100
	maxAttendees = 1_000 // of an event
	maxZones     = 50
	maxRules     = 200   // STANDARD and DAYLIGHT of a zone
	maxDates     = 1_000 // EXDATE and RDATE of an event
	maxShort     = 1_000 // octets of a text of one line
	maxUID       = 4_000 // octets of a UID to which there are replies
	maxLong      = 32 << 10
)

// ErrNoInvite tells that a text has no VEVENT in a VCALENDAR.
var ErrNoInvite = errors.New("no event in the calendar")

// Method is what the sender wants (RFC 5546 section 1.4).
type Method string

// The methods. Others are read as well.
const (
	Publish        Method = "PUBLISH"
	Request        Method = "REQUEST"
	ReplyMethod    Method = "REPLY"
	Add            Method = "ADD"
	Cancel         Method = "CANCEL"
	Refresh        Method = "REFRESH"
	Counter        Method = "COUNTER"
	DeclineCounter Method = "DECLINECOUNTER"
)

// Calendar is what a part of a message holds.
type Calendar struct {
	Method  Method // in upper case; empty: a file, and no message
	Invites []Invite
	Cut     bool // there was more than the limits allow
}

// Invite is an event, or one occurrence of it.
type Invite struct {
	Method      Method
	UID         string
	Sequence    int
	Stamp       time.Time // DTSTAMP
	Summary     string
	Location    string
	Description string // with line feeds
	URL         string // http or https, or empty
	Status      string // TENTATIVE, CONFIRMED, CANCELLED or empty
	Comment     string // what who replies has to say

	Start, End Moment // End is the first moment, or day, after it
	AllDay     bool   // Start and End are days

	Organizer Person
	Attendees []Attendee

	Repeats    *Repeat // nil: it does not
	Occurrence *Moment // RECURRENCE-ID: it is about this occurrence alone
	Following  bool    // and those that follow (RANGE=THISANDFUTURE)

	uid           string      // UID as written
	extra, except []time.Time // RDATE and EXDATE
	zone          zone        // of Start
	local         time.Time   // Start as its clock shows it, as if that were UTC
	occurrence    string      // RECURRENCE-ID as written, with parameters
}

// MomentKind is how a moment is told.
type MomentKind uint8

// The kinds of moments.
const (
	None     MomentKind = iota // there is none
	UTC                        // by the world's clock
	Zoned                      // by the clock of a zone, which is known
	Floating                   // by whatever clock the reader has
	Day                        // as a day: Time is its beginning where the reader is
)

// Moment is a DATE-TIME or DATE (RFC 5545 sections 3.3.4 and 3.3.5).
type Moment struct {
	Kind MomentKind
	Time time.Time // in its zone, or that of the reader
	Zone string    // TZID; also of a Floating one, if nobody knows the zone
}

// Options say where the reader is.
type Options struct {
	Local *time.Location // nil: UTC
	// Zone finds a zone by its IANA name. nil: time.LoadLocation.
	Zone func(name string) (*time.Location, error)
}
