package imapd

import (
	"context"

	"fantail/internal/imap/ident"
	"fantail/internal/imap/wire"
)

// id is ID (RFC 2971): both sides say who they are, for the log. An administrator
// may have turned capabilities off for clients that break on them; if that is one,
// it hears at once which are left.
func (s *Session) id(ctx context.Context) error {
	fields, err := ident.Scan(s.in)
	if err != nil {
		return err
	}
	if s.identify(ident.Client(fields)) {
		s.tellCapabilities()
	}
	s.out.Untagged(wire.RespID).SP().List(func() {
		s.out.String("name").SP().String("Fantail").SP().String("version").SP().String(s.opt.Version)
	}).CRLF()
	return s.ok(ctx, "ID completed.")
}

// identify takes what the client says of itself, name and version, and reports
// whether something was turned off by it.
func (s *Session) identify(client string) bool {
	if client == "" || client == s.client {
		return false
	}
	if s.client == "" { // in the log once
		s.log.Info("client", "name", client)
	}
	s.client = client
	before := len(s.off.capabilities)
	for _, r := range s.opt.Clients {
		if r.Fits(client) {
			s.off.without(r.Without...)
		}
	}
	return len(s.off.capabilities) != before
}
