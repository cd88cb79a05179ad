package store

import (
	"iter"
	"math/bits"
)

// bitset is a set of message numbers.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) clear(i int)    { b[i/64] &^= 1 << (i % 64) }
func (b bitset) reset()         { clear(b) }

// fill puts the numbers below n in.
func (b bitset) fill(n int) {
	for i := range b {
		b[i] = ^uint64(0)
	}
	if n%64 != 0 {
		b[len(b)-1] = 1<<(n%64) - 1
	}
}

func (b bitset) or(c bitset) {
	for i := range b {
		b[i] |= c[i]
	}
}

func (b bitset) count() (n int) {
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// ones yields the numbers that are in the set.
func (b bitset) ones() iter.Seq[int] {
	return func(yield func(int) bool) {
		for w, bits64 := range b {
			for rest := bits64; rest != 0; rest &= rest - 1 {
				if !yield(w*64 + bits.TrailingZeros64(rest)) {
					return
				}
			}
		}
	}
}

// zeros yields the numbers below n that are not in the set.
func (b bitset) zeros(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for w, bits64 := range b {
			for rest := ^bits64; rest != 0; rest &= rest - 1 {
				i := w*64 + bits.TrailingZeros64(rest)
				if i >= n || !yield(i) {
					return
				}
			}
		}
	}
}
