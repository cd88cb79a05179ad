package index

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"runtime"
	"slices"
	"unsafe"

	"fantail/internal/mail"
)

// Looking at all messages in turn is much faster than asking for each by its
// number: what is said of 64 or 4096 of them together is looked up once. Whoever
// wants only flags or UIDs reads 1 or 4 octets of each message instead of 64.

// span is slots that lie side by side: of one leaf, or of a node where nothing
// changed. Without a leaf, all of them hold messages of the snapshot.
type span struct {
	from, n int
	l       *leaf
}

// spans goes through all slots.
func (x *Index) spans(yield func(span) bool) {
	for from := 0; from < x.slots; {
		n, l := min(leafSlots, x.slots-from), x.leaf(from)
		if x.root[from/nodeSlots] == nil {
			n = min(nodeSlots, x.slots-from)
		}
		if !yield(span{from, n, l}) {
			return
		}
		from += n
	}
}

// live returns how many messages there are in a span.
func (s span) live() int {
	if s.l == nil {
		return s.n
	}
	return s.n - bits.OnesCount64(s.l.dead)
}

// slots goes through the messages of a span with a leaf: the number of each slot
// in it, and what the journal says of it, or nil.
func (s span) slots(yield func(bit int, r *row) bool) {
	k := 0
	for bit := range s.n {
		var r *row
		if s.l.changed&(1<<bit) != 0 {
			r = &s.l.rows[k]
			k++
		}
		if s.l.dead&(1<<bit) == 0 && !yield(bit, r) {
			return
		}
	}
}

// AppendUIDs appends the UIDs of all messages to dst.
func (x *Index) AppendUIDs(dst []mail.UID) []mail.UID {
	dst = slices.Grow(dst, x.Len())
	var room [leafSlots]mail.UID
	for s := range x.spans {
		col := x.uidColumn(s)
		if s.l == nil {
			at := len(dst)
			dst = dst[:at+s.n]
			decodeUIDs(dst[at:], col)
			continue
		}
		old := len(col) / uidSize
		decodeUIDs(room[:old], col)
		for bit := old; bit < s.n; bit++ {
			room[bit] = s.l.row(bit).UID
		}
		dst = append(dst, squeeze(room[:s.n], s.l.dead)...)
	}
	runtime.KeepAlive(x)
	return dst
}

// squeeze leaves out of s what stands at the bits that are set.
func squeeze[T any](s []T, dead uint64) []T {
	if dead == 0 {
		return s
	}
	n := bits.TrailingZeros64(dead)
	for from := n + 1; from <= len(s); {
		dead &= dead - 1
		to := min(bits.TrailingZeros64(dead), len(s))
		n += copy(s[n:], s[from:to])
		from = to + 1
	}
	return s[:n]
}

// decodeUIDs reads a column, which in most machines looks like a slice.
func decodeUIDs(dst []mail.UID, b []byte) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), len(dst)*uidSize), b)
		return
	}
	for i := range dst {
		dst[i] = mail.UID(le.Uint32(b[i*uidSize:]))
	}
}

// uidColumn returns the UIDs of a span's messages that are the snapshot's; zeros
// from a damaged page.
func (x *Index) uidColumn(s span) []byte {
	n := min(s.n, x.base()-s.from)
	if n <= 0 {
		return nil
	}
	if col := x.snap.uids(s.from, n); col != nil {
		return col
	}
	return make([]byte, n*uidSize)
}

// AppendFlags appends the system flags of all messages to dst.
func (x *Index) AppendFlags(dst []mail.Flags) []mail.Flags {
	dst = slices.Grow(dst, x.Len())
	var room [leafSlots]byte
	for s := range x.spans {
		b := x.flagsIn(s, &room)
		dst = append(dst, unsafe.Slice((*mail.Flags)(unsafe.SliceData(b)), len(b))...)
	}
	runtime.KeepAlive(x)
	return dst
}

// AllFlags returns the system flags of all messages by number.
func (x *Index) AllFlags() iter.Seq2[int, mail.Flags] {
	return func(yield func(int, mail.Flags) bool) {
		defer runtime.KeepAlive(x)
		i := 0
		var room [leafSlots]byte
		for s := range x.spans {
			for _, f := range x.flagsIn(s, &room) {
				if !yield(i, mail.Flags(f)) {
					return
				}
				i++
			}
		}
	}
}

