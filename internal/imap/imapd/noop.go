package imapd

import "context"

// noop is NOOP (RFC 9051 section 6.1.2).
func (s *Session) noop(ctx context.Context) error {
	s.in.CRLF()
	if err := s.in.Err(); err != nil {
		return err
	}
	return s.ok(ctx, "NOOP completed.")
}

// check is CHECK (RFC 3501 section 6.4.1): every change is on its way to disk as
// soon as it is answered, so there is nothing to do but to look.
func (s *Session) check(ctx context.Context) error {
	s.in.CRLF()
	if err := s.in.Err(); err != nil {
		return err
	}
	return s.ok(ctx, "CHECK completed.")
}
