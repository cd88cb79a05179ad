package imapd

import (
	"context"

	"fantail/internal/imap/wire"
)

// namespace is NAMESPACE (RFC 9051 section 6.3.10): all mail of the account is in
// its personal namespace.
func (s *Session) namespace(ctx context.Context) error {
	s.in.CRLF()
	if err := s.in.Err(); err != nil {
		return err
	}
	s.out.Untagged(wire.RespNamespace).SP().List(func() {
		s.out.List(func() { s.out.Quoted(s.acct.Prefix()).SP().Quoted(string(s.acct.Delimiter())) })
	}).SP().NIL().SP().NIL().CRLF()
	return s.ok(ctx, "NAMESPACE completed.")
}
