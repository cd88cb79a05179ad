package pop3d

import (
	"context"

	"fantail/internal/pop3"
)

// dele answers DELE: a mark, until QUIT (RFC 1939 section 5).
func (s *session) dele(_ context.Context, args *pop3.Args) error {
	n := args.Number()
	if err := args.End(); err != nil {
		return err
	}
	m, err := s.drop.message(n)
	if err != nil {
		return err
	}
	m.deleted = true
	s.ok("Marked to be deleted.")
	return nil
}

// rset answers RSET: no marks (RFC 1939 section 5). That a message was retrieved
// stays true.
func (s *session) rset(_ context.Context, args *pop3.Args) error {
	if err := args.End(); err != nil {
		return err
	}
	s.drop.reset()
	s.ok("")
	return nil
}

// quitCommand answers QUIT: the UPDATE state (RFC 1939 section 6). Whether all
// could be removed or not, the session is over.
func (s *session) quitCommand(ctx context.Context, args *pop3.Args) error {
	if err := args.End(); err != nil {
		return err
	}
	s.quit = true
	ctx = context.WithoutCancel(ctx)
	removed, err := s.drop.remove(ctx)
	s.mark(ctx) // before the client hears that it is done, and after what is gone needs no mark
	if err != nil {
		s.log.Error("cannot remove messages", "err", err)
		s.out.Write(pop3.AppendErr(nil, answerTo(err).code, "Some deleted messages were not removed."))
		return nil
	}
	s.counts.removed = removed
	s.ok("Logging out.")
	return nil
}
