package imapd

import (
	"context"
	"strings"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
)

// id is ID (RFC 2971): both sides say who they are, for logs and nothing else.
func (s *Session) id(ctx context.Context) error {
	fields, err := imap.ScanID(s.in)
	if err != nil {
		return err
	}
	for _, f := range fields {
		if strings.EqualFold(f.Name, "name") {
			s.log.Debug("client", "name", f.Value)
		}
	}
	s.out.Untagged(wire.RespID).SP().List(func() {
		s.out.String("name").SP().String("Fantail").SP().String("version").SP().String(s.opt.Version)
	}).CRLF()
	return s.ok(ctx, "ID completed.")
}
