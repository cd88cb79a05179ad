package imapd

import (
	"context"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
)

// status is STATUS (RFC 9051 section 6.3.11).
func (s *Session) status(ctx context.Context) error {
	name, items, err := imap.ScanStatus(s.in)
	if err != nil {
		return err
	}
	st, err := s.acct.Status(ctx, name)
	if err != nil {
		return err
	}
	values := map[imap.StatusItem]uint32{
		imap.StatusMessages:    uint32(st.Messages),
		imap.StatusRecent:      uint32(st.Recent),
		imap.StatusUIDNext:     uint32(st.UIDNext),
		imap.StatusUIDValidity: uint32(st.UIDValidity),
		imap.StatusUnseen:      uint32(st.Unseen),
	}
	s.out.Untagged(wire.RespStatus).SP()
	imap.WriteMailbox(s.out, name).SP().ListStart()
	for i, item := range items {
		if i > 0 {
			s.out.SP()
		}
		s.out.Atom(string(item)).SP().Number(values[item])
	}
	s.out.ListEnd().CRLF()
	return s.ok(ctx, "STATUS completed.")
}
