package webmail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"fantail/internal/locale"
	"fantail/internal/mail"
	"fantail/internal/message"
	"fantail/internal/store"
	"fantail/internal/webmail/compose"
	"fantail/internal/webmail/invite"
)

// invitationView is a card about an event that a message brought.
type invitationView struct {
	Kind      string // key of the sentence above it
	Who       string // who invites, answers, cancels
	Summary   string
	When      string
	Repeats   string // "": once
	Where     string
	URL       string
	About     string // what it says, some lines of it
	Guests    []guestView
	Others    int // guests who are not listed
	Doubts    []string
	Cancelled bool

	Action  string // where the form goes that answers; "" if nobody can
	Section string
	Answer  string // what was answered already: accepted, tentative, declined or ""
}

type guestView struct {
	Name   string
	Status string // key of what they have said
	Mark   string // icon
}

const (
	maxCalendar = 512 << 10
	maxCards    = 3 // events of a message with a card
	maxGuests   = 12
	maxAbout    = 1000 // octets
)

// kinds are the sentences above a card by what the sender wants.
var kinds = map[invite.Method]string{
	invite.Request: "reader.invites", invite.Publish: "reader.publishes", invite.Cancel: "reader.cancels", invite.ReplyMethod: "reader.replies",
	invite.Counter: "reader.counters", invite.DeclineCounter: "reader.declinesCounter", invite.Add: "reader.adds", invite.Refresh: "reader.refreshes",
}

// said are the statuses of guests.
var said = map[invite.Status]struct{ key, mark string }{
	invite.Accepted: {"reader.guestAccepted", "check"}, invite.Declined: {"reader.guestDeclined", "close"},
	invite.Tentative: {"reader.guestTentative", "help"}, invite.Delegated: {"reader.guestDelegated", "forward"},
}

// answers are what can be answered: by its name in forms, and the keyword that remembers it.
var answers = map[string]struct {
	status  invite.Status
	keyword mail.Keyword
	done    string
}{
	"accepted":  {invite.Accepted, "$InviteAccepted", "reader.didAccept"},
	"tentative": {invite.Tentative, "$InviteTentative", "reader.didTentative"},
	"declined":  {invite.Declined, "$InviteDeclined", "reader.didDecline"},
}

// calendarParts are the parts of a message with calendars, by their sections; at most a few.
func calendarParts(root *message.Part) []shown {
	var out []shown
	var walk func(p *message.Part, at []int)
	walk = func(p *message.Part, at []int) {
		if p.Is("text", "calendar") && len(out) < maxCards {
			out = append(out, shown{section: section(at), part: p})
		}
		for i, sub := range p.Parts {
			walk(sub, below(at, i))
		}
	}
	walk(root, nil)
	return out
}

// readCalendar reads an invitation; nil without an error: it is none.
func (r *request) readCalendar(p *message.Part, raw *os.File) (*invite.Calendar, error) {
	text, err := io.ReadAll(p.Text(raw, maxCalendar))
	if err != nil {
		return nil, fmt.Errorf("read calendar: %w", err)
	}
	cal, err := invite.Parse(string(text), invite.Options{Local: r.now.Location()})
	if errors.Is(err, invite.ErrNoInvite) {
		return nil, nil
	}
	return cal, err
}

// invitations fills in the cards of a letter. Of the same event in two parts, as many
// programs send it, there is one.
func (s *Site) invitations(r *request, l *letter, raw *os.File) error {
	seen := make(map[string]bool)
	for _, x := range calendarParts(l.root) {
		cal, err := r.readCalendar(x.part, raw)
		if err != nil {
			return err
		}
		if cal == nil {
			continue
		}
		for i := range cal.Invites {
			v := &cal.Invites[i]
			key := v.UID
			if v.Occurrence != nil {
				key += v.Occurrence.Time.String()
			}
			if seen[key] || len(l.Invitations) == maxCards {
				continue
			}
			seen[key] = true
			card := s.card(r, l, cal, v)
			card.Section = x.section
			if i > 0 {
				card.Action = "" // the form answers to the first one
			}
			l.Invitations = append(l.Invitations, card)
		}
	}
	return nil
}

