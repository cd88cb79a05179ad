package imapd

import (
	"context"
	"strings"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
)

// enable is ENABLE (RFC 5161 section 3.1). What is not known, or need not be
// enabled, is passed over; the answer names what this command has turned on.
func (s *Session) enable(ctx context.Context) error {
	names, err := imap.ScanEnable(s.in)
	if err != nil {
		return err
	}
	before := s.enabled
	var on []string
	for i := range capabilities {
		c := &capabilities[i]
		if c.enable == nil || !named(names, c.name) {
			continue
		}
		if c.enable(&s.enabled); s.enabled != before {
			on = append(on, c.name)
			before = s.enabled
		}
	}
	s.out.Untagged(wire.RespEnabled)
	for _, name := range on {
		s.out.SP().Atom(name)
	}
	s.out.CRLF()
	return s.ok(ctx, "ENABLE completed.")
}

// named reports whether one of the names is that of a capability.
func named(names []string, capability string) bool {
	for _, n := range names {
		if strings.EqualFold(n, capability) {
			return true
		}
	}
	return false
}
