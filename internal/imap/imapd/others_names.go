package imapd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/store"
)

// What NOTIFY tells of the names of mailboxes and of subscriptions: LIST responses (RFC
// 5465 sections 5.4 and 5.5).

// tellTree tells which mailboxes and subscriptions have come and gone, and watches
// those that have to be watched now.
func (s *Session) tellTree(ctx context.Context) error {
	o := s.notify.others
	now, err := s.listAll(ctx)
	if err != nil {
		return err
	}
	was := o.known
	o.known = now
	for _, a := range s.affected(was, now) {
		l := now[a.name]
		subscribed := l.Subscribed || was[a.name].Subscribed || was[a.old].Subscribed
		e := s.events(o, a.name, subscribed)
		if a.old != a.name {
			e |= s.events(o, a.old, subscribed)
		}
		if e&a.event != 0 {
			s.writeListed(s.otherAttributes(&l), a.name, a.old)
		}
	}
	err = s.watchOthers(ctx, o, was)
	if !errors.Is(err, errOverflow) {
		return err
	}
	// RFC 5465 section 5.8.
	s.out.Untagged(wire.OK).SP().CodeStart(wire.CodeNotificationOverflow).CodeEnd().Text(errOverflow.text).CRLF()
	err = errors.Join(s.notify.close(), s.unwatch())
	s.notify = new(notify)
	return err
}

// affect is a name of which the client may have to hear.
type affect struct {
	name, old string // the same, unless it was renamed
	event     imap.NotifyEvents
}

// affected returns the names of which two listings show that something has happened,
// sorted (RFC 5465 sections 5.4 and 5.5).
func (s *Session) affected(was, now map[string]listed) []affect {
	renamed := renames(was, now)
	left := make(map[string]bool, len(renamed))
	for _, old := range renamed {
		left[old] = true
	}
	found := make(map[string]*affect)
	add := func(name, old string, event imap.NotifyEvents) {
		if found[name] == nil {
			found[name] = &affect{name: name, old: name}
		}
		found[name].event |= event
		if old != name {
			found[name].old = old
		}
	}
	both := make(map[string]bool, len(now))
	for _, of := range []map[string]listed{was, now} {
		for name := range of {
			both[name] = true
		}
	}
	for name := range both {
		a, b := was[name], now[name]
		if a.Subscribed != b.Subscribed {
			add(name, name, imap.NotifySubscriptionChange)
		}
		if old, ok := renamed[name]; ok {
			if !s.alongWith(renamed, name, old) {
				add(name, old, imap.NotifyMailboxName)
			}
			continue
		}
		if a.existence() == b.existence() && a.id == b.id || left[name] && b.existence() == nothing {
			continue
		}
		add(name, name, imap.NotifyMailboxName)
		if up := s.above(name); up != "" {
			add(up, up, imap.NotifyMailboxName)
		}
	}
	out := make([]affect, 0, len(found))
	for _, name := range sortedNames(found) {
		out = append(out, *found[name])
	}
	return out
}

// alongWith reports whether a mailbox was renamed only because the one above it was.
func (s *Session) alongWith(renamed map[string]string, name, old string) bool {
	up, oldUp := s.above(name), s.above(old)
	return up != "" && oldUp != "" && renamed[up] == oldUp && name[len(up):] == old[len(oldUp):]
}

// renames returns what mailboxes that have another name now were called before. INBOX is
// never among them: when it is renamed, only its messages move, to a mailbox that is new
// in all else, and INBOX stays what it is (RFC 9051 section 6.3.6, RFC 8474 section 4).
// That is told as what can be seen, a creation. RFC 5465 section 5.4 has an OLDNAME for
// it too, from which the client has to know that this one old name is not gone; without
// it the client fetches again what it could have kept.
func renames(was, now map[string]listed) map[string]string {
	left := make(map[store.Identity]string)
	for name, l := range was {
		if l.id != (store.Identity{}) && now[name].id != l.id {
			left[l.id] = name
		}
	}
	renamed := make(map[string]string)
	for name, l := range now {
		if old, ok := left[l.id]; ok && was[name].id != l.id {
			renamed[name] = old
		}
	}
	return renamed
}

// caused notes that the client itself has changed something about mailboxes, and all
// above and below them: it need not be told (RFC 5465 section 5).
func (s *Session) caused(ctx context.Context, names ...string) {
	if s.notify == nil || s.notify.others == nil {
		return
	}
	o := s.notify.others
	now, err := s.listAll(ctx)
	if err != nil {
		s.log.Warn("look at mailboxes for NOTIFY", "err", err)
		return // it is told then
	}
	for i, name := range names {
		if c, err := s.acct.Canonical(name); err == nil {
			names[i] = c
		}
	}
	known := make(map[string]listed, len(now))
	for name, l := range now {
		if s.concerns(name, names) {
			known[name] = l
		}
	}
	for name, l := range o.known {
		if !s.concerns(name, names) {
			known[name] = l
		}
	}
	was := o.known
	o.known = known
	if err := s.watchOthers(ctx, o, was); err != nil {
		o.first = time.Now() // which tries again, or says that it is too much
	}
}

// concerns reports whether a name is one of others, or above or below one.
func (s *Session) concerns(name string, others []string) bool {
	level := string(s.acct.Delimiter())
	return slices.ContainsFunc(others, func(o string) bool {
		return name == o || strings.HasPrefix(name, o+level) || strings.HasPrefix(o, name+level)
	})
}