// card describes an event.
func (s *Site) card(r *request, l *letter, cal *invite.Calendar, v *invite.Invite) invitationView {
	own := s.ownAddresses(r)
	c := invitationView{
		Kind: kinds[v.Method], Summary: oneLine(v.Summary), Where: oneLine(v.Location), URL: v.URL, About: about(v.Description),
		Cancelled: v.Method == invite.Cancel || v.Status == "CANCELLED", When: r.span(v), Repeats: r.repeats(v.Repeats),
	}
	if c.Kind == "" || v.Method == invite.Request && v.Sequence > 0 {
		c.Kind = map[bool]string{true: "reader.updates", false: "reader.publishes"}[v.Method == invite.Request]
	}
	c.Who = guestName(v.Organizer)
	if v.Method == invite.ReplyMethod || v.Method == invite.Counter {
		if len(v.Attendees) > 0 {
			c.Who = guestName(v.Attendees[0].Person)
			if x, ok := said[v.Attendees[0].Status]; ok && v.Method == invite.ReplyMethod {
				c.Kind = x.key + "You"
			}
		}
	}
	if c.Who == "" {
		c.Who = names(l.root.Envelope().From)
	}
	for _, a := range v.Attendees {
		if len(c.Guests) == maxGuests {
			c.Others = len(v.Attendees) - maxGuests
			break
		}
		g := guestView{Name: guestName(a.Person), Status: "reader.guestSilent", Mark: "clock"}
		if x, ok := said[a.Status]; ok {
			g.Status, g.Mark = x.key, x.mark
		}
		c.Guests = append(c.Guests, g)
	}
	for _, d := range cal.Doubts(v, addresses(l.root), own) {
		if key := "reader.doubt." + string(d); r.lang.Has(key) {
			c.Doubts = append(c.Doubts, r.lang.Text(key))
		}
	}
	if v.Method == invite.Request && v.Organizer.Addr != "" && s.outbox != nil && len(own) > 0 {
		c.Action = l.f.path("/invitation")
	}
	for _, k := range l.f.snap.Keywords(l.f.at) {
		for name, a := range answers {
			if strings.EqualFold(string(k), string(a.keyword)) {
				c.Answer = name
			}
		}
	}
	return c
}

func guestName(p invite.Person) string {
	if name := oneLine(p.Name); name != "" {
		return name
	}
	return oneLine(p.Addr)
}

// about shortens a description.
func about(text string) string {
	if len(text) > maxAbout {
		text = strings.ToValidUTF8(text[:maxAbout], "") + "…"
	}
	return strings.TrimSpace(text)
}

// addresses are those of who sent a message.
func addresses(root *message.Part) []string {
	env := root.Envelope()
	var out []string
	for _, list := range [][]message.Address{env.From, env.Sender} {
		for _, a := range list {
			if a.Valid() {
				out = append(out, a.Addr())
			}
		}
	}
	return out
}

