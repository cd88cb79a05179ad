package imapd

import (
	"context"
	"errors"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// notify is what a client has asked to be told by NOTIFY (RFC 5465), until the next
// NOTIFY or the end of the session. SELECT does not change it.
//
// Without a NOTIFY changes in the selected mailbox are told at the end of commands and
// during IDLE. From the first one on they are told as it says: between commands too
// (betweenCommands), the rest as ever; or not at all, and then what the client knows of
// the mailbox stands still until the next NOTIFY SET, be it during IDLE or NOOP. Since
// MessageNew and MessageExpunge only come together, there is nothing between the two
// but flags that are not told (selected.muted).
//
// What happens in other mailboxes is the business of others.
type notify struct {
	selected imap.NotifyEvents // none: nothing of the selected mailbox is told
	delayed  bool              // EXPUNGE waits for a command (RFC 5465 section 6.1.2)
	fetch    []imap.FetchItem  // told of new messages
	others   *others           // nil: nothing of other mailboxes is told
}

// tellsSelected reports whether the client wants to hear of the selected mailbox.
func (n *notify) tellsSelected() bool { return n.selected != 0 }

// close ends all watches, of no notify as well.
func (n *notify) close() error {
	if n == nil || n.others == nil {
		return nil
	}
	o := n.others
	n.others = nil
	return o.watch.Close()
}

// leave notes that a mailbox is not the selected one any more, so that the client hears
// of it by STATUS: what it was not told until now, too.
func (n *notify) leave(b *selected) {
	if n == nil || n.others == nil {
		return
	}
	name := b.mbox.Name()
	o := n.others.boxes[name]
	if o == nil {
		return
	}
	o.known = b.view.known.Status()
	if b.view.known != b.view.told || len(b.muted) > 0 {
		o.known.Unseen, o.known.HighestModSeq = -1, 0 // nobody can say
	}
	n.others.dirty[name] = true
}

// heard notes what the client was told of a mailbox by STATUS, whyever.
func (n *notify) heard(name string, items []imap.StatusItem, st *store.Status) {
	if n == nil || n.others == nil || n.others.boxes[name] == nil {
		return
	}
	known := &n.others.boxes[name].known
	for _, item := range items {
		switch item {
		case imap.StatusMessages:
			known.Messages = st.Messages
		case imap.StatusUIDNext:
			known.UIDNext = st.UIDNext
		case imap.StatusUIDValidity:
			known.UIDValidity = st.UIDValidity
		case imap.StatusUnseen:
			known.Unseen = st.Unseen
		case imap.StatusHighestModSeq:
			known.HighestModSeq = st.HighestModSeq
		}
	}
}

// notifySupported are the events that the server knows. Those of metadata and
// annotations are for servers that have these (RFC 5465 sections 5.6 and 5.7).
const notifySupported = imap.NotifyMessageNew | imap.NotifyMessageExpunge | imap.NotifyFlagChange |
	imap.NotifyMailboxName | imap.NotifySubscriptionChange

// notifyCommand is NOTIFY (RFC 5465 section 3.1).
func (s *Session) notifyCommand(ctx context.Context) error {
	args, err := imap.ScanNotify(s.in)
	if err != nil {
		return err
	}
	for i := range args.Groups {
		if args.Groups[i].Events&^notifySupported != 0 {
			return badEvent()
		}
	}
	n, err := s.newNotify(ctx, args)
	if err != nil {
		return err
	}
	if len(args.Groups) > 0 {
		if err := s.tellAccumulated(ctx, n.fetch); err != nil {
			return errors.Join(err, n.close())
		}
	}
	was := s.notify
	s.notify = n
	if err := was.close(); err != nil {
		return err
	}
	if !n.tellsSelected() {
		if err := s.unwatch(); err != nil {
			return err
		}
	}
	if args.Status && n.others != nil {
		if err := s.tellStatuses(ctx); err != nil {
			return err
		}
	}
	return s.done("NOTIFY completed.")
}

// badEvent is the answer to an event that is not supported; it names all that are.
func badEvent() *status {
	names := notifySupported.Names()
	names[0] = "(" + names[0]
	names[len(names)-1] += ")"
	return &status{kind: wire.NO, code: wire.CodeBadEvent, args: names, text: "Events of that type are not known."}
}

// newNotify begins to watch what the arguments are about.
func (s *Session) newNotify(ctx context.Context, args imap.NotifyArgs) (*notify, error) {
	n := new(notify)
	var groups []imap.NotifyGroup
	for _, g := range args.Groups {
		switch g.Filter {
		case imap.NotifySelected, imap.NotifySelectedDelayed:
			n.selected, n.fetch = g.Events, g.Fetch
			n.delayed = g.Filter == imap.NotifySelectedDelayed
		default:
			if g.Events != 0 {
				groups = append(groups, g)
			}
		}
	}
	if asks(n.fetch, imap.FetchModSeq) {
		s.enableCondStore() // RFC 7162 section 3.1: as FETCH of it
	}
	if len(groups) == 0 {
		return n, nil
	}
	var err error
	n.others, err = s.observe(ctx, groups)
	return n, err
}

// tellAccumulated tells all that the client does not know yet of the selected mailbox,
// whatever it wants to be told from now on: NOTIFY SET is a NOOP as well.
func (s *Session) tellAccumulated(ctx context.Context, fetch []imap.FetchItem) error {
	if s.box == nil {
		return nil
	}
	was := s.notify
	defer func() { s.notify = was }()
	s.notify = &notify{selected: notifySupported, fetch: fetch}
	if err := s.poll(ctx); err != nil {
		return err
	}
	b := s.box
	var nums []uint32
	for uid := range b.muted {
		if n := b.view.seq(uid); n > 0 {
			nums = append(nums, n)
		}
	}
	b.muted = nil
	if len(nums) > 0 {
		s.tellKeywords()
	}
	for m := range (targets{b.view, imap.Numbers(nums)}).messages(true) {
		if err := s.writeFlags(m); err != nil {
			return err
		}
	}
	return s.out.Err()
}

// wanted is settled for a client that wants no flags to be told: what it does not hear
// is remembered.
func (s *Session) wanted(settled func(mail.UID, seen) bool) func(mail.UID, seen) bool {
	if s.notify == nil || s.notify.selected&imap.NotifyFlagChange != 0 {
		return settled
	}
	b := s.box
	return func(uid mail.UID, now seen) bool {
		if !settled(uid, now) {
			b.mute(uid)
		}
		return true
	}
}

func (b *selected) mute(uid mail.UID) {
	if b.muted == nil {
		b.muted = make(map[mail.UID]bool)
	}
	b.muted[uid] = true
}

// heardAhead is for a client that is told nothing, when a command has told it flags all
// the same: if they are as they were again, when it is told next, that is a change to it.
func (b *selected) heardAhead(settled func(mail.UID, seen) bool) {
	v := b.view
	if v.told == v.latest {
		return
	}
	for _, i := range v.latest.Since(v.told).Changed {
		if uid := v.latest.UID(i); uid < v.known.UIDNext() && settled(uid, seen{v.latest, i}) {
			b.mute(uid)
		}
	}
}

// tellNew tells what the client wants to know of new messages, those from a UID on,
// unless they are its own (RFC 5465 section 5.2).
func (s *Session) tellNew(ctx context.Context, from mail.UID) error {
	if s.notify == nil || len(s.notify.fetch) == 0 {
		return s.out.Err()
	}
	v := s.box.view
	var nums []uint32
	first, _ := v.known.Find(from)
	for i := first; i < v.len(); i++ {
		if uid := v.known.UID(i); s.box.own[uid] {
			delete(s.box.own, uid)
		} else {
			nums = append(nums, uint32(i)+1)
		}
	}
	if len(nums) == 0 {
		return s.out.Err()
	}
	var args imap.FetchArgs
	// RFC 7162 section 3.2.4, RFC 9051 section 6.3.13.
	if (s.enabled.condstore || s.enabled.rev2) && !asks(s.notify.fetch, imap.FetchUID) {
		args.Items = append(args.Items, imap.UIDItem())
	}
	for _, item := range s.notify.fetch {
		if item.Kind != imap.FetchModSeq || s.modSeqs() { // which this mailbox may not have
			args.Items = append(args.Items, item)
		}
	}
	if s.modSeqs() && !asks(args.Items, imap.FetchModSeq) {
		args.Items = append(args.Items, imap.ModSeqItem())
	}
	f := &fetcher{s: s, ctx: ctx, ts: targets{v, imap.Numbers(nums)}}
	f.plan(args, false)
	if err := f.prepare(args); err != nil {
		return err
	}
	if err := f.answerAll(); err != nil {
		return err
	}
	return s.tell(ctx, f.told)
}

// delivered notes that the client has put messages into a mailbox, and need not be
// told (RFC 5465 sections 5 and 5.2).
func (s *Session) delivered(ctx context.Context, name string, uids []mail.UID) {
	n := s.notify
	switch {
	case n == nil:
	case s.box != nil && s.box.mbox.Name() == name:
		if len(n.fetch) == 0 {
			return
		}
		if s.box.own == nil {
			s.box.own = make(map[mail.UID]bool)
		}
		for _, uid := range uids {
			s.box.own[uid] = true
		}
	case n.others != nil:
		s.deliveredElsewhere(ctx, name, uids)
	}
}
