package store

import (
	"encoding/hex"
	"iter"

	"fantail/internal/mail"
	"fantail/internal/store/index"
)

// Snapshot is a mailbox at one moment: its messages in ascending order of UID,
// counted from 0. It never changes. It lies mostly in mapped pages of a file, so
// it costs little memory, whatever the number of messages.
type Snapshot struct {
	x      *index.Index
	shared bool // with another server, whose modseqs are others
}

// Err tells that part of the snapshot could not be read from its file, and was
// answered with zero values. A caller looks at it before it believes what it has
// read; the next Sync makes the file anew.
func (s *Snapshot) Err() error { return fail("read index", "", s.x.Err()) }

// UIDValidity is the mailbox's UIDVALIDITY.
func (s *Snapshot) UIDValidity() mail.UIDValidity { return s.x.UIDValidity() }

// UIDNext is greater than the UID of every message that this snapshot or an
// earlier one holds, and not greater than that of any later arrival.
func (s *Snapshot) UIDNext() mail.UID { return s.x.UIDNext() }

// GUID is the mailbox's identifier of 32 hexadecimal digits; it survives renames.
func (s *Snapshot) GUID() string {
	id := s.x.GUID()
	return hex.EncodeToString(id[:])
}

// HighestModSeq is the greatest modseq of the mailbox (RFC 7162 section 3.1.2.1).
// It is 0 where modseqs are not to be shown (section 3.1.2.2, NOMODSEQ), because
// another server works on the mailbox too and a client would mix up both's.
func (s *Snapshot) HighestModSeq() mail.ModSeq {
	if s.shared {
		return 0
	}
	return s.x.HighestModSeq()
}

// Len is the number of messages.
func (s *Snapshot) Len() int { return s.x.Len() }

// UID returns the UID of message i.
func (s *Snapshot) UID(i int) mail.UID { return s.x.UID(i) }

// UIDs returns all UIDs in ascending order.
func (s *Snapshot) UIDs() []mail.UID { return s.x.AppendUIDs(make([]mail.UID, 0, s.x.Len())) }

// Row is what is known of a message without opening it: UID, flags, modseq, sizes,
// dates; and the number of its set of keywords.
type Row = index.Row

// Row returns message i: one look in place of several.
func (s *Snapshot) Row(i int) Row { return s.x.Row(i) }

// Rows yields all messages in their order, faster than one by one.
func (s *Snapshot) Rows() iter.Seq2[int, Row] { return s.x.Rows() }

// KeywordSet returns the keywords of a Row's Set. The slice is shared.
func (s *Snapshot) KeywordSet(set uint32) []mail.Keyword { return s.x.KeywordSet(set) }

// AllFlags yields the system flags of all messages: the fastest way to look at all
// of them.
func (s *Snapshot) AllFlags() iter.Seq2[int, mail.Flags] { return s.x.AllFlags() }

// Flags returns the system flags of message i.
func (s *Snapshot) Flags(i int) mail.Flags { return s.x.Flags(i) }

// Keywords returns the keywords of message i. Messages with the same keywords
// share the slice: it must not be written to.
func (s *Snapshot) Keywords(i int) []mail.Keyword { return s.x.Keywords(i) }

// ModSeq returns the modseq of message i (RFC 7162 section 3.1).
func (s *Snapshot) ModSeq(i int) mail.ModSeq { return s.x.ModSeq(i) }

// IsNew reports whether message i lies in new, where no session has claimed it.
func (s *Snapshot) IsNew(i int) bool { return s.x.Row(i).New() }

// Base returns the base name of message i's file, which never changes.
func (s *Snapshot) Base(i int) string { return s.x.Base(i) }

// Find returns the index of the message with that UID. Without one it returns
// the index at which it would stand, and false.
func (s *Snapshot) Find(uid mail.UID) (int, bool) { return s.x.Find(uid) }

// FindBase returns the message whose file has that base name.
func (s *Snapshot) FindBase(base string) (i int, ok bool) { return s.x.FindBase(base) }

// FirstUnseen returns the first message without \Seen.
func (s *Snapshot) FirstUnseen() (i int, ok bool) { return s.x.FirstUnseen() }

// MailboxKeywords returns the keywords that messages have or had.
func (s *Snapshot) MailboxKeywords() []mail.Keyword { return s.x.MailboxKeywords() }

// Same reports whether message i of s and message j of t, which is another
// snapshot of the mailbox, have the same flags and keywords.
func (s *Snapshot) Same(i int, t *Snapshot, j int) bool {
	a, b := s.x.Row(i), t.x.Row(j)
	if a.ModSeq == b.ModSeq {
		return true // every change of flags has a modseq of its own
	}
	return a.Flags == b.Flags && sameKeywords(s.x.KeywordSet(a.Set()), t.x.KeywordSet(b.Set()))
}

// Delta is what changed from one snapshot to another. Arrivals are not in it:
// they are the later snapshot's messages from the earlier one's UIDNext on.
type Delta struct {
	Expunged []int // messages of the earlier snapshot, ascending
	Changed  []int // messages of the later one whose flags or keywords are others, ascending
}

// Since returns what changed from old, an earlier snapshot of the mailbox, to s.
// It takes time for the changes, not for the messages.
func (s *Snapshot) Since(old *Snapshot) Delta {
	var d Delta
	if s.x == old.x {
		return d
	}
	since := old.x.HighestModSeq()
	vanished, _ := s.x.VanishedSince(since) // perhaps more than vanished since
	for _, r := range vanished {
		i, _ := old.x.Find(r.Lo)
		for ; i < old.x.Len(); i++ {
			uid := old.x.UID(i)
			if uid > r.Hi {
				break
			}
			if _, there := s.x.Find(uid); !there {
				d.Expunged = append(d.Expunged, i)
			}
		}
	}
	for i, r := range s.x.ChangedSince(since) {
		if r.UID >= old.x.UIDNext() {
			break
		}
		if j, ok := old.x.Find(r.UID); ok && !s.Same(i, old, j) {
			d.Changed = append(d.Changed, i)
		}
	}
	return d
}

// UIDRange is the UIDs from Lo to Hi, both included.
type UIDRange = index.UIDRange

// ChangedSince returns the messages whose modseq is greater (RFC 7162 section
// 3.1.4.1), ascending.
func (s *Snapshot) ChangedSince(modseq mail.ModSeq) []int {
	var changed []int
	for i := range s.x.ChangedSince(modseq) {
		changed = append(changed, i)
	}
	return changed
}

// VanishedSince returns the UIDs that were expunged after a modseq (RFC 7162
// section 3.2.10.1). What is forgotten is answered with every UID that no message
// has: more than asked for, never less.
func (s *Snapshot) VanishedSince(modseq mail.ModSeq) []UIDRange {
	r, _ := s.x.VanishedSince(modseq)
	return r
}