// span writes when an event is, where the reader is.
func (r *request) span(v *invite.Invite) string {
	if v.Start.Kind == invite.None {
		return ""
	}
	zone := r.now.Location()
	start, end := v.Start.Time.In(zone), v.End.Time.In(zone)
	if v.AllDay {
		start, end = v.Start.Time, v.End.Time.AddDate(0, 0, -1)
		if v.End.Kind == invite.None || !end.After(start) {
			return r.lang.Date(start, locale.Date)
		}
		return r.lang.Text("reader.from", "start", r.lang.Date(start, locale.Date), "end", r.lang.Date(end, locale.Date))
	}
	text := r.lang.Date(start, locale.Full)
	switch {
	case v.End.Kind == invite.None || !end.After(start):
	case sameDay(start, end):
		text = r.lang.Text("reader.from", "start", text, "end", r.lang.Date(end, locale.Time))
	default:
		text = r.lang.Text("reader.from", "start", text, "end", r.lang.Date(end, locale.Full))
	}
	return text + " (" + start.Format("MST") + ")"
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

// repeats writes how often an event is; "" if it is once.
func (r *request) repeats(p *invite.Repeat) string {
	if p == nil {
		return ""
	}
	key := map[invite.Freq]string{invite.Daily: "reader.daily", invite.Weekly: "reader.weekly", invite.Monthly: "reader.monthly", invite.Yearly: "reader.yearly"}[p.Freq]
	if key == "" || p.Partial {
		return r.lang.Text("reader.repeats")
	}
	text := r.lang.Text(key, "n", max(1, p.Interval))
	switch {
	case p.Count > 0:
		text += ", " + r.lang.Text("reader.times", "n", p.Count)
	case p.Until.Kind != invite.None:
		text += ", " + r.lang.Text("reader.until", "date", r.lang.Date(p.Until.Time.In(r.now.Location()), locale.DayYear))
	}
	return text
}

// reply answers an invitation.
func (s *Site) reply(w http.ResponseWriter, r *request) error {
	answer, ok := answers[r.PostFormValue("answer")]
	own := s.ownAddresses(r)
	if !ok || s.outbox == nil || len(own) == 0 {
		return &problem{http.StatusBadRequest, "error.badForm"}
	}
	f, root, err := s.findMessage(r)
	if err != nil {
		return err
	}
	defer f.Close()
	v, err := s.invited(r, f, root, r.PostFormValue("section"))
	if err != nil {
		return err
	}
	me := own[0]
	for _, address := range own {
		if v.Attendee(address) != nil {
			me = address
			break
		}
	}
	m, err := s.replyMessage(r, v, me, answer.status)
	if errors.Is(err, invite.ErrNoReply) {
		return &problem{http.StatusConflict, "reader.noReply"}
	}
	if err != nil {
		return err
	}
	built, err := m.Build(compose.Output{Form: compose.ForTransport})
	if err != nil {
		return fmt.Errorf("answer invitation: %w", err)
	}
	recipients, err := m.Recipients()
	if err != nil {
		return fmt.Errorf("answer invitation: %w", err)
	}
	if err := s.outbox.Send(r.Context(), me, recipients, built); err != nil {
		return err
	}
	if err := s.remember(r, f, answer.keyword); err != nil {
		return err
	}
	text := r.lang.Text(answer.done, "event", oneLine(v.Summary))
	return s.answer(w, r, text, s.undo.keep(text, nil))
}

// invited finds the invitation that a form answers.
func (s *Site) invited(r *request, f *found, root *message.Part, section string) (*invite.Invite, error) {
	raw, err := f.OpenMessage(r.Context(), f.uid())
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	for _, x := range calendarParts(root) {
		if x.section != section {
			continue
		}
		cal, err := r.readCalendar(x.part, raw)
		if err != nil {
			return nil, err
		}
		if cal != nil && cal.Invites[0].Method == invite.Request {
			return &cal.Invites[0], nil
		}
	}
	return nil, &problem{http.StatusConflict, "reader.noReply"}
}

// replyMessage makes the message that answers (RFC 6047 section 2.4).
func (s *Site) replyMessage(r *request, v *invite.Invite, me string, status invite.Status) (*compose.Message, error) {
	data, err := invite.Reply(v, me, status, "", r.now)
	if err != nil {
		return nil, err
	}
	from, ok := s.sender(r, me)
	to, _ := compose.ParseRecipients(v.Organizer.Addr)
	if !ok || len(to) != 1 {
		return nil, invite.ErrNoReply
	}
	id, err := compose.NewMessageID(from.Domain)
	if err != nil {
		return nil, err
	}
	subject := r.lang.Text(map[invite.Status]string{invite.Accepted: "reader.subjectAccepted", invite.Tentative: "reader.subjectTentative", invite.Declined: "reader.subjectDeclined"}[status],
		"event", oneLine(v.Summary))
	return &compose.Message{
		From: from, To: to, Subject: compose.OneLine(subject), Date: r.now, MessageID: id, Text: subject + "\n\n" + r.span(v) + "\n",
		Calendar: &compose.Calendar{Method: "REPLY", Data: string(bytes.ToValidUTF8(data, nil))},
	}, nil
}

// remember notes on the message what was answered, for all programs that read it.
func (s *Site) remember(r *request, f *found, keyword mail.Keyword) error {
	for _, a := range answers {
		op := mail.Remove
		if a.keyword == keyword {
			op = mail.Add
		}
		c := store.FlagChange{Op: op, FlagSet: store.FlagSet{Keywords: []mail.Keyword{a.keyword}}}
		if _, err := f.SetFlags(r.Context(), []mail.UID{f.uid()}, c); err != nil {
			return err
		}
	}
	return nil
}
