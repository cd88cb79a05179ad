package store

import "time"

// derived is what a layer above has computed from the messages of a mailbox. To the
// store it means nothing.
type derived struct {
	value any
	used  time.Time
}

// derivedAge is how long a derived value stays that nobody asks for while nobody has
// the mailbox open.
const derivedAge = time.Minute

// Derived returns what KeepDerived was given last, or nil: such as what sorting
// compares, in the memory of the process, for the next who sorts.
func (m *Mailbox) Derived() any {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.derived.used = time.Now()
	return m.derived.value
}

// KeepDerived keeps a value for Derived. All who have the mailbox open share it.
func (m *Mailbox) KeepDerived(value any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.derived = derived{value, time.Now()}
}

// age gives up a derived value that nobody has asked for of late; m.mu is held.
func (d *derived) age() {
	if time.Since(d.used) > derivedAge {
		*d = derived{}
	}
}