// flagsIn returns the system flags of a span's messages: in room, or the
// snapshot's own, if nothing changed; the caller keeps x alive.
func (x *Index) flagsIn(s span, room *[leafSlots]byte) []byte {
	var col []byte
	if n := min(s.n, x.base()-s.from); n > 0 {
		if col = x.snap.flags(s.from, n); col == nil {
			col = make([]byte, n)
		}
	}
	if s.l == nil {
		return col
	}
	copy(room[:], col)
	for i, w := 0, s.l.changed; w != 0; w &= w - 1 {
		room[bits.TrailingZeros64(w)] = byte(s.l.rows[i].Flags)
		i++
	}
	return squeeze(room[:s.n], s.l.dead)
}

// FirstUnseen returns the number of the first message without \Seen.
func (x *Index) FirstUnseen() (i int, ok bool) {
	if x.counts.Unseen == 0 {
		return 0, false
	}
	defer runtime.KeepAlive(x)
	var room [leafSlots]byte
	for s := range x.spans {
		flags := x.flagsIn(s, &room)
		if at := unseen(flags); at < len(flags) {
			return i + at, true
		}
		i += len(flags)
	}
	return 0, false
}

// unseen returns the place of the first flags without \Seen, or their number.
func unseen(flags []byte) int {
	const allSeen = 0x0101010101010101 * uint64(mail.Seen)
	at := 0
	for ; at+8 <= len(flags); at += 8 {
		if w := ^le.Uint64(flags[at:]) & allSeen; w != 0 {
			return at + bits.TrailingZeros64(w)/8
		}
	}
	for at < len(flags) && mail.Flags(flags[at]).Has(mail.Seen) {
		at++
	}
	return at
}

// Rows returns all messages by number.
func (x *Index) Rows() iter.Seq2[int, Row] { return x.rowsAfter(0) }

// ChangedSince returns the messages whose modseq is greater (RFC 7162 section
// 3.1.4.1, CHANGEDSINCE). It passes over pages without such messages.
func (x *Index) ChangedSince(modseq mail.ModSeq) iter.Seq2[int, Row] { return x.rowsAfter(modseq) }

func (x *Index) rowsAfter(modseq mail.ModSeq) iter.Seq2[int, Row] {
	return func(yield func(int, Row) bool) {
		defer runtime.KeepAlive(x)
		i := 0
		for s := range x.spans {
			if s.l != nil {
				if x.leafAfter(s, modseq) && !x.leafRows(s, i, modseq, yield) {
					return
				}
				i += s.live()
				continue
			}
			blocks := x.snap.blocks(s.from, s.n)
			for at := 0; at < s.n; at += perPage {
				n := min(perPage, s.n-at)
				after := modseq == 0 || x.least > modseq || blocks != nil && mail.ModSeq(le.Uint64(blocks[at/perPage*blockSize:])) > modseq
				if after && !x.pageRows(s.from+at, n, i, modseq, yield) {
					return
				}
				i += n
			}
		}
	}
}

// leafAfter reports whether there may be a greater modseq in a span with a leaf.
func (x *Index) leafAfter(s span, modseq mail.ModSeq) bool {
	if modseq == 0 || x.least > modseq || s.from < x.base() && x.snap.block(s.from/perPage) > modseq {
		return true
	}
	return slices.ContainsFunc(s.l.rows, func(r row) bool { return r.ModSeq > modseq })
}

// leafRows yields the rows of a span with a leaf, of which the first is message i.
func (x *Index) leafRows(s span, i int, modseq mail.ModSeq, yield func(int, Row) bool) bool {
	for bit, r := range s.slots {
		var m Row
		if r != nil {
			m = r.Row
		} else {
			m = x.snap.row(s.from + bit)
		}
		m.ModSeq = max(m.ModSeq, x.least)
		if (modseq == 0 || m.ModSeq > modseq) && !yield(i, m) {
			return false
		}
		i++
	}
	return true
}

// pageRows yields the rows of a page of the snapshot, of which the first is
// message i.
func (x *Index) pageRows(from, n, i int, modseq mail.ModSeq, yield func(int, Row) bool) bool {
	page := x.snap.page(from)
	for bit := range n {
		var m Row
		if page != nil {
			m = decodeRecord(page[bit*recordSize : (bit+1)*recordSize])
			m.ModSeq = max(m.ModSeq, x.least)
		}
		if (modseq == 0 || m.ModSeq > modseq) && !yield(i, m) {
			return false
		}
		i++
	}
	return true
}
