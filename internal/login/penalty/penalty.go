// Package penalty makes guessing of passwords slow: it says how long an attempt to
// log in has to wait, by what came before from the same network and for the same
// account. It only ever delays. Nobody is locked out, since that would let anybody
// lock out anybody.
//
// Each failure adds one to a score of its source (an IPv4 address; of IPv6 the /56
// that one customer has) and to one of its account. Scores halve in HalfLife. The
// first failures are free, for people mistype; beyond them each doubles the wait, up
// to a limit, which for accounts is the lower one: they are attacked from many
// places, and their owners are elsewhere.
//
//	score of    free   the next waits 1 s, 2 s, 4 s … up to
//	a source    3      MaxSource
//	an account  10     MaxAccount
//
// What is no guess does not count: the same wrong password again, which is a phone
// that was not told of the new one. And who got in from a source lately is known
// there: he waits for nobody's failures but his own.
//
// Invariants: memory is bounded by Options.Most, whatever clients do; what is
// forgotten first is what has not been touched for longest. Passwords are never here:
// the proof of an attempt is a keyed hash that lives as long as the process.
package penalty

import (
	"container/list"
	"math"
	"net/netip"
	"sync"
	"time"
)

// The limits of waits, and how fast scores fall.
const (
	MaxSource  = 15 * time.Second
	MaxAccount = 4 * time.Second
	HalfLife   = 2 * time.Minute

	freeOfSource  = 3
	freeOfAccount = 10

	// known is how long a success makes an account known at a source.
	known = 30 * 24 * time.Hour
	// remembered is how many wrong proofs of an account are known as such.
	remembered = 4
)

// Proof stands for what somebody tried; the caller hashes it.
type Proof [16]byte

// Options say how a Table works.
type Options struct {
	Clock func() time.Time // nil: time.Now
	Most  int              // sources, accounts and pairs that are remembered, in all; 0: 50,000
}

// Table remembers failures. It is safe for many goroutines.
type Table struct {
	clock func() time.Time
	most  int

	mu      sync.Mutex
	entries map[key]*list.Element // of *entry
	touched *list.List            // front: most recently
}

// key is a source, an account, or an account at a source.
type key struct {
	source  netip.Prefix
	account string
}

type entry struct {
	key    key
	score  float64 // at
	at     time.Time
	known  time.Time // of the last success; of a pair only
	proofs []Proof   // the last wrong ones; of an account only
}

// New returns an empty Table.
func New(o Options) *Table {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Most == 0 {
		o.Most = 50_000
	}
	return &Table{clock: o.Clock, most: o.Most, entries: make(map[key]*list.Element), touched: list.New()}
}

// Source is the network that one customer of a provider has. A client without an
// address is this machine.
func Source(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return netip.Prefix{}
	}
	bits := 32
	if a.Is6() {
		bits = 56
	}
	p, err := a.Prefix(bits)
	if err != nil {
		panic("penalty: " + err.Error()) // bits fit the family
	}
	return p
}

// Wait returns how long an attempt has to wait before it is looked at.
func (t *Table) Wait(from netip.Addr, account string) time.Duration {
	s := Source(from)
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock()
	if pair := t.find(key{s, account}); pair != nil && !pair.known.IsZero() && now.Sub(pair.known) < known {
		return wait(pair.now(now), freeOfSource, MaxSource)
	}
	return max(
		wait(t.score(key{source: s}, now), freeOfSource, MaxSource),
		wait(t.score(key{account: account}, now), freeOfAccount, MaxAccount),
	)
}

// wait is how long a score makes wait.
func wait(score float64, free int, most time.Duration) time.Duration {
	over := math.Round(score*1000)/1000 - float64(free)
	if over < 0 {
		return 0
	}
	if seconds := math.Exp2(over); seconds < most.Seconds() {
		return time.Duration(seconds * float64(time.Second))
	}
	return most
}

// Failed remembers a failure. p stands for what was tried; the zero Proof for
// something that is not a guess at a password.
func (t *Table) Failed(from netip.Addr, account string, p Proof) {
	s := Source(from)
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock()
	a := t.touch(key{account: account}, now)
	if p != (Proof{}) {
		for _, old := range a.proofs {
			if old == p {
				return
			}
		}
		if len(a.proofs) == remembered {
			a.proofs = append(a.proofs[:0], a.proofs[1:]...)
		}
		a.proofs = append(a.proofs, p)
	}
	a.score++
	t.touch(key{source: s}, now).score++
	t.touch(key{s, account}, now).score++
}

// Succeeded remembers a success. The source's score stays: whoever has one account
// must not guess at others for free.
func (t *Table) Succeeded(from netip.Addr, account string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock()
	pair := t.touch(key{Source(from), account}, now)
	pair.known, pair.score = now, 0
}

// find returns an entry, or nil.
func (t *Table) find(k key) *entry {
	e, ok := t.entries[k]
	if !ok {
		return nil
	}
	return e.Value.(*entry)
}

func (t *Table) score(k key, now time.Time) float64 {
	if e := t.find(k); e != nil {
		return e.now(now)
	}
	return 0
}

// touch returns an entry with the score of now, a new one if there is none.
func (t *Table) touch(k key, now time.Time) *entry {
	if el, ok := t.entries[k]; ok {
		t.touched.MoveToFront(el)
		e := el.Value.(*entry)
		e.score, e.at = e.now(now), now
		return e
	}
	if t.touched.Len() >= t.most {
		last := t.touched.Back()
		delete(t.entries, last.Value.(*entry).key)
		t.touched.Remove(last)
	}
	e := &entry{key: k, at: now}
	t.entries[k] = t.touched.PushFront(e)
	return e
}

// now is the score at the time of now. A clock that was set back leaves it.
func (e *entry) now(now time.Time) float64 {
	past := max(0, now.Sub(e.at))
	return e.score * math.Exp2(-past.Seconds()/HalfLife.Seconds())
}
