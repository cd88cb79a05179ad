package imapd

import (
	"context"
	"slices"
	"time"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// What NOTIFY tells of the messages of mailboxes that are not selected: STATUS
// responses (RFC 5465 sections 5.1 to 5.3).

// statusItems are those that NOTIFY SET STATUS tells of a mailbox (RFC 5465 section 3.1).
func (s *Session) statusItems(e imap.NotifyEvents) []imap.StatusItem {
	items := []imap.StatusItem{imap.StatusMessages, imap.StatusUIDNext, imap.StatusUIDValidity}
	if e&imap.NotifyFlagChange != 0 && !s.off.has(wire.CapCondStore) {
		items = append(items, imap.StatusHighestModSeq)
	}
	return items
}

// tellStatuses tells the state of all mailboxes whose messages are watched.
func (s *Session) tellStatuses(ctx context.Context) error {
	o := s.notify.others
	for _, name := range sortedNames(o.boxes) {
		b := o.boxes[name]
		if s.isSelected(name) {
			continue
		}
		items := s.statusItems(b.events)
		if slices.Contains(items, imap.StatusHighestModSeq) && b.known.HighestModSeq == 0 {
			now, err := s.acct.Status(ctx, name, store.StatusNeeds{HighestModSeq: true})
			if err != nil {
				if err = s.unlessFailed(err); err != nil {
					return err
				}
				continue // as if it were gone; the tree tells
			}
			b.known = now
		}
		s.writeStatus(name, items, &b.known)
	}
	return s.out.Err()
}

// tellMessages tells what has changed in mailboxes.
func (s *Session) tellMessages(ctx context.Context) error {
	o := s.notify.others
	for _, name := range sortedNames(o.dirty) {
		delete(o.dirty, name)
		b := o.boxes[name]
		if b == nil || s.isSelected(name) {
			continue
		}
		now, err := s.acct.Status(ctx, name, s.otherNeeds())
		switch kind := store.KindOf(err); {
		case err == nil:
		case kind == store.NotFound || kind == store.Gone:
			continue // the tree tells
		case ctx.Err() != nil:
			return err
		case kind == store.Denied:
			if err := s.refuseOther(o, name); err != nil {
				return err
			}
			continue
		default:
			s.log.Warn("look at a mailbox for NOTIFY", "mailbox", name, "err", err)
			continue
		}
		if items := s.statusNews(b, &now); len(items) > 0 {
			s.writeStatus(name, items, &now)
			b.isNew = false
			o.told = time.Now()
		}
		b.known = now
	}
	return s.out.Err()
}

// statusNews returns the items that tell a client of what has changed in a mailbox
// (RFC 5465 sections 5.1 to 5.3). Without CONDSTORE it hears of flags only if \Seen is
// among them.
func (s *Session) statusNews(b *other, now *store.Status) (items []imap.StatusItem) {
	was := &b.known
	counts := now.Messages != was.Messages || now.UIDNext != was.UIDNext
	renewed := now.UIDValidity != was.UIDValidity
	flags := b.events&imap.NotifyFlagChange != 0
	unseen := flags && (now.Unseen != was.Unseen || renewed)
	modseq := flags && s.enabled.condstore && now.HighestModSeq != was.HighestModSeq
	if !counts && !renewed && !unseen && !modseq {
		return nil
	}
	if counts || renewed {
		items = append(items, imap.StatusMessages, imap.StatusUIDNext)
	}
	if renewed || !counts || b.isNew {
		items = append(items, imap.StatusUIDValidity)
	}
	if unseen {
		items = append(items, imap.StatusUnseen)
	}
	if s.enabled.condstore {
		items = append(items, imap.StatusHighestModSeq)
	}
	return items
}

// deliveredElsewhere takes messages that the client has put into a mailbox for known,
// if nothing else has happened there.
func (s *Session) deliveredElsewhere(ctx context.Context, name string, uids []mail.UID) {
	b := s.notify.others.boxes[name]
	if b == nil || len(uids) == 0 || slices.Min(uids) != b.known.UIDNext {
		return
	}
	now, err := s.acct.Status(ctx, name, s.otherNeeds())
	if err == nil && now.UIDNext == slices.Max(uids)+1 && now.Messages == b.known.Messages+len(uids) {
		b.known = now
	}
}
