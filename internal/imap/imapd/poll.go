package imapd

import (
	"context"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// poll looks at the selected mailbox and tells the client what has changed, as
// far as the command in progress allows: EXPUNGE may not be sent while one that
// uses message numbers is answered (RFC 9051 section 7.5.1).
func (s *Session) poll(ctx context.Context) error {
	if s.box == nil {
		return nil
	}
	if err := s.sync(ctx); err != nil {
		return err
	}
	return s.tell(ctx, allUnsettled)
}

// allUnsettled is for tell where the client knows nothing of what has changed.
func allUnsettled(mail.UID, seen) bool { return false }

// sync brings the view's latest snapshot up to date. A session that has the
// mailbox open for writing takes new messages over: they are \Recent to it and to
// no other (RFC 3501 section 2.3.2). If the mailbox is gone the session ends.
func (s *Session) sync(ctx context.Context) error {
	b := s.box
	snap, err := b.mbox.Sync(ctx)
	if err != nil {
		return s.lost(err)
	}
	if snap == b.view.latest {
		return nil
	}
	switch {
	case snap.Status().Recent == 0:
	case b.readOnly:
		b.view.recent.add(b.view.known, newFrom(snap, b.view.latest.UIDNext()))
	default:
		claimed, err := b.mbox.ClaimRecent(ctx)
		if err != nil {
			return err
		}
		b.view.recent.add(b.view.known, claimed)
		if snap, err = b.mbox.Sync(ctx); err != nil {
			return s.lost(err)
		}
	}
	b.view.sync(snap)
	return nil
}

// newFrom returns the messages from a UID on that no session has taken over. They
// are mostly the last ones: it looks from the end until it has found as many as
// there are.
func newFrom(s *store.Snapshot, from mail.UID) (uids []mail.UID) {
	left := s.Status().Recent
	for i := s.Len() - 1; i >= 0 && left > 0 && s.UID(i) >= from; i-- {
		if s.IsNew(i) {
			uids = append(uids, s.UID(i))
			left--
		}
	}
	return uids
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

// damaged ends the session when the index that its numbering rests on has become
// unreadable: no number means anything any more, in what was asked or is answered.
// The next session finds the index made anew.
func (s *Session) damaged(err error) error {
	name := s.box.mbox.Name()
	s.log.Error("index damaged under a session", "mailbox", name, "err", err)
	if _, err := s.box.mbox.Sync(context.Background()); err != nil {
		s.log.Error("make index anew", "mailbox", name, "err", err)
	}
	s.bye(wire.CodeServerBug, "The mailbox's index was damaged, please reconnect.")
	return errBye
}

// trusted returns an error if a snapshot that the view rests on is damaged. What
// was read from one is sent, or acted upon, only if it returns nil afterwards.
func (s *Session) trusted() error {
	if err := s.box.view.err(); err != nil {
		return s.damaged(err)
	}
	return nil
}

// tell sends the difference between what the client knows and the last sync.
// settled says of a message with other flags that they need not be told. What the
// client does not want to hear of it goes on not to know (RFC 5465 section 3.1).
func (s *Session) tell(ctx context.Context, settled func(mail.UID, seen) bool) error {
	n := s.notify
	if n != nil && !n.tellsSelected() && !s.expunges {
		s.box.heardAhead(settled)
		return s.out.Err()
	}
	v := s.box.view
	next := v.known.UIDNext()
	c, err := v.advance(!s.numbers, s.wanted(settled))
	if err != nil {
		return s.damaged(err)
	}
	if c.none() {
		return s.out.Err()
	}
	for _, n := range c.expunged {
		s.out.Numbered(n, wire.RespExpunge).CRLF()
	}
	if len(c.vanished) > 0 {
		s.out.Untagged(wire.RespVanished).SP().Token(imap.Numbers(c.vanished).String()).CRLF()
	}
	if c.exists {
		s.out.Numbered(uint32(v.len()), wire.RespExists).CRLF()
		s.tellRecent()
	}
	if len(c.flags) > 0 {
		s.tellKeywords()
	}
	for m := range (targets{v, imap.Numbers(c.flags)}).messages(true) {
		if err := s.writeFlags(m); err != nil {
			return err
		}
	}
	if c.highest {
		s.okCode(wire.CodeHighestModSeq, uint64(v.highest()), "Highest mod-sequence.")
	}
	if c.exists {
		return s.tellNew(ctx, next)
	}
	return s.out.Err()
}

// tellRecent writes RECENT, to clients that speak IMAP4rev1.
func (s *Session) tellRecent() {
	if !s.enabled.rev2 {
		s.out.Numbered(uint32(s.box.view.recent.counted), wire.RespRecent).CRLF()
	}
}

// writeFlags writes a FETCH response with the flags of a message, unless it is
// gone.
func (s *Session) writeFlags(m *counted) error { return s.writeState(m, true) }

// writeState writes a FETCH response that the client has not asked for, with or
// without flags.
func (s *Session) writeState(m *counted, flags bool) error {
	if m.gone {
		return nil
	}
	if err := s.trusted(); err != nil {
		return err
	}
	s.out.Numbered(m.seq, wire.RespFetch).SP().ListStart()
	sp := func() {}
	if s.tellsUIDs() {
		s.out.Atom("UID").SP().Number(uint32(m.row.UID))
		sp = func() { s.out.SP() }
	}
	if s.modSeqs() {
		sp()
		imap.WriteModSeq(s.out.Atom("MODSEQ").SP(), m.row.ModSeq)
		sp = func() { s.out.SP() }
	}
	if flags {
		sp()
		s.out.Atom("FLAGS").SP()
		s.writeFlagText(m)
	}
	return s.out.ListEnd().CRLF().Err()
}
