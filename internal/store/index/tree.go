package index

import (
	"math/bits"
	"slices"
)

// The rows of an index stand in slots: first those of the snapshot, then those
// added since. A slot keeps its number until the next snapshot. What the journal
// changed lies in a tree over the slots, of which every Index has a root of its
// own: a change copies one leaf and one node, and shares the rest.
//
//	root ── node (64 leaves) ── leaf (64 slots: one page of records)
//
// Where nothing changed there is no leaf and no node. The slots of a node are one
// page of secFlags and four of secUIDs.
const (
	leafSlots = perPage
	fanout    = 64
	nodeSlots = leafSlots * fanout
)

// row is a message of which the journal spoke. Its file name lies in the text of
// its leaf, or only what follows the base, if the snapshot has that.
type row struct {
	Row
	at         uint32 // of base and info in the text
	base, info uint8  // octets
}

// leaf has no pointers in its rows: there may be a million, and the garbage
// collector would look at each of them.
type leaf struct {
	owner   *edit
	dead    uint64 // expunged
	changed uint64 // in rows
	rows    []row  // of the changed slots, in order
	text    []byte
}

type node struct {
	owner  *edit
	dead   int
	before [fanout]uint16 // expunged in earlier leaves; known once the edit is done
	leaves [fanout]*leaf
}

// row returns the changed row of a slot, or nil.
func (l *leaf) row(bit int) *row {
	if l == nil || l.changed&(1<<bit) == 0 {
		return nil
	}
	return &l.rows[bits.OnesCount64(l.changed&(1<<bit-1))]
}

// insert makes room for a slot's row.
func (l *leaf) insert(bit int, r row) *row {
	at := bits.OnesCount64(l.changed & (1<<bit - 1))
	if at == len(l.rows) {
		l.rows = append(l.rows, r)
	} else {
		l.rows = slices.Insert(l.rows, at, r)
	}
	l.changed |= 1 << bit
	return &l.rows[at]
}

// name returns what the text has of a row's file name.
func (l *leaf) name(r *row) (base, info []byte) {
	b := l.text[r.at : int(r.at)+int(r.base)+int(r.info)]
	return b[:r.base], b[r.base:]
}

// maxText is the length at which a text is worth packing whatever is in it.
const maxText = 2 * leafSlots * maxName

// rename replaces what follows the base in a row's file name.
func (l *leaf) rename(r *row, info []byte) {
	base, old := l.name(r)
	if len(info) <= len(old) {
		copy(old, info)
		r.info = uint8(len(info))
		return
	}
	at := len(l.text)
	l.text = append(append(l.text, base...), info...)
	r.at, r.info = uint32(at), uint8(len(info))
	if len(l.text) > maxText {
		l.pack()
	}
}

// pack leaves out of the text what is no row's any more.
func (l *leaf) pack() {
	text := make([]byte, 0, l.used())
	for i := range l.rows {
		r := &l.rows[i]
		base, info := l.name(r)
		r.at = uint32(len(text))
		text = append(append(text, base...), info...)
	}
	l.text = text
}

// used returns the octets of the text that belong to rows.
func (l *leaf) used() (n int) {
	for i := range l.rows {
		n += int(l.rows[i].base) + int(l.rows[i].info)
	}
	return n
}

// trim gives back the room that an edit did not need.
func (l *leaf) trim() {
	if cap(l.rows) > len(l.rows)+len(l.rows)/8 {
		l.rows = append(make([]row, 0, len(l.rows)), l.rows...)
	}
	if used := l.used(); cap(l.text) > used+used/8+16 {
		l.pack()
	}
}

func (x *Index) leaf(slot int) *leaf {
	if n := x.root[slot/nodeSlots]; n != nil {
		return n.leaves[slot/leafSlots%fanout]
	}
	return nil
}

// changed returns what the journal says of a slot, or nil.
func (x *Index) changed(slot int) *row { return x.leaf(slot).row(slot % leafSlots) }

func (x *Index) isDead(slot int) bool {
	l := x.leaf(slot)
	return l != nil && l.dead&(1<<(slot%leafSlots)) != 0
}

// slot returns the slot of message i.
func (x *Index) slot(i int) int {
	if uint(i) >= uint(x.counts.Messages) {
		panic("index: no such message")
	}
	if x.dead == 0 {
		return i
	}
	return x.liveSlot(i)
}

// liveSlot is slot where messages are expunged.
func (x *Index) liveSlot(i int) int {
	// The last node before which there are at most i messages; empty ones give
	// way to those behind them.
	k, _ := slices.BinarySearch(x.before, i+1)
	k--
	i -= x.before[k]
	n := x.root[k]
	if n == nil || n.dead == 0 {
		return k*nodeSlots + i
	}
	// And the last such leaf.
	j := 0
	for half := fanout / 2; half > 0; half /= 2 {
		if next := j + half; next*leafSlots-int(n.before[next]) <= i {
			j = next
		}
	}
	i -= j*leafSlots - int(n.before[j])
	slot := k*nodeSlots + j*leafSlots
	if l := n.leaves[j]; l != nil {
		return slot + nth(^l.dead, i)
	}
	return slot + i
}

// nth returns the position of the n-th bit that is set.
func nth(w uint64, n int) int {
	at := 0
	for half := 32; half > 0; half /= 2 {
		if c := bits.OnesCount64(w & (1<<half - 1)); n >= c {
			n -= c
			at += half
			w >>= half
		}
	}
	return at
}

// position returns how many messages stand before a slot.
func (x *Index) position(slot int) int {
	if x.dead == 0 {
		return slot
	}
	k := slot / nodeSlots
	if k >= len(x.before) {
		return x.counts.Messages
	}
	at := x.before[k] + slot%nodeSlots
	if n := x.root[k]; n != nil && n.dead > 0 {
		j := slot / leafSlots % fanout
		at -= int(n.before[j])
		if l := n.leaves[j]; l != nil {
			at -= bits.OnesCount64(l.dead & (1<<(slot%leafSlots) - 1))
		}
	}
	return at
}
