package webmail

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"time"

	"fantail/internal/mail"
	"fantail/internal/message"
)

// letter is one message on a page: a line of its conversation, or all of it.
type letter struct {
	Anchor   string // id of its element
	Open     bool   // it is to be read; otherwise it shows when somebody wants it to
	Whole    bool   // all of it is on the page; otherwise Path leads to it
	Path     string
	Folder   string // where it is, if not where the page is
	Preview  string
	Value    string // in forms
	Flagged  bool
	Unread   bool
	Answered bool

	From, To, Cc []person
	ReplyTo      []person // if replies go elsewhere
	When         moment

	Warnings    []string
	First       string // the sender, if this is the first message of one
	Pictures    *picturesView
	Unsubscribe *unsubscribeView
	Invitations []invitationView
	Parts       []partView
	Files       []fileView
	All         string // the address of all files in one
	Other       string
	OtherName   string // of the other form of the same message
	Colours     string // the same with its own colours, or without; "" if that is no difference
	OwnColours  bool   // it shows them

	Reply, ReplyAll, ReplyList, Forward string
	Raw, Save, Headers                  string
	Print                               string // its HTML without a page around it; "" if it has none

	date time.Time
	id   string // Message-ID
	f    *found
	root *message.Part

	copies []*found // other messages with the same Message-ID
}

// maxWhole is how many messages of a conversation are on its page with all of their text.
const maxWhole = 10

// newLetter describes a message by its header.
func (s *Site) newLetter(r *request, f *found) (letter, error) {
	root, err := f.Structure(r.Context(), f.uid())
	if err != nil {
		return letter{}, err
	}
	l := letter{f: f, root: root, Anchor: "m-" + idOf(f.snap.Base(f.at)), Path: f.path("")}
	keys := root.ThreadKeys()
	l.id = string(keys.ID)
	flags := f.snap.Flags(f.at)
	l.Flagged, l.Unread, l.Answered = flags.Has(mail.Flagged), !flags.Has(mail.Seen), flags.Has(mail.Answered)
	l.address(root)
	date, ok := root.Date()
	if !ok {
		stat, err := f.Stat(r.Context(), f.uid())
		if err != nil {
			return letter{}, err
		}
		date = stat.Date
	}
	l.date, l.When = date, r.when(date)
	l.Raw, l.Save, l.Headers = f.path("/raw"), f.path("/eml"), f.path("/headers")
	return l, nil
}

// address fills in who wrote to whom.
func (l *letter) address(root *message.Part) {
	env := root.Envelope()
	l.From, l.To, l.Cc = people(env.From), people(env.To), people(env.Cc)
	if replies := people(env.ReplyTo); len(replies) > 0 && !samePeople(replies, l.From) {
		l.ReplyTo = replies
	}
}

// answers fills in where a message can be answered.
func (l *letter) answers() {
	place := func(how string) string { return "/compose?" + how + "=" + messageReference(l.f) }
	l.Reply, l.Forward = place("reply"), place("forward")
	if len(l.To)+len(l.Cc) > 1 {
		l.ReplyAll = place("replyall")
	}
	if len(values(l.root, "List-Post")) > 0 {
		l.ReplyList = place("list")
	}
}

// messageReference names a message in the address of the page where one writes: its id, and
// its place as elsewhere.
func messageReference(f *found) string {
	return idOf(f.snap.Base(f.at)) + "&f=" + url.QueryEscape(f.Name()) + "&u=" + strconv.FormatUint(uint64(f.uid()), 10)
}

// letters describes a conversation: one letter for each message, in the order that the
// reader wants, of which those are open that are unread or were asked for.
func (s *Site) letters(r *request, c *relatives, asked *found) ([]letter, error) {
	list := make([]letter, 0, len(c.list))
	for _, f := range c.list {
		l, err := s.newLetter(r, f)
		if err != nil && f != asked && missing(err) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	list = withoutCopies(list, asked)
	slices.SortStableFunc(list, func(a, b letter) int { return a.date.Compare(b.date) })
	list = list[max(0, len(list)-maxRelatives):]
	if !slices.ContainsFunc(list, func(l letter) bool { return l.f == asked }) {
		l, err := s.newLetter(r, asked)
		if err != nil {
			return nil, err
		}
		list = append([]letter{l}, list...)
	}
	for i, open := len(list)-1, 1; i >= 0; i-- {
		l := &list[i]
		l.Open = l.f == asked || l.Unread && open < maxWhole
		if l.Open && l.f != asked {
			open++
		}
		l.Whole = l.Open || len(list)-i <= maxWhole
	}
	if r.prefs.Order == "newest" {
		slices.Reverse(list)
	}
	return list, nil
}

// withoutCopies leaves of messages with the same Message-ID the one that was asked for, or
// that is in the same mailbox, or the first. It is read if one of them is, and what is done
// with it is done with all that are in its mailbox.
func withoutCopies(list []letter, asked *found) []letter {
	rank := func(l letter) int {
		switch {
		case l.f == asked:
			return 0
		case l.f.Name() == asked.Name():
			return 1
		}
		return 2
	}
	slices.SortStableFunc(list, func(a, b letter) int { return cmp.Compare(rank(a), rank(b)) })
	var out []letter
	at := make(map[string]int)
	for _, l := range list {
		if i, again := at[l.id]; again && l.id != "" {
			out[i].copies = append(out[i].copies, l.f)
			continue
		}
		at[l.id] = len(out)
		out = append(out, l)
	}
	return out
}

// uids are those of the message and its copies in a mailbox, ascending.
func (l *letter) uids(mailbox string) []mail.UID {
	var out []mail.UID
	for _, x := range append([]*found{l.f}, l.copies...) {
		if x.Name() == mailbox {
			out = append(out, x.uid())
		}
	}
	slices.Sort(out)
	return out
}

// fill reads what the message says, and what there is to say about it.
func (s *Site) fill(r *request, l *letter, here string) error {
	f := l.f
	l.Value = selection{f.Name(), f.snap.UIDValidity(), l.uids(f.Name())}.String()
	if f.Name() != here {
		l.Folder = s.folderName(r, f.Name())
	}
	if !l.Open {
		sum, err := s.boxes.summarize(r.Context(), f.view, f.uid())
		if err != nil {
			return err
		}
		l.Preview = sum.preview
	}
	if !l.Whole {
		return nil
	}
	raw, err := f.OpenMessage(r.Context(), f.uid())
	if err != nil {
		return err
	}
	defer raw.Close()
	a := authenticate(l.root, s.authority)
	l.Warnings = r.warnings(l.root, &a, s.ownAddresses(r))
	if s.outbox != nil {
		l.answers()
	}
	n, err := s.parts(r, l, l.root, nil, raw)
	if err != nil {
		return err
	}
	l.Pictures = s.aboutPictures(r, f, &a, n)
	l.Unsubscribe = s.aboutUnsubscribing(l, &a)
	return s.invitations(r, l, raw)
}

// seen marks the open letters as read, with their copies, if a person looks at them.
func (s *Site) seen(r *request, list []letter) error {
	for i := range list {
		if !list[i].Open {
			continue
		}
		for _, f := range append([]*found{list[i].f}, list[i].copies...) {
			if err := s.markSeen(r, f); err != nil {
				return err
			}
		}
	}
	return nil
}
