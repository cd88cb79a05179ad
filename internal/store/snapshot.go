package store

import (
	"slices"
	"sort"

	"fantail/internal/mail"
	"fantail/internal/store/maildir"
)

// Snapshot is a mailbox at one moment: its messages in ascending order of UID.
// It never changes.
type Snapshot struct {
	validity mail.UIDValidity
	next     mail.UID
	guid     string
	rows     []row
	names    *keywordNames
}

// row is one message of a snapshot.
type row struct {
	uid   mail.UID
	entry maildir.Entry
}

// UIDValidity is the mailbox's UIDVALIDITY.
func (s *Snapshot) UIDValidity() mail.UIDValidity { return s.validity }

// UIDNext is greater than the UID of every message that this snapshot or an
// earlier one holds, and not greater than that of any later arrival.
func (s *Snapshot) UIDNext() mail.UID { return s.next }

// GUID is the mailbox's identifier of 32 hexadecimal digits; it survives renames.
func (s *Snapshot) GUID() string { return s.guid }

// Len is the number of messages.
func (s *Snapshot) Len() int { return len(s.rows) }

// UID returns the UID of message i, counted from 0.
func (s *Snapshot) UID(i int) mail.UID { return s.rows[i].uid }

// UIDs returns all UIDs in ascending order.
func (s *Snapshot) UIDs() []mail.UID {
	uids := make([]mail.UID, len(s.rows))
	for i := range s.rows {
		uids[i] = s.rows[i].uid
	}
	return uids
}

// Flags returns the system flags of message i.
func (s *Snapshot) Flags(i int) mail.Flags { return s.rows[i].entry.Name.Flags }

// Keywords returns the keywords of message i. Messages with the same keywords
// share the slice: it must not be written to.
func (s *Snapshot) Keywords(i int) []mail.Keyword { return s.names.set(s.rows[i].entry.Name.Letters) }

// IsNew reports whether message i lies in new, where no session has claimed it.
func (s *Snapshot) IsNew(i int) bool { return s.rows[i].entry.New }

// Base returns the base name of message i's file, which never changes.
func (s *Snapshot) Base(i int) string { return s.rows[i].entry.Name.Base }

// Find returns the index of the message with that UID. Without one it returns
// the index at which it would stand, and false.
func (s *Snapshot) Find(uid mail.UID) (int, bool) {
	i := sort.Search(len(s.rows), func(i int) bool { return s.rows[i].uid >= uid })
	return i, i < len(s.rows) && s.rows[i].uid == uid
}

// MailboxKeywords returns the keywords that have a name in this mailbox, whether
// or not a message has them.
func (s *Snapshot) MailboxKeywords() []mail.Keyword { return s.names.defined }

// Same reports whether message i of s and message j of t have the same flags and
// keywords.
func (s *Snapshot) Same(i int, t *Snapshot, j int) bool {
	x, y := s.rows[i].entry.Name, t.rows[j].entry.Name
	if x.Flags != y.Flags {
		return false
	}
	if s.names == t.names || x.Letters == y.Letters && s.names.sameNames(t.names, x.Letters) {
		return x.Letters == y.Letters
	}
	return slices.Equal(s.names.set(x.Letters), t.names.set(y.Letters))
}

// same reports whether nothing can be told from s, which may be nil, to t.
func (s *Snapshot) same(t *Snapshot) bool {
	return s != nil && s.next == t.next && s.guid == t.guid && s.names == t.names && slices.Equal(s.rows, t.rows)
}

// Status counts the messages of the snapshot.
func (s *Snapshot) Status() Status {
	st := Status{Messages: len(s.rows), UIDNext: s.next, UIDValidity: s.validity}
	for i := range s.rows {
		if s.rows[i].entry.New {
			st.Recent++
		}
		f := s.Flags(i)
		if !f.Has(mail.Seen) {
			st.Unseen++
		}
		if f.Has(mail.Deleted) {
			st.Deleted++
		}
	}
	return st
}
