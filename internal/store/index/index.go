package index

import (
	"runtime"
	"slices"
	"sort"
	"sync"
	"time"

	"fantail/internal/mail"
)

// Index is what was known of a mailbox at one moment: its messages in ascending
// order of UID, counted from 0. It never changes, and is safe for use by many
// goroutines. A message number outside [0, Len) panics.
//
// The pages of the snapshot are checked when they are first read. Methods that
// meet a damaged one return zero values, and Err tells: look at it before relying
// on what was read.
type Index struct {
	meta
	snap *image // nil: everything is in the tree

	root    []*node
	slots   int   // used: rows of snap, and added ones
	dead    int   // slots whose message is expunged
	changes int   // rows in the tree
	before  []int // messages before each node of root; only if dead > 0

	vocab    *vocabulary // nil: that of snap
	vanished vector[vanish]
	added    *bases

	tail
}

func newIndex(snap *image) *Index {
	x := &Index{snap: snap, added: &bases{}}
	if snap == nil {
		x.vocab = newVocabulary()
		return x
	}
	x.meta = snap.h.meta
	x.slots = snap.rows()
	x.added.upto = x.slots
	x.root = make([]*node, (x.slots+nodeSlots-1)/nodeSlots)
	return x
}

func (x *Index) base() int {
	if x.snap == nil {
		return 0
	}
	return x.snap.rows()
}

// at returns the row in a slot.
func (x *Index) at(slot int) Row {
	if r := x.changed(slot); r != nil {
		out := r.Row
		out.ModSeq = max(out.ModSeq, x.least)
		return out
	}
	r := x.snap.row(slot)
	r.ModSeq = max(r.ModSeq, x.least)
	return r
}

func (x *Index) uidAt(slot int) mail.UID {
	if slot < x.base() {
		return x.snap.uid(slot)
	}
	return x.changed(slot).UID
}

// Err returns a *DamagedError once something was read from a damaged page.
func (x *Index) Err() error {
	if x.snap == nil {
		return nil
	}
	return x.snap.err()
}

// Verify reads everything and returns Err.
func (x *Index) Verify() error {
	if x.snap == nil {
		return nil
	}
	return x.snap.verify()
}

// UIDValidity is the mailbox's UIDVALIDITY.
func (x *Index) UIDValidity() mail.UIDValidity { return x.validity }

// UIDNext is greater than every UID in the index, now and earlier.
func (x *Index) UIDNext() mail.UID { return x.next }

// HighestModSeq is the greatest modseq that was given (RFC 7162 section 3.1.2.1).
func (x *Index) HighestModSeq() mail.ModSeq { return x.modseq }

// Counts returns sums over all messages, which are kept and not computed.
func (x *Index) Counts() Counts { return x.counts }

// Stamps say which state of the truth this is.
func (x *Index) Stamps() Stamps { return x.stamps }

// GUID is the identity of the mailbox, for MAILBOXID; zero if nobody told it since
// the index was made.
func (x *Index) GUID() [16]byte { return x.guid }

// Checked is when the mailbox was last tidied up; the zero time if never.
func (x *Index) Checked() time.Time {
	if x.checked == 0 {
		return time.Time{}
	}
	return time.Unix(x.checked, 0)
}

// Doubtful reports whether changes that were in the index, and that clients may
// have been told of, may be missing: the machine stopped before they were on
// disk, or the journal was removed. The next transaction settles it by giving
// every message a new modseq; until then modseqs must not be shown.
func (x *Index) Doubtful() bool { return x.doubt }

// Len is the number of messages.
func (x *Index) Len() int { return x.counts.Messages }

// Row returns message i.
func (x *Index) Row(i int) Row { return x.at(x.slot(i)) }

// UID returns the UID of message i. It and the other methods that take a number
// need a few nanoseconds; a few dozen while messages are expunged since the last
// snapshot.
func (x *Index) UID(i int) mail.UID { return x.uidAt(x.slot(i)) }

// Flags returns the system flags of message i.
func (x *Index) Flags(i int) mail.Flags {
	slot := x.slot(i)
	if r := x.changed(slot); r != nil {
		return r.Flags
	}
	return x.snap.flagsOf(slot)
}

// ModSeq returns the modseq of message i.
func (x *Index) ModSeq(i int) mail.ModSeq { return x.Row(i).ModSeq }

// Size returns the octets of message i once every line ends in CRLF, if they are
// known.
func (x *Index) Size(i int) (int64, bool) { return x.Row(i).Virtual() }

// Keywords returns the keywords of message i. Messages with the same keywords
// share the slice: it must not be written to.
func (x *Index) Keywords(i int) []mail.Keyword { return x.KeywordSet(x.Row(i).set) }

