package imapd

import (
	"context"
	"errors"

	"fantail/internal/mail"
)

// close is CLOSE (RFC 9051 section 6.4.1): what is marked \Deleted is removed
// without a word, unless the mailbox was opened by EXAMINE.
func (s *Session) close(ctx context.Context) error {
	s.in.CRLF()
	if err := s.in.Err(); err != nil {
		return err
	}
	if !s.box.readOnly {
		if _, err := s.expungeDeleted(ctx, nil); err != nil {
			return err
		}
	}
	if err := s.unselect(); err != nil {
		return err
	}
	return s.done("CLOSE completed.")
}

// unselectCommand is UNSELECT (RFC 9051 section 6.4.2).
func (s *Session) unselectCommand(context.Context) error {
	s.in.CRLF()
	if err := s.in.Err(); err != nil {
		return err
	}
	if err := s.unselect(); err != nil {
		return err
	}
	return s.done("UNSELECT completed.")
}

// unselect gives up the selected mailbox, if there is one.
func (s *Session) unselect() error {
	if s.box == nil {
		return nil
	}
	err := s.unwatch()
	b := s.box
	s.box = nil
	s.notify.leave(b)
	return errors.Join(err, b.mbox.Close())
}

// deleted returns the UIDs of the messages that are marked \Deleted; with among
// only those of its UIDs.
func (s *Session) deleted(among func(mail.UID) bool) []mail.UID {
	snap := s.box.view.latest
	var uids []mail.UID
	left := snap.Status().Deleted
	if left == 0 {
		return nil
	}
	for i, f := range snap.AllFlags() {
		if !f.Has(mail.Deleted) {
			continue
		}
		if uid := snap.UID(i); among == nil || among(uid) {
			uids = append(uids, uid)
		}
		if left--; left == 0 {
			break
		}
	}
	return uids
}
