package imapd

import (
	"context"
	"slices"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/store"
)

// status is STATUS (RFC 9051 section 6.3.11).
func (s *Session) status(ctx context.Context) error {
	name, items, err := imap.ScanStatus(s.in)
	if err != nil {
		return err
	}
	st, err := s.acct.Status(ctx, name, s.prepareStatus(items))
	if err != nil {
		return err
	}
	s.writeStatus(name, items, &st)
	return s.ok(ctx, "STATUS completed.")
}

// prepareStatus turns on what the items need, and says which of them are not there
// for nothing.
func (s *Session) prepareStatus(items []imap.StatusItem) (n store.StatusNeeds) {
	if n.HighestModSeq = slices.Contains(items, imap.StatusHighestModSeq); n.HighestModSeq {
		s.enableCondStore() // RFC 7162 section 3.1
	}
	n.Size = slices.Contains(items, imap.StatusSize)
	n.DeletedOctets = slices.Contains(items, imap.StatusDeletedStorage)
	return n
}

// writeStatus writes the STATUS response.
func (s *Session) writeStatus(name string, items []imap.StatusItem, st *store.Status) {
	s.out.Untagged(wire.RespStatus).SP()
	imap.WriteMailbox(s.out, name).SP().ListStart()
	for i, item := range items {
		if i > 0 {
			s.out.SP()
		}
		s.out.Atom(string(item)).SP()
		s.writeStatusItem(item, st)
	}
	s.out.ListEnd().CRLF()
	s.notify.heard(name, items, st)
}

func (s *Session) writeStatusItem(item imap.StatusItem, st *store.Status) {
	switch item {
	case imap.StatusMessages:
		s.out.Number(uint32(st.Messages))
	case imap.StatusRecent:
		s.out.Number(uint32(st.Recent))
	case imap.StatusUIDNext:
		s.out.Number(uint32(st.UIDNext))
	case imap.StatusUIDValidity:
		s.out.Number(uint32(st.UIDValidity))
	case imap.StatusUnseen:
		s.out.Number(uint32(st.Unseen))
	case imap.StatusDeleted:
		s.out.Number(uint32(st.Deleted))
	case imap.StatusSize:
		s.out.Number64(st.Size)
	case imap.StatusHighestModSeq:
		s.out.Number64(int64(st.HighestModSeq))
	case imap.StatusAppendLimit:
		s.out.Number64(s.limits.StreamLiteral)
	case imap.StatusMailboxID:
		s.out.List(func() { s.out.Atom(objectID(st.GUID)) })
	case imap.StatusDeletedStorage:
		// Octets: RFC 9208 section 4.1.4 names no unit, but lets it be a sum of sizes.
		s.out.Number64(st.DeletedOctets)
	default:
		panic("imapd: no status item " + string(item))
	}
}

// objectID is what identifies a mailbox to clients (RFC 8474 section 7). The letter
// keeps it from looking like a number.
func objectID(guid string) string { return "M" + guid }

// mailboxID returns a writer of the response code by which SELECT and CREATE tell a
// mailbox's identity (RFC 8474 sections 4.1 and 4.2).
func mailboxID(guid string) func(*wire.Encoder) {
	return func(e *wire.Encoder) {
		e.CodeStart(wire.CodeMailboxID).SP().List(func() { e.Atom(objectID(guid)) }).CodeEnd()
	}
}
