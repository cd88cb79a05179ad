package imapd

import (
	"context"
	"strings"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
)

// enable is ENABLE (RFC 5161 section 3.1). What is not known, or need not be
// enabled, is passed over. The answer names what of the rest is on now, be it since
// before: a client goes by it (RFC 7162 section 3.2.3).
func (s *Session) enable(ctx context.Context) error {
	names, err := imap.ScanEnable(s.in)
	if err != nil {
		return err
	}
	s.out.Untagged(wire.RespEnabled)
	for i := range capabilities {
		if c := &capabilities[i]; c.enable != nil && named(names, c.name) && !s.off.has(c.name) {
			c.enable(&s.enabled)
			s.out.SP().Atom(c.name)
		}
	}
	s.out.CRLF()
	s.in.UTF8, s.out.UTF8 = s.enabled.utf8, s.enabled.utf8
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
