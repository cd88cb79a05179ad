package search

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// digest stands for a text: 128 bits of its SHA-256. It is the same in all processes.
type digest [2]uint64

// digestOf returns the digest of a text; that of the empty one is zero.
func digestOf(text []byte) digest {
	if len(text) == 0 {
		return digest{}
	}
	sum := sha256.Sum256(text)
	return digest{binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])}
}

// digestTable gives numbers to digests: open addressing, none is removed. Number 0 is
// that of the empty text. Where a digest has its place is not to be foreseen, so that
// nobody can choose texts that all have the same.
type digestTable struct {
	digests []digest // by number
	slots   []digestSlot
	secret  uint64 // odd
}

// digestSlot has a number, or 0 if it is free, and a part of the digest that mostly
// tells it from others.
type digestSlot struct {
	number int32
	part   uint32
}

func newDigestTable() digestTable {
	return digestTable{digests: []digest{{}}, secret: rand.Uint64() | 1}
}

// number returns the number of a digest, the next one if it has none yet.
func (t *digestTable) number(d digest) int32 {
	if d == (digest{}) {
		return 0
	}
	t.reserve(1)
	s := t.find(d)
	if s.number == 0 {
		s.number, s.part = int32(len(t.digests)), uint32(d[1])
		t.digests = append(t.digests, d)
	}
	return s.number
}

// reserve makes room for so many numbers more: half of the slots stay free.
func (t *digestTable) reserve(n int) {
	size := max(1024, len(t.slots))
	for size < 2*(len(t.digests)+n) {
		size *= 2
	}
	if size == len(t.slots) {
		return
	}
	t.slots = make([]digestSlot, size)
	for k, d := range t.digests[1:] {
		*t.find(d) = digestSlot{int32(k + 1), uint32(d[1])}
	}
}

// find returns the slot of a digest, or the free one where it belongs.
func (t *digestTable) find(d digest) *digestSlot {
	mask := uint64(len(t.slots) - 1)
	shift := 64 - bits.Len64(mask)
	for at := d[0] * t.secret >> shift; ; at = (at + 1) & mask {
		s := &t.slots[at]
		if s.number == 0 || s.part == uint32(d[1]) && t.digests[s.number] == d {
			return s
		}
	}
}
