package imapd

import "context"

// logout is LOGOUT (RFC 9051 section 6.1.3): BYE, then the tagged OK, then the
// connection is closed.
func (s *Session) logout(context.Context) error {
	s.in.CRLF()
	if err := s.in.Err(); err != nil {
		return err
	}
	s.bye("", "Logging out.")
	return s.done("LOGOUT completed.")
}
