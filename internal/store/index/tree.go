package index

import (
	"math/bits"
	"runtime"
	"slices"
)

// The rows of an index stand in slots: first those of the snapshot, then those
// added since. A slot keeps its number until the next snapshot. What the journal
// changed lies in a tree over the slots, of which every Index has a root of its
// own: a change copies one leaf and one node, and shares the rest.
//
//	root ── node (64 leaves) ── leaf (64 slots: one page of records)
//
// Where nothing changed there is no leaf and no node.
const (
	leafSlots = perPage
	fanout    = 64
	nodeSlots = leafSlots * fanout
)

// row is a message of which the journal spoke. base is empty if the snapshot has
// it.
type row struct {
	Row
	base, info string
}

type leaf struct {
	owner   *edit
	dead    uint64 // expunged
	changed uint64 // in rows
	rows    []row  // of the changed slots, in order
}

type node struct {
	owner  *edit
	dead   int
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
	l.rows = slices.Insert(l.rows, at, r)
	l.changed |= 1 << bit
	return &l.rows[at]
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
	if i < 0 || i >= x.counts.Messages {
		panic("index: no such message")
	}
	if x.dead == 0 {
		return i
	}
	// The last node before which there are at most i messages; empty ones give
	// way to those behind them.
	k, _ := slices.BinarySearch(x.before, i+1)
	k--
	i -= x.before[k]
	slot := k * nodeSlots
	n := x.root[k]
	if n == nil {
		return slot + i
	}
	for _, l := range n.leaves {
		dead := uint64(0)
		if l != nil {
			dead = l.dead
		}
		alive := leafSlots - bits.OnesCount64(dead)
		if i < alive {
			return slot + nth(^dead, i)
		}
		i -= alive
		slot += leafSlots
	}
	panic("index: counts are wrong")
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
	if n := x.root[k]; n != nil {
		for i := 0; i <= slot/leafSlots%fanout; i++ {
			l := n.leaves[i]
			switch {
			case l == nil:
			case i < slot/leafSlots%fanout:
				at -= bits.OnesCount64(l.dead)
			default:
				at -= bits.OnesCount64(l.dead & (1<<(slot%leafSlots) - 1))
			}
		}
	}
	return at
}

// edit makes a new Index out of another. What it copied it owns, and changes
// without a further copy; nobody else sees it before done.
type edit struct {
	x      *Index
	leaves []*leaf // that it owns
	infos  map[string]string
}

// info returns a copy of what follows the base in a file name. There are few
// different ones.
func (e *edit) info(s []byte) string {
	if own, ok := e.infos[string(s)]; ok {
		return own
	}
	if e.infos == nil || len(e.infos) > 1000 {
		e.infos = make(map[string]string)
	}
	own := string(s)
	e.infos[own] = own
	return own
}

func newEdit(x *Index) *edit {
	c := *x
	c.root = slices.Clone(x.root)
	return &edit{x: &c}
}

// done returns the new Index; the edit must not be used any more.
func (e *edit) done() *Index {
	x := e.x
	for _, l := range e.leaves {
		if cap(l.rows) > len(l.rows)+len(l.rows)/8 {
			l.rows = append(make([]row, 0, len(l.rows)), l.rows...)
		}
	}
	if x.dead > 0 {
		x.before = make([]int, len(x.root))
		sum := 0
		for i, n := range x.root {
			x.before[i] = sum
			sum += nodeSlots
			if n != nil {
				sum -= n.dead
			}
		}
	}
	*e = edit{}
	return x
}

// own returns the leaf of a slot, and its node, for writing.
func (e *edit) own(slot int) (*node, *leaf) {
	k := slot / nodeSlots
	for k >= len(e.x.root) {
		e.x.root = append(e.x.root, nil)
	}
	n := e.x.root[k]
	switch {
	case n == nil:
		n = &node{owner: e}
	case n.owner != e:
		n = &node{owner: e, dead: n.dead, leaves: n.leaves}
	}
	e.x.root[k] = n
	p := &n.leaves[slot/leafSlots%fanout]
	switch l := *p; {
	case l == nil:
		*p = &leaf{owner: e}
	case l.owner != e:
		*p = &leaf{owner: e, dead: l.dead, changed: l.changed, rows: slices.Clone(l.rows)}
	default:
		return n, l
	}
	e.leaves = append(e.leaves, *p)
	return n, *p
}

// row returns a slot's row for writing, until the next call of a method of e.
func (e *edit) row(slot int) *row {
	_, l := e.own(slot)
	if r := l.row(slot % leafSlots); r != nil {
		return r
	}
	r := row{Row: e.x.snap.row(slot)}
	if name, n := e.x.snap.name(slot); n > 0 {
		r.info = e.info(name[n:])
	}
	runtime.KeepAlive(e.x.snap)
	e.x.changes++
	return l.insert(slot%leafSlots, r)
}

// add gives a row the next slot.
func (e *edit) add(r row) {
	slot := e.x.slots
	_, l := e.own(slot)
	if l.rows == nil {
		l.rows = make([]row, 0, 1)
	}
	l.insert(slot%leafSlots, r)
	e.x.slots++
	e.x.changes++
	e.x.counts.add(&r.Row, 1)
}

// kill empties a slot.
func (e *edit) kill(slot int) {
	r := e.x.at(slot)
	e.x.counts.add(&r, -1)
	e.x.live -= int64(r.cacheLen)
	n, l := e.own(slot)
	l.dead |= 1 << (slot % leafSlots)
	n.dead++
	e.x.dead++
}
