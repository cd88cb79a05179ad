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
