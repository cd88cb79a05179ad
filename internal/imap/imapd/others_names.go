package imapd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
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
	order := s.inOrder(found)
	// What no order makes right is told once more.
	heard := s.heard(was, now, order)
	for name := range heard {
		both[name] = true
	}
	for _, name := range sortedNames(both) {
		if l := now[name]; heard[name] != (l.existence() == mailbox) {
			order = append(order, affect{name, name, imap.NotifyMailboxName})
		}
	}
	return order
}

// heard returns which mailboxes there are for somebody who knew what was and has heard of
// changes.
func (s *Session) heard(was, now map[string]listed, changes []affect) map[string]bool {
	names := make(map[string]bool)
	for name, l := range was {
		if l.existence() == mailbox {
			names[name] = true
		}
	}
	for _, a := range changes {
		if a.event&imap.NotifyMailboxName == 0 {
			continue
		}
		if a.old != a.name {
			for _, name := range sortedNames(names) {
				if s.within(name, a.old) {
					delete(names, name)
					names[a.name+name[len(a.old):]] = true
				}
			}
		}
		l := now[a.name]
		delete(names, a.name)
		if l.existence() == mailbox {
			names[a.name] = true
		}
	}
	return names
}

// inOrder sorts names so that what the client makes of one response after the other is
// right: it takes OLDNAME for a mailbox that has gone from there with all below it, so
// what is there now is told after that. First come those that were renamed from below
// another that was.
func (s *Session) inOrder(found map[string]*affect) []affect {
	out := make([]affect, 0, len(found))
	var add func(a *affect)
	add = func(a *affect) {
		if found[a.name] == nil {
			return
		}
		delete(found, a.name)
		for _, name := range sortedNames(found) {
			if b := found[name]; b != nil && b.old != b.name && (s.within(a.name, b.old) || a.old != a.name && s.within(b.old, a.old)) {
				add(b)
			}
		}
		out = append(out, *a)
	}
	for _, name := range sortedNames(found) {
		if a := found[name]; a != nil {
			add(a)
		}
	}
	return out
}

// alongWith reports whether a mailbox was renamed only because the one above it was.
func (s *Session) alongWith(renamed map[string]string, name, old string) bool {
	up, oldUp := s.above(name), s.above(old)
	return up != "" && oldUp != "" && renamed[up] == oldUp && name[len(up):] == old[len(oldUp):]
}

// renames returns what mailboxes that have another name now were called before.
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
	// Names that were exchanged in a ring cannot be told one after the other.
	for _, name := range sortedNames(renamed) {
		at := renamed[name]
		for n := len(renamed); n > 0 && at != "" && at != name; n-- {
			at = renamed[at]
		}
		if at == name {
			delete(renamed, name)
		}
	}
	return renamed
}

// change is what a client has done to a name itself.
type change struct {
	name string
	to   func(*listed) (already bool) // makes of it what the client takes it for
	all  bool                         // done to all below it, too
}

func made(l *listed) bool {
	already := l.existence() == mailbox
	l.NonExistent, l.NoSelect = false, false
	return already
}

func unmade(l *listed) bool {
	already := l.existence() != mailbox
	l.NonExistent = true
	return already
}

func subscribed(on bool) func(*listed) bool {
	return func(l *listed) bool {
		already := l.Subscribed == on
		l.NonExistent = l.NonExistent || l.Name == ""
		l.Subscribed = on
		return already
	}
}

// causedRename is caused for RENAME: of INBOX, of which there is another then, or of a
// name that may be only the parent of others.
func (s *Session) causedRename(ctx context.Context, from, to string) {
	if s.notify == nil || s.notify.others == nil {
		return
	}
	gone, come := change{from, unmade, true}, change{to, made, true}
	if from == mail.Inbox {
		gone.to = made
	} else if l := s.notify.others.known[from]; l.existence() != mailbox {
		come.to = func(*listed) bool { return true }
	}
	s.caused(ctx, gone, come)
}

// caused notes that the client itself has changed something about names, and so about
// those above them: it need not be told (RFC 5465 section 5). If somebody else has done
// more meanwhile, that is still to be told.
func (s *Session) caused(ctx context.Context, changes ...change) {
	if s.notify == nil || s.notify.others == nil {
		return
	}
	o := s.notify.others
	now, err := s.listAll(ctx)
	if err != nil {
		s.log.Warn("look at mailboxes for NOTIFY", "err", err)
		return // it is told then
	}
	for i := range changes {
		if name, err := s.acct.Canonical(changes[i].name); err == nil {
			changes[i].name = name
		}
	}
	concerned := func(name string) bool {
		return slices.ContainsFunc(changes, func(c change) bool { return s.within(c.name, name) || c.all && s.within(name, c.name) })
	}
	known := make(map[string]listed, len(now))
	for name, l := range now {
		if concerned(name) {
			known[name] = l
		}
	}
	for name, l := range o.known {
		if !concerned(name) {
			known[name] = l
		}
	}
	for _, c := range changes {
		l := known[c.name]
		if !c.to(&l) {
			l.Name, l.id = c.name, store.Identity{}
			known[c.name] = l
			o.first = time.Now()
		}
	}
	was := o.known
	o.known = known
	if err := s.watchOthers(ctx, o, was); err != nil {
		o.first = time.Now() // which tries again, or says that it is too much
	}
}

// within reports whether a name is another or below it.
func (s *Session) within(name, top string) bool {
	return name == top || strings.HasPrefix(name, top+string(s.acct.Delimiter()))
}
