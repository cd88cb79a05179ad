package imap

import (
	"errors"
	"strings"

	"fantail/internal/imap/wire"
	"fantail/internal/mail"
)

// NotifyEvents is a set of the events of RFC 5465 section 5.
type NotifyEvents uint16

// The events.
const (
	NotifyMessageNew NotifyEvents = 1 << iota
	NotifyMessageExpunge
	NotifyFlagChange
	NotifyAnnotationChange
	NotifyMailboxName
	NotifySubscriptionChange
	NotifyMailboxMetadataChange
	NotifyServerMetadataChange
	NotifyUnknown // one of no name that is known
)

// notifyEvents are the events by name.
var notifyEvents = []struct {
	name  string
	event NotifyEvents
}{
	{"MessageNew", NotifyMessageNew},
	{"MessageExpunge", NotifyMessageExpunge},
	{"FlagChange", NotifyFlagChange},
	{"AnnotationChange", NotifyAnnotationChange},
	{"MailboxName", NotifyMailboxName},
	{"SubscriptionChange", NotifySubscriptionChange},
	{"MailboxMetadataChange", NotifyMailboxMetadataChange},
	{"ServerMetadataChange", NotifyServerMetadataChange},
}

// Names are the names of the events that have one, as RFC 5465 section 8 spells them.
func (e NotifyEvents) Names() []string {
	var names []string
	for _, n := range notifyEvents {
		if e&n.event != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

const (
	notifyNewAndExpunge = NotifyMessageNew | NotifyMessageExpunge
	notifyMessage       = notifyNewAndExpunge | NotifyFlagChange | NotifyAnnotationChange
)

// NotifyFilter says which mailboxes a group of events is about (RFC 5465 section 6),
// by its name in small letters.
type NotifyFilter string

// The filters.
const (
	NotifySelected        NotifyFilter = "selected"
	NotifySelectedDelayed NotifyFilter = "selected-delayed"
	NotifyInboxes         NotifyFilter = "inboxes"
	NotifyPersonal        NotifyFilter = "personal"
	NotifySubscribed      NotifyFilter = "subscribed"
	NotifySubtree         NotifyFilter = "subtree"   // of Mailboxes
	NotifyMailboxes       NotifyFilter = "mailboxes" // Mailboxes
)

// aboutSelected reports whether it is the selected mailbox that the filter means.
func (f NotifyFilter) aboutSelected() bool {
	return f == NotifySelected || f == NotifySelectedDelayed
}

// NotifyGroup is the rule event-group of RFC 5465 section 8.
type NotifyGroup struct {
	Filter    NotifyFilter
	Mailboxes []string     // of NotifySubtree and NotifyMailboxes
	Events    NotifyEvents // none: NONE
	Fetch     []FetchItem  // what is to be told of new messages in the selected mailbox
}

// NotifyArgs are the arguments of NOTIFY: SET with groups, or NONE without.
type NotifyArgs struct {
	Status bool // STATUS responses are wanted at once
	Groups []NotifyGroup
}

// Limits of one NOTIFY.
const (
	maxNotifyGroups    = 100
	maxNotifyMailboxes = 1000 // in all groups
)

// ScanNotify scans the arguments of NOTIFY (RFC 5465 section 8) and the end of the
// command. A name that no mailbox can have is left out, since one that does not exist
// is to be ignored (section 3.1). Events that nobody has heard of are no error here.
func ScanNotify(s *wire.Scanner) (NotifyArgs, error) {
	var a NotifyArgs
	s.SP()
	switch {
	case s.TryName("NONE"):
	case s.TryName("SET"):
		s.SP()
		if a.Status = s.TryName("STATUS"); a.Status {
			s.SP()
		}
		a.scanGroup(s)
		for s.Err() == nil && s.Try(' ') {
			a.scanGroup(s)
		}
	default:
		s.Expected("SET or NONE")
	}
	s.CRLF()
	return a, s.Err()
}

// scanGroup scans the rule event-group.
func (a *NotifyArgs) scanGroup(s *wire.Scanner) {
	var g NotifyGroup
	s.ListStart()
	g.Filter = NotifyFilter(strings.ToLower(s.Name()))
	switch g.Filter {
	case NotifySelected, NotifySelectedDelayed:
		for i := range a.Groups {
			if a.Groups[i].Filter.aboutSelected() {
				s.Expected("one group for the selected mailbox") // RFC 5465 section 6.1
			}
		}
	case NotifyInboxes, NotifyPersonal, NotifySubscribed:
	case NotifySubtree, NotifyMailboxes:
		s.SP()
		g.Mailboxes = a.scanMailboxes(s)
	default:
		s.Expected("a filter of mailboxes")
	}
	s.SP()
	g.scanEvents(s)
	s.ListEnd()
	if s.Err() == nil && len(a.Groups) >= maxNotifyGroups {
		s.Fail(&wire.LimitError{Budget: "number of event groups", Limit: maxNotifyGroups})
	}
	a.Groups = append(a.Groups, g)
}

// scanMailboxes scans the rule one-or-more-mailbox.
func (a *NotifyArgs) scanMailboxes(s *wire.Scanner) (names []string) {
	left := maxNotifyMailboxes
	for i := range a.Groups {
		left -= len(a.Groups[i].Mailboxes)
	}
	one := func() {
		name, err := encodedName(s, s.AString())
		switch {
		case errors.Is(err, ErrMailboxName) || s.Err() != nil:
		case len(names) >= left:
			s.Fail(&wire.LimitError{Budget: "number of mailboxes", Limit: maxNotifyMailboxes})
		case strings.EqualFold(name, mail.Inbox):
			names = append(names, mail.Inbox)
		default:
			names = append(names, name)
		}
	}
	if s.Peek() != '(' {
		one()
	} else if s.List(one) == 0 {
		s.Expected("a mailbox")
	}
	return names
}

// scanEvents scans the rule events, and checks which stand together.
func (g *NotifyGroup) scanEvents(s *wire.Scanner) {
	if s.TryName("NONE") {
		return
	}
	s.ListStart()
	for more := true; more && s.Err() == nil; {
		more = g.scanEvent(s)
	}
	s.ListEnd()
	switch both := g.Events & notifyNewAndExpunge; {
	case both == notifyNewAndExpunge:
	case both != 0:
		s.Expected("MessageNew and MessageExpunge together") // RFC 5465 section 5
	case g.Events&notifyMessage != 0:
		s.Expected("MessageNew and MessageExpunge beside FlagChange or AnnotationChange")
	}
	if g.Filter.aboutSelected() && g.Events&^(notifyMessage|NotifyUnknown) != 0 {
		s.Expected("events of messages only for the selected mailbox") // RFC 5465 section 6.1
	}
}

// scanEvent scans the rule event and the space behind it, if there is one; it reports
// whether another event follows.
func (g *NotifyGroup) scanEvent(s *wire.Scanner) (more bool) {
	name := s.Atom()
	event := NotifyUnknown
	for _, n := range notifyEvents {
		if strings.EqualFold(name, n.name) {
			event = n.event
		}
	}
	g.Events |= event
	if !s.Try(' ') {
		return false
	}
	if event != NotifyMessageNew || s.Peek() != '(' {
		return true
	}
	if !g.Filter.aboutSelected() {
		s.Expected("data items only for the selected mailbox")
	}
	args := FetchArgs{Items: g.Fetch}
	if s.List(func() { args.scanItem(s) }) == 0 {
		s.Expected("a data item")
	}
	g.Fetch = args.Items
	return s.Try(' ')
}
