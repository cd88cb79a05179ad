package uidlist

import (
	"hash/maphash"
	"slices"
)

// baseIndex finds the record of a base. It is a hash table of positions, since
// a map of 100,000 names would cost as much as reading them.
type baseIndex struct {
	seed  maphash.Seed
	slots []slot // a power of two, at most three quarters in use
	used  int
}

type slot struct {
	hash uint32
	pos  uint32 // in the records, plus 1; 0 is free
}

// fill indexes records whose bases differ, with room for so many.
func (x *baseIndex) fill(recs []Record, room int) {
	size := 64
	for size*3 < room*5 {
		size *= 2
	}
	*x = baseIndex{seed: maphash.MakeSeed(), slots: make([]slot, size)}
	for i := range recs {
		x.put(recs, i)
	}
}

// put enters recs[pos] and returns the position that had the same base, or -1.
func (x *baseIndex) put(recs []Record, pos int) int {
	h := uint32(maphash.String(x.seed, recs[pos].Base))
	at := x.probe(recs, h, recs[pos].Base)
	old := int(x.slots[at].pos) - 1
	x.slots[at] = slot{h, uint32(pos + 1)}
	if old < 0 {
		x.used++
	}
	return old
}

// probe returns the slot of the base, or the free one where it belongs.
func (x *baseIndex) probe(recs []Record, h uint32, base string) int {
	mask := len(x.slots) - 1
	for at := int(h) & mask; ; at = (at + 1) & mask {
		s := x.slots[at]
		if s.pos == 0 || s.hash == h && recs[s.pos-1].Base == base {
			return at
		}
	}
}

// find returns the position of the base, or -1.
func (x *baseIndex) find(recs []Record, base string) int {
	if len(x.slots) == 0 {
		return -1
	}
	return int(x.slots[x.probe(recs, uint32(maphash.String(x.seed, base)), base)].pos) - 1
}

// add enters the list's records from position from on. A base that comes again
// loses its earlier record: then the list's records are new ones, the index is
// of no use, and add reports true.
func (x *baseIndex) add(l *List, from int) bool {
	if (x.used+len(l.Records)-from)*4 > len(x.slots)*3 {
		x.fill(l.Records[:from], len(l.Records))
	}
	var dead []int
	for i := from; i < len(l.Records); i++ {
		if old := x.put(l.Records, i); old >= 0 {
			dead = append(dead, old)
		}
	}
	if dead == nil {
		return false
	}
	slices.Sort(dead)
	recs := make([]Record, 0, len(l.Records))
	for i, r := range l.Records {
		if len(dead) > 0 && dead[0] == i {
			dead = dead[1:]
			continue
		}
		recs = append(recs, r)
	}
	l.Records = recs
	return true
}
