package store

import "iter"

// MessageSet is a set of messages of one Snapshot, by their index in it.
type MessageSet struct {
	bits bitset
	n    int
}

// NewMessageSet returns the empty set for a Snapshot of n messages.
func NewMessageSet(n int) *MessageSet { return &MessageSet{newBitset(n), n} }

// Add puts message i in.
func (s *MessageSet) Add(i int) { s.bits.set(i) }

// Remove takes message i out.
func (s *MessageSet) Remove(i int) { s.bits.clear(i) }

// Has reports whether message i is in the set.
func (s *MessageSet) Has(i int) bool { return s.bits.has(i) }

// AddAll puts all messages of the Snapshot in.
func (s *MessageSet) AddAll() { s.bits.fill(s.n) }

// Len returns the number of messages in the set.
func (s *MessageSet) Len() int { return s.bits.count() }

// All yields the messages in ascending order.
func (s *MessageSet) All() iter.Seq[int] { return s.bits.ones() }

// AddRange puts the messages from lo up to, but without, hi in.
func (s *MessageSet) AddRange(lo, hi int) {
	for ; lo < hi && lo%64 != 0; lo++ {
		s.Add(lo)
	}
	for ; lo+64 <= hi; lo += 64 {
		s.bits[lo/64] = ^uint64(0)
	}
	for ; lo < hi; lo++ {
		s.Add(lo)
	}
}

// Empty reports whether there is no message in the set.
func (s *MessageSet) Empty() bool {
	for _, w := range s.bits {
		if w != 0 {
			return false
		}
	}
	return true
}

// And returns the messages that are in both of two sets for the same Snapshot.
func (s *MessageSet) And(t *MessageSet) *MessageSet {
	u := NewMessageSet(s.n)
	for i := range u.bits {
		u.bits[i] = s.bits[i] & t.bits[i]
	}
	return u
}

// Or returns the messages that are in one of two sets for the same Snapshot.
func (s *MessageSet) Or(t *MessageSet) *MessageSet {
	u := NewMessageSet(s.n)
	for i := range u.bits {
		u.bits[i] = s.bits[i] | t.bits[i]
	}
	return u
}

// Without returns the messages that are in s and not in t, a set for the same
// Snapshot.
func (s *MessageSet) Without(t *MessageSet) *MessageSet {
	u := NewMessageSet(s.n)
	for i := range u.bits {
		u.bits[i] = s.bits[i] &^ t.bits[i]
	}
	return u
}

// Indexes returns the messages in ascending order.
func (s *MessageSet) Indexes() []int {
	all := make([]int, 0, s.Len())
	for i := range s.All() {
		all = append(all, i)
	}
	return all
}