// KeywordSet returns the keywords of a Row's Set. The slice is shared.
func (x *Index) KeywordSet(set uint32) []mail.Keyword {
	if set == 0 {
		return nil
	}
	return x.words().set(set)
}

// MailboxKeywords returns every keyword that was ever set in the mailbox, in the
// order of their coming. The slice is shared.
func (x *Index) MailboxKeywords() []mail.Keyword { return slices.Clip(x.words().words.list) }

func (x *Index) words() *vocabulary {
	if x.vocab != nil {
		return x.vocab
	}
	return x.snap.words()
}

// Name returns the file name of message i.
func (x *Index) Name(i int) string {
	var room [256]byte // more than a file system allows
	return string(x.AppendName(room[:0], i))
}

// AppendName appends the file name of message i to b.
func (x *Index) AppendName(b []byte, i int) []byte {
	b, _ = x.appendName(b, x.slot(i))
	return b
}

// Base returns the base name of message i's file.
func (x *Index) Base(i int) string {
	b, n := x.appendName(nil, x.slot(i))
	return string(b[:n])
}

// appendName also returns the length of the base.
func (x *Index) appendName(b []byte, slot int) (_ []byte, n int) {
	base, n, info := x.nameAt(slot)
	b = append(b, base...)
	b = append(b, info...)
	runtime.KeepAlive(x)
	return b, n
}

// nameAt returns the file name in a slot, in two pieces, and how much of the
// first is the base. The octets are the index's: the caller keeps it alive.
func (x *Index) nameAt(slot int) (name []byte, base int, info []byte) {
	l := x.leaf(slot)
	r := l.row(slot % leafSlots)
	if r == nil {
		name, base = x.snap.name(slot)
		return name, base, nil
	}
	name, info = l.name(r)
	if r.base == 0 {
		name, base = x.snap.name(slot)
		return name[:base], base, info
	}
	return name, len(name), info
}

// baseLen returns the length of the base of a slot's file name.
func (x *Index) baseLen(slot int) int {
	if r := x.changed(slot); r != nil && r.base != 0 {
		return int(r.base)
	}
	n := 0
	if rec := x.snap.record(slot); rec != nil {
		n = int(rec[recBaseLen])
	}
	runtime.KeepAlive(x)
	return n
}

// setAt returns the set of keywords in a slot.
func (x *Index) setAt(slot int) (set uint32) {
	if r := x.changed(slot); r != nil {
		return r.set
	}
	if rec := x.snap.record(slot); rec != nil {
		set = le.Uint32(rec[recSet:])
	}
	runtime.KeepAlive(x)
	return set
}

// findSlot returns the first slot whose UID is not below uid, dead or alive.
func (x *Index) findSlot(uid mail.UID) int {
	base := x.base()
	if x.slots > base && x.changed(base).UID <= uid {
		return base + sort.Search(x.slots-base, func(i int) bool { return x.changed(base+i).UID >= uid })
	}
	if base == 0 {
		return 0
	}
	return x.snap.find(uid)
}

// Find returns the number of the message with that UID. Without one it returns
// the number at which it would stand, and false.
func (x *Index) Find(uid mail.UID) (i int, ok bool) {
	slot := x.findSlot(uid)
	if slot >= x.slots {
		return x.Len(), false
	}
	return x.position(slot), x.uidAt(slot) == uid && !x.isDead(slot)
}

// FindBase returns the number of the message whose file has that base name.
func (x *Index) FindBase(base string) (i int, ok bool) {
	if slot, ok := x.added.find(x, base); ok {
		return x.position(slot), true
	}
	if x.snap == nil {
		return 0, false
	}
	if slot := x.snap.findBase(base); slot >= 0 && !x.isDead(slot) {
		return x.position(slot), true
	}
	return 0, false
}

// bases finds added messages by the base names of their files. It is shared by
// all indexes that grew out of one snapshot, and filled when it is first asked.
type bases struct {
	mu   sync.Mutex
	upto int // slots below are in
	slot map[string][]uint32
}

func (b *bases) find(x *Index, base string) (slot int, ok bool) {
	if x.slots == x.base() {
		return 0, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.slot == nil {
		b.slot = make(map[string][]uint32)
	}
	for ; b.upto < x.slots; b.upto++ {
		name, n, _ := x.nameAt(b.upto)
		b.slot[string(name[:n])] = append(b.slot[string(name[:n])], uint32(b.upto))
	}
	for _, s := range b.slot[base] {
		if int(s) < x.slots && !x.isDead(int(s)) {
			return int(s), true
		}
	}
	return 0, false
}
