package index

import (
	"math/bits"
	"runtime"
	"slices"

	"fantail/internal/mail"
)

// edit makes a new Index out of another. What it copied it owns, and changes
// without a further copy; nobody else sees it before done.
type edit struct {
	x      *Index
	nodes  []*node // that it owns
	leaves []*leaf // that it owns
	last   int     // the slot that find found last
	op     op      // the one that is read
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
		l.trim()
	}
	for _, n := range e.nodes {
		dead := 0
		for i, l := range n.leaves {
			n.before[i] = uint16(dead)
			if l != nil {
				dead += bits.OnesCount64(l.dead)
			}
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

// find returns the slot of a message. It looks where it found the last one and
// behind that first.
func (e *edit) find(uid mail.UID) (slot int, ok bool) {
	x := e.x
	slot = e.last
	if slot >= x.slots || x.uidAt(slot) != uid {
		if slot++; slot >= x.slots || x.uidAt(slot) != uid {
			slot = x.findSlot(uid)
			if slot >= x.slots || x.uidAt(slot) != uid {
				return slot, false
			}
		}
	}
	e.last = slot
	return slot, !x.isDead(slot)
}

// own returns the leaf of a slot, and its node, for writing.
func (e *edit) own(slot int) (*node, *leaf) {
	k := slot / nodeSlots
	for k >= len(e.x.root) {
		e.x.root = append(e.x.root, nil)
	}
	n := e.x.root[k]
	if n == nil || n.owner != e {
		c := &node{owner: e}
		if n != nil {
			c.dead, c.leaves = n.dead, n.leaves
		}
		n = c
		e.nodes = append(e.nodes, n)
		e.x.root[k] = n
	}
	p := &n.leaves[slot/leafSlots%fanout]
	switch l := *p; {
	case l == nil:
		*p = e.newLeaf()
	case l.owner != e:
		*p = &leaf{owner: e, dead: l.dead, changed: l.changed, rows: slices.Clone(l.rows), text: slices.Clone(l.text)}
	default:
		return n, l
	}
	e.leaves = append(e.leaves, *p)
	return n, *p
}

// newLeaf makes a leaf with as much room as the last one took: whoever changes
// many messages changes all of them, mostly.
func (e *edit) newLeaf() *leaf {
	l := &leaf{owner: e}
	if n := len(e.leaves); n > 0 {
		like := e.leaves[n-1]
		l.rows = make([]row, 0, len(like.rows))
		l.text = make([]byte, 0, len(like.text))
	}
	return l
}

// row returns a slot's row and its leaf for writing, until the next call of a
// method of e. If the row is about to be renamed, the name that it had need not
// be read.
func (e *edit) row(slot int, renamed bool) (*leaf, *row) {
	_, l := e.own(slot)
	if r := l.row(slot % leafSlots); r != nil {
		return l, r
	}
	snap := e.x.snap
	r := row{Row: snap.row(slot), at: uint32(len(l.text))}
	if !renamed {
		name, base := snap.name(slot)
		l.text = append(l.text, name[base:]...)
		r.info = uint8(len(name) - base)
		runtime.KeepAlive(snap)
	}
	e.x.changes++
	return l, l.insert(slot%leafSlots, r)
}

// add gives a new message the next slot.
func (e *edit) add(m *Row, base, info []byte) {
	slot := e.x.slots
	_, l := e.own(slot)
	l.insert(slot%leafSlots, row{Row: *m, at: uint32(len(l.text)), base: uint8(len(base)), info: uint8(len(info))})
	l.text = append(append(l.text, base...), info...)
	e.x.slots++
	e.x.changes++
	e.x.counts.add(m, 1)
	e.last = slot
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
