package imapd

import (
	"context"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// copy is COPY (RFC 9051 section 6.4.7).
func (s *Session) copy(ctx context.Context) error { return s.copyTo(ctx, false) }

// uidCopy is UID COPY (RFC 9051 section 6.4.9).
func (s *Session) uidCopy(ctx context.Context) error { return s.copyTo(ctx, true) }

func (s *Session) copyTo(ctx context.Context, byUID bool) error {
	c, err := s.transfer(ctx, byUID, (*store.Mailbox).Copy)
	if err != nil {
		return err
	}
	if len(c.Dst) == 0 {
		return s.ok(ctx, "Nothing to copy.")
	}
	return s.ok(ctx, "COPY completed.", copyUID(c))
}

// transfer scans a COPY or MOVE and carries it out, by the store's method for it.
func (s *Session) transfer(ctx context.Context, byUID bool,
	method func(*store.Mailbox, context.Context, []mail.UID, *store.Mailbox) (store.Copied, error)) (c store.Copied, err error) {
	args, err := imap.ScanCopy(s.in)
	if err != nil {
		return c, err
	}
	uids, dst, err := s.sending(ctx, args, byUID)
	if err != nil {
		return c, err
	}
	defer dst.Close()
	err = s.busy(ctx, nil, func(ctx context.Context) (err error) {
		c, err = method(s.box.mbox, ctx, uids, dst)
		return err
	})
	if err == nil && len(c.Dst) > 0 {
		s.delivered(ctx, dst.Name(), c.Dst)
	}
	return c, err
}

// sending returns the messages that a COPY or MOVE is about, and the mailbox that
// they go to, which the caller closes.
func (s *Session) sending(ctx context.Context, args imap.CopyArgs, byUID bool) ([]mail.UID, *store.Mailbox, error) {
	ts, err := s.resolve(args.Set, byUID)
	if err != nil {
		return nil, nil, err
	}
	dst, err := s.target(ctx, args.Mailbox)
	if err != nil {
		return nil, nil, err
	}
	if err = s.sync(ctx); err == nil && !byUID {
		err = s.allThere(ts)
	}
	var uids []mail.UID
	if err == nil {
		uids = ts.uids()
		err = s.trusted()
	}
	if err != nil {
		dst.Close() // nothing was written
		return nil, nil, err
	}
	return uids, dst, nil
}

// copyUID writes the response code that names both sets in the order of the
// copying (RFC 4315 section 3).
func copyUID(c store.Copied) func(*wire.Encoder) {
	return func(e *wire.Encoder) {
		e.CodeStart(wire.CodeCopyUID).SP().Number(uint32(c.UIDValidity))
		e.SP().Token(imap.Numbers(c.Src).String()).SP().Token(imap.Numbers(c.Dst).String()).CodeEnd()
	}
}

// allThere refuses a command on message numbers of which one is gone: it copies
// all or nothing (RFC 2180 section 4.4).
func (s *Session) allThere(ts targets) error {
	for m := range ts.messages(false) {
		if m.gone {
			return no(wire.CodeExpungeIssued, "Some of the messages no longer exist.")
		}
	}
	return nil
}

// target opens the mailbox that messages shall go to. If there is none the client
// is told that it may make it (RFC 9051 section 6.3.12).
func (s *Session) target(ctx context.Context, name string) (*store.Mailbox, error) {
	m, err := s.acct.Open(ctx, name)
	if store.KindOf(err) == store.NotFound && err != nil {
		return nil, no(wire.CodeTryCreate, "There is no such mailbox.")
	}
	return m, err
}
