package imapd

import (
	"context"

	"fantail/internal/imap/wire"
	"fantail/internal/store"
)

// move is MOVE (RFC 6851 section 3.1).
func (s *Session) move(ctx context.Context) error { return s.moveTo(ctx, false) }

// uidMove is UID MOVE (RFC 6851 section 3.2). UIDs that no message has any more are
// no error.
func (s *Session) uidMove(ctx context.Context) error { return s.moveTo(ctx, true) }

func (s *Session) moveTo(ctx context.Context, byUID bool) error {
	c, err := s.transfer(ctx, byUID, (*store.Mailbox).Move)
	if err != nil {
		return err
	}
	if len(c.Dst) == 0 {
		return s.ok(ctx, "Nothing to move.")
	}
	// RFC 6851 section 4.3: the code comes before the messages leave.
	s.out.Untagged(wire.OK).SP()
	copyUID(c)(s.out)
	s.out.Text("Moved.").CRLF()
	return s.ok(ctx, "MOVE completed.", s.highestModSeq())
}
