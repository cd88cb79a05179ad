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
	n, err := s.expungeDeleted(ctx, among)
	if err != nil {
		return err
	}
	if n == 0 {
		return s.ok(ctx, "EXPUNGE completed.")
	}
	return s.ok(ctx, "EXPUNGE completed.", s.highestModSeq())
}

// expungeDeleted expunges the messages marked \Deleted, with among only those of its
// UIDs, and returns how many.
func (s *Session) expungeDeleted(ctx context.Context, among func(mail.UID) bool) (int, error) {
	if err := s.sync(ctx); err != nil {
		return 0, err
	}
	uids := s.deleted(among)
	if err := s.trusted(); err != nil {
		return 0, err
	}
	mbox := s.box.mbox
	return len(uids), s.busy(ctx, nil, func(ctx context.Context) error { return mbox.Expunge(ctx, uids) })
}
