package imapd

import (
	"context"

	"fantail/internal/imap/wire"
)

// capabilities are what a session that is logged in offers. Each is here only if
// all of it works.
var capabilities = []string{
	wire.CapIMAP4rev1,    // RFC 3501
	wire.CapLiteralPlus,  // RFC 7888
	wire.CapID,           // RFC 2971
	wire.CapIdle,         // RFC 2177
	wire.CapNamespace,    // RFC 2342
	wire.CapChildren,     // RFC 3348
	wire.CapUnselect,     // RFC 3691
	wire.CapUIDPlus,      // RFC 4315
	wire.CapMultiAppend,  // RFC 3502
	wire.CapListExtended, // RFC 5258
	wire.CapSpecialUse,   // RFC 6154
}

// capability is CAPABILITY (RFC 9051 section 6.1.1).
func (s *Session) capability(ctx context.Context) error {
	s.in.CRLF()
	if err := s.in.Err(); err != nil {
		return err
	}
	s.out.Untagged(wire.RespCapability)
	for _, c := range capabilities {
		s.out.SP().Atom(c)
	}
	s.out.CRLF()
	return s.ok(ctx, "CAPABILITY completed.")
}

// capabilityCode writes the response code that spares a client the command.
func (s *Session) capabilityCode() {
	s.out.CodeStart(wire.CodeCapability)
	for _, c := range capabilities {
		s.out.SP().Atom(c)
	}
	s.out.CodeEnd()
}
