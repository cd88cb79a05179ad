package imapd

import "context"

// capabilities are what a session that is logged in offers. Each is here only if
// all of it works.
var capabilities = []string{
	"IMAP4rev1",     // RFC 3501
	"LITERAL+",      // RFC 7888
	"ID",            // RFC 2971
	"IDLE",          // RFC 2177
	"NAMESPACE",     // RFC 2342
	"CHILDREN",      // RFC 3348
	"UNSELECT",      // RFC 3691
	"UIDPLUS",       // RFC 4315
	"MULTIAPPEND",   // RFC 3502
	"LIST-EXTENDED", // RFC 5258
	"SPECIAL-USE",   // RFC 6154
}

// capability is CAPABILITY (RFC 9051 section 6.1.1).
func (s *Session) capability(ctx context.Context) error {
	s.in.CRLF()
	if err := s.in.Err(); err != nil {
		return err
	}
	s.out.Untagged("CAPABILITY")
	for _, c := range capabilities {
		s.out.SP().Atom(c)
	}
	s.out.CRLF()
	return s.ok(ctx, "CAPABILITY completed.")
}

// capabilityCode writes the response code that spares a client the command.
func (s *Session) capabilityCode() {
	s.out.CodeStart("CAPABILITY")
	for _, c := range capabilities {
		s.out.SP().Atom(c)
	}
	s.out.CodeEnd()
}
