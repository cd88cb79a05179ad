package imapd

import (
	"context"

	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// poll looks at the selected mailbox and tells the client what has changed, as
// far as the command in progress allows: EXPUNGE may not be sent while one that
// uses message numbers is answered (RFC 9051 section 7.5.1).
func (s *Session) poll(ctx context.Context, mayExpunge bool) error {
	if s.box == nil {
		return nil
	}
	if err := s.sync(ctx); err != nil {
		return err
	}
	return s.tell(mayExpunge, func(mail.UID, seen) bool { return false })
}

// sync brings the view's latest snapshot up to date. A session that has the
// mailbox open for writing takes new messages over: they are \Recent to it and to
// no other (RFC 3501 section 2.3.2). If the mailbox is gone the session ends.
func (s *Session) sync(ctx context.Context) error {
	b := s.box
	snap, err := b.mbox.Sync(ctx)
	if err != nil {
		return s.lost(err)
	}
	if !b.readOnly && snap != b.view.latest && hasNew(snap) {
		claimed, err := b.mbox.ClaimRecent(ctx)
		if err != nil {
			return err
		}
		for _, uid := range claimed {
			b.view.recent[uid] = true
		}
		if snap, err = b.mbox.Sync(ctx); err != nil {
			return s.lost(err)
		}
	}
	if b.readOnly && snap != b.view.latest {
		for i := range snap.Len() {
			if snap.IsNew(i) {
				b.view.recent[snap.UID(i)] = true
			}
		}
	}
	b.view.latest = snap
	return nil
}

func hasNew(s *store.Snapshot) bool {
	for i := s.Len() - 1; i >= 0; i-- {
		if s.IsNew(i) {
			return true
		}
	}
	return false
}

// lost ends the session if its mailbox was deleted or replaced: its numbering
// means nothing any more (RFC 2180 section 3.3).
func (s *Session) lost(err error) error {
	if store.KindOf(err) != store.Gone {
		return err
	}
	s.log.Info("selected mailbox is gone", "mailbox", s.box.mbox.Name(), "err", err)
	s.bye("", "The selected mailbox was deleted or renamed.")
	return errBye
}

// tell sends the difference between what the client knows and the last sync.
// settled says of a message with other flags that they need not be told.
func (s *Session) tell(mayExpunge bool, settled func(mail.UID, seen) bool) error {
	v := s.box.view
	c := v.advance(mayExpunge, settled)
	if c.none() {
		return s.out.Err()
	}
	for _, n := range c.expunged {
		s.out.Numbered(n, wire.RespExpunge).CRLF()
	}
	if c.exists {
		s.out.Numbered(uint32(v.len()), wire.RespExists).CRLF()
		s.out.Numbered(uint32(v.countRecent()), wire.RespRecent).CRLF()
	}
	if len(c.flags) > 0 {
		s.tellKeywords()
	}
	for _, n := range c.flags {
		s.writeFlags(n)
	}
	return s.out.Err()
}
