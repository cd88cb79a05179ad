package imapd

import (
	"context"
	"errors"
	"slices"
	"time"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// others is what a client hears of mailboxes that it has not selected: STATUS
// responses for messages, LIST responses for names and subscriptions (RFC 5465 section
// 5). It holds what the client knows; whenever something may have changed it looks
// again, and what differs is told.
//
// A change of messages is told at once, and after that not again for quiet, so that a
// storm of deliveries is not one of responses. The tree of mailboxes is looked at when
// it has been at rest for quiet, or in motion for restless, since renaming a mailbox and
// all below it is many steps; and once more after restless, since other programs make a
// mailbox in steps of which only the first can be seen from above.
type others struct {
	groups   []imap.NotifyGroup
	named    map[string]imap.NotifyEvents // by NotifyMailboxes
	subtrees map[string]imap.NotifyEvents // by NotifySubtree

	watch *store.Observer
	known map[string]listed
	boxes map[string]*other           // whose messages are watched
	gone  map[string]mail.UIDValidity // of mailboxes that were in boxes
	// refused are mailboxes that would be in boxes if the client could see into them.
	refused map[string]bool

	dirty         map[string]bool // mailboxes to look at
	told          time.Time       // when something was told of one last
	first, second time.Time       // when to look at the tree; zero: no need
	moving        time.Time       // since when the tree is in motion, if first is set
}

const (
	quiet    = 100 * time.Millisecond
	restless = time.Second
)

// maxOthers is how many mailboxes are watched for a session. Each takes three of the
// kernel's watches, which all processes of the user share.
const maxOthers = 1000

// other is a mailbox whose messages are watched.
type other struct {
	id     store.Identity
	events imap.NotifyEvents
	known  store.Status // what the client knows, or could
	isNew  bool         // and has not been told its UIDVALIDITY
}

// listed is a name as LIST shows it. The zero listed is one that does not exist.
type listed struct {
	store.Info
	id store.Identity
}

// existence is what a name stands for.
type existence uint8

const (
	nothing existence = iota
	noMail            // a directory
	mailbox
)

func (l *listed) existence() existence {
	switch {
	case l.Name == "" || l.NonExistent:
		return nothing
	case l.NoSelect:
		return noMail
	}
	return mailbox
}

// errOverflow is that more mailboxes would have to be watched than may be.
var errOverflow = no(wire.CodeNotificationOverflow, "Too many mailboxes.")

// observe begins to watch the mailboxes that groups are about.
func (s *Session) observe(ctx context.Context, groups []imap.NotifyGroup) (*others, error) {
	o := &others{
		groups:   groups,
		named:    make(map[string]imap.NotifyEvents),
		subtrees: make(map[string]imap.NotifyEvents),
		boxes:    make(map[string]*other),
		gone:     make(map[string]mail.UIDValidity),
		refused:  make(map[string]bool),
		dirty:    make(map[string]bool),
	}
	for _, g := range groups {
		for _, name := range g.Mailboxes {
			name, err := s.acct.Canonical(name)
			switch {
			case err != nil: // no mailbox can have it
			case g.Filter == imap.NotifyMailboxes:
				o.named[name] |= g.Events
			default:
				o.subtrees[name] |= g.Events
			}
		}
	}
	var err error
	if o.watch, err = s.acct.Observe(); err != nil {
		return nil, err
	}
	if o.known, err = s.listAll(ctx); err == nil {
		err = s.watchOthers(ctx, o, nil)
	}
	if err != nil {
		return nil, errors.Join(err, o.watch.Close())
	}
	return o, nil
}

// listAll returns all names that LIST could show, by name.
func (s *Session) listAll(ctx context.Context) (map[string]listed, error) {
	nodes, err := s.nodes(ctx, imap.ListArgs{Subscribed: true})
	if err != nil {
		return nil, err
	}
	all := make(map[string]listed, len(nodes))
	for i := range nodes {
		l := listed{Info: nodes[i].Info}
		if !l.NonExistent {
			if l.id, err = s.acct.Identity(ctx, l.Name); err != nil {
				return nil, err
			}
		}
		all[l.Name] = l
	}
	return all, nil
}

// events are those that the client wants to hear of a mailbox.
func (s *Session) events(o *others, name string, subscribed bool) (e imap.NotifyEvents) {
	for _, g := range o.groups {
		switch g.Filter {
		case imap.NotifyPersonal, imap.NotifyInboxes: // RFC 5465 section 6.3: deliver can reach all
			e |= g.Events
		case imap.NotifySubscribed:
			if subscribed {
				e |= g.Events
			}
		}
	}
	e |= o.named[name]
	for ; name != ""; name = s.above(name) {
		e |= o.subtrees[name]
	}
	return e
}

// watchOthers watches the mailboxes that have to be watched as of o.known, and no
// other. was is what o.known has been until now; nil: at the beginning.
func (s *Session) watchOthers(ctx context.Context, o *others, was map[string]listed) error {
	renamed := renames(was, o.known)
	before := make(map[string]*other, len(o.boxes))
	for name, b := range o.boxes {
		l := o.known[name]
		if l.existence() == mailbox && l.id == b.id && s.events(o, name, l.Subscribed)&imap.NotifyMessageNew != 0 {
			continue
		}
		before[name] = b
		if len(o.gone) < maxOthers {
			o.gone[name] = b.known.UIDValidity
		}
		delete(o.boxes, name)
		if err := o.watch.Drop(name); err != nil {
			return err
		}
	}
	come := make(map[string]imap.NotifyEvents)
	for name, l := range o.known {
		e := s.events(o, name, l.Subscribed)
		switch b := o.boxes[name]; {
		case l.existence() != mailbox || e&imap.NotifyMessageNew == 0:
		case b != nil:
			b.events = e
		default:
			come[name] = e
		}
	}
	if len(o.boxes)+len(come) > s.watched {
		return errOverflow
	}
	looked, err := s.lookAtOthers(ctx, o, sortedNames(come), was == nil)
	if err != nil {
		return err
	}
	for i, name := range looked.names {
		l := o.known[name]
		b := &other{id: l.id, events: come[name], known: looked.found[i].status}
		if err := s.watchOther(ctx, o, b, name, looked.found[i].err); err != nil {
			return err
		}
		old, isNew := was[name]
		isNew = was != nil && (!isNew || old.id != l.id)
		switch from := before[renamed[name]]; {
		case o.boxes[name] == nil:
		case from != nil:
			b.known, o.dirty[name] = from.known, true
		case isNew:
			// What has come into it since it was made is news.
			validity := b.known.UIDValidity
			if gone, ok := o.gone[name]; ok {
				validity = gone // so that it is told as another
			}
			b.known, b.isNew = store.Status{UIDNext: 1, UIDValidity: validity}, true
			o.dirty[name] = true
		}
	}
	return nil
}

// lookAtOthers begins to watch mailboxes, and then looks at them. If that is because of
// a command, the client hears how it goes on.
func (s *Session) lookAtOthers(ctx context.Context, o *others, names []string, commanded bool) (*looks, error) {
	l := &looks{names: names, found: make([]look, len(names))}
	for i, name := range names {
		l.found[i].err = o.watch.Add(name)
	}
	needs := s.otherNeeds()
	if !commanded {
		l.all(ctx, s.acct, needs)
		return l, nil
	}
	return l, s.busy(ctx, l, func(ctx context.Context) error {
		l.all(ctx, s.acct, needs)
		return nil
	})
}

// watchOther enters a mailbox that is watched and was looked at; err tells if it could
// not be. That it is gone already is no error. If the client can see that there is one,
// but not what is in it, it is told so (RFC 5465 section 3.1).
func (s *Session) watchOther(ctx context.Context, o *others, b *other, name string, err error) error {
	if err == nil {
		o.boxes[name] = b
		if o.refused[name] {
			delete(o.refused, name)
			l := o.known[name]
			s.writeListed(s.otherAttributes(&l), name, name)
		}
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	if store.KindOf(err) == store.Denied {
		return s.refuseOther(o, name)
	}
	s.log.Warn("mailbox is not watched", "mailbox", name, "err", err)
	return o.watch.Drop(name)
}

// refuseOther ends watching a mailbox that the client cannot see into, and says so once
// (RFC 5465 section 5.9). It is tried again whenever the tree is looked at.
func (s *Session) refuseOther(o *others, name string) error {
	delete(o.boxes, name)
	if !o.refused[name] {
		o.refused[name] = true
		l := o.known[name]
		s.writeListed(append(s.otherAttributes(&l), wire.AttrNoAccess), name, name)
	}
	return o.watch.Drop(name)
}

// otherNeeds says what has to be known of a mailbox.
func (s *Session) otherNeeds() store.StatusNeeds {
	return store.StatusNeeds{HighestModSeq: s.enabled.condstore}
}

// otherAttributes are those of LIST responses that the client has not asked for.
func (s *Session) otherAttributes(l *listed) []string {
	if l.Name == "" {
		return []string{wire.AttrNonExistent, wire.AttrHasNoChildren}
	}
	return attributes(imap.ListArgs{Extended: true, ReturnSubscribed: true}, &node{Info: l.Info})
}

func (s *Session) isSelected(name string) bool { return s.box != nil && s.box.mbox.Name() == name }

func sortedNames[T any](of map[string]T) []string {
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// awaitOthers returns what wakes a session that waits: a change somewhere, and the time
// for what was put off.
func (s *Session) awaitOthers() (changed <-chan struct{}, due <-chan time.Time) {
	if s.notify == nil || s.notify.others == nil {
		return nil, nil
	}
	o := s.notify.others
	var next time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	sooner(o.first)
	sooner(o.second)
	if len(o.dirty) > 0 {
		sooner(o.told.Add(quiet))
	}
	if !next.IsZero() {
		due = time.After(time.Until(next))
	}
	return o.watch.C, due
}

// tellOthers tells what has happened outside of the selected mailbox, as far as it is
// time.
func (s *Session) tellOthers(ctx context.Context) error {
	if s.notify == nil || s.notify.others == nil {
		return nil
	}
	o := s.notify.others
	tree, boxes, err := o.watch.Take()
	for _, name := range boxes {
		o.dirty[name] = true
	}
	now := time.Now()
	if tree {
		if o.first.IsZero() {
			o.moving = now
		}
		o.first = now.Add(min(quiet, o.moving.Add(restless).Sub(now)))
		o.second = now.Add(restless)
	}
	if err != nil {
		return err
	}
	look := false
	for _, t := range []*time.Time{&o.first, &o.second} {
		if !t.IsZero() && !now.Before(*t) {
			*t, look = time.Time{}, true
		}
	}
	if look {
		if err := s.tellTree(ctx); err != nil {
			return err
		}
		if o = s.notify.others; o == nil {
			return s.out.Err() // too much
		}
	}
	if len(o.dirty) > 0 && now.Sub(o.told) >= quiet {
		return s.tellMessages(ctx)
	}
	return s.out.Err()
}
