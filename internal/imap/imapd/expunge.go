package imapd

import (
	"context"

	"fantail/internal/imap"
	"fantail/internal/mail"
)

// expunge is EXPUNGE (RFC 9051 section 6.4.3).
func (s *Session) expunge(ctx context.Context) error {
	s.in.CRLF()
	if err := s.in.Err(); err != nil {
		return err
	}
	return s.remove(ctx, nil)
}

// uidExpunge is UID EXPUNGE (RFC 4315 section 2.1).
func (s *Session) uidExpunge(ctx context.Context) error {
	set, err := imap.ScanUIDExpunge(s.in)
	if err != nil {
		return err
	}
	ts, err := s.resolve(set, true)
	if err != nil {
		return err
	}
	v := s.box.view
	return s.remove(ctx, func(uid mail.UID) bool { return ts.has(v.seq(uid)) })
}

// remove expunges the messages marked \Deleted, or those of them that are among
// the UIDs asked for, and tells.
func (s *Session) remove(ctx context.Context, among func(mail.UID) bool) error {
	if err := s.sync(ctx); err != nil {
		return err
	}
	uids := s.deleted(among)
	if err := s.trusted(); err != nil {
		return err
	}
	if err := s.box.mbox.Expunge(ctx, uids); err != nil {
		return err
	}
	if len(uids) == 0 {
		return s.ok(ctx, "EXPUNGE completed.")
	}
	return s.ok(ctx, "EXPUNGE completed.", s.highestModSeq())
}
