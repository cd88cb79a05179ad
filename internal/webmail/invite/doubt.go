package invite

import "slices"

// Doubt is a reason not to believe an invitation.
type Doubt string

// The doubts. RFC 5546 section 6.1 and RFC 6047 section 3 describe the attacks.
const (
	NoOrganizer    Doubt = "no-organizer"     // nobody can be told
	OtherOrganizer Doubt = "other-organizer"  // the message is not from who invites or cancels
	OtherAttendee  Doubt = "other-attendee"   // the message is not from who replies
	NotInvited     Doubt = "not-invited"      // none of the reader's addresses is
	NotMyEvent     Doubt = "not-my-event"     // a reply to what the reader does not organize
	OtherCalendars Doubt = "several-subjects" // one message, several events
)

// Doubts compares an invitation with the message that brought it: from are the
// addresses of its From and Sender fields, own those of the reader.
func (c *Calendar) Doubts(v *Invite, from, own []string) []Doubt {
	var list []Doubt
	doubt := func(d Doubt, is bool) {
		if is {
			list = append(list, d)
		}
	}
	isSender := func(p Person) bool { return among(p.Addr, from) || among(p.SentBy, from) }
	switch c.Method {
	case Request, Cancel, Add, DeclineCounter:
		doubt(NoOrganizer, v.Organizer.Addr == "")
		doubt(OtherOrganizer, v.Organizer.Addr != "" && !isSender(v.Organizer))
		invited := slices.ContainsFunc(v.Attendees, func(a Attendee) bool { return among(a.Addr, own) })
		doubt(NotInvited, !invited && !among(v.Organizer.Addr, own))
	case ReplyMethod, Counter, Refresh:
		known := slices.ContainsFunc(v.Attendees, func(a Attendee) bool { return isSender(a.Person) })
		doubt(OtherAttendee, !known)
		doubt(NotMyEvent, !among(v.Organizer.Addr, own))
	}
	doubt(OtherCalendars, c.Method != "" && c.Method != Publish &&
		slices.ContainsFunc(c.Invites, func(o Invite) bool { return o.UID != v.UID }))
	return list
}

func among(addr string, list []string) bool {
	return slices.ContainsFunc(list, func(a string) bool { return sameAddress(addr, a) })
}
