package imapd

import (
	"context"

	"fantail/internal/imap"
)

// capabilities are what a session that is logged in offers. Each is here only if
// all of it works.
var capabilities = []string{
	imap.CapIMAP4rev1,    // RFC 3501
	imap.CapLiteralPlus,  // RFC 7888
	imap.CapID,           // RFC 2971
	imap.CapIdle,         // RFC 2177
	imap.CapNamespace,    // RFC 2342
	imap.CapChildren,     // RFC 3348
	imap.CapUnselect,     // RFC 3691
	imap.CapUIDPlus,      // RFC 4315
	imap.CapMultiAppend,  // RFC 3502
	imap.CapListExtended, // RFC 5258
	imap.CapSpecialUse,   // RFC 6154
}

// capability is CAPABILITY (RFC 9051 section 6.1.1).
func (s *Session) capability(ctx context.Context) error {
	s.in.CRLF()
	if err := s.in.Err(); err != nil {
		return err
	}
	s.out.Untagged(imap.RespCapability)
	for _, c := range capabilities {
		s.out.SP().Atom(c)
	}
	s.out.CRLF()
	return s.ok(ctx, "CAPABILITY completed.")
}

// capabilityCode writes the response code that spares a client the command.
func (s *Session) capabilityCode() {
	s.out.CodeStart(imap.CodeCapability)
	for _, c := range capabilities {
		s.out.SP().Atom(c)
	}
	s.out.CodeEnd()
}
