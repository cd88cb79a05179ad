// Package metrics is what the daemons count of themselves, and how it is told: as text of
// OpenMetrics 1.0.
//
// What there is to count is the table of families (table.go). A Set has the numbers of
// one daemon: it counts by atomic additions, without a lock or an allocation, and does
// nothing where it is nil. Labels have values of a list that the table has, or an upper
// bound of them, so the number of series is known before anything is counted; whatever is
// not on a list counts as "other". No label has a name of an account or an address of a
// client.
//
//	imapd, authd, ...  ── text, on a socket of each daemon ──► Gather ──► fantail stats
//	sessions ── Report, on the control socket ──► sessiond       ╰──────► metricsd (HTTP)
//
// A session program ends when its clients do, so what it counts it reports to who started
// it, as differences (report.go), which are added there. Every number of a session is its
// word: a session that was taken over can say it has done much, in its own families and
// nothing else, and no sum becomes smaller.
//
// A socket (serve.go) says all numbers to whoever connects, and closes. Gather (gather.go)
// reads those of all daemons and adds the label daemon. It believes of none what is not in
// the table.
package metrics

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Set has the numbers of one daemon. It is safe for many goroutines; nil counts nothing.
type Set struct {
	daemon  Daemon
	slots   []atomic.Uint64
	offsets [familyCount]int // of the first slot of a family; -1: it is not this daemon's

	telling sync.Mutex // one after the other: questions have state

	mu    sync.Mutex // guards asked
	asked []asked
}

// asked is a gauge whose value is asked for when it is wanted.
type asked struct {
	id     ID
	labels []string
	value  func() (float64, bool)
}

// New returns a Set of zeros.
func New(d Daemon) *Set {
	s := &Set{daemon: d}
	n := 0
	for id := range families {
		s.offsets[id] = -1
		f := &families[id]
		if f.in&d == 0 || f.free {
			continue
		}
		s.offsets[id] = n
		n += f.size()
	}
	s.slots = make([]atomic.Uint64, n)
	return s
}

// slot returns the number of the first slot of a series; -1 if it is not counted here.
func (s *Set) slot(id ID, labels []string) int {
	if s == nil || s.offsets[id] < 0 {
		return -1
	}
	f := &families[id]
	if len(labels) != len(f.labels) {
		panic("metrics: " + f.name + " has other labels")
	}
	series := 0
	for i, l := range f.labels {
		series = series*len(l.values) + l.index(labels[i])
	}
	return s.offsets[id] + series*f.width()
}

// Add adds n to a counter or a gauge.
func (s *Set) Add(id ID, n uint64, labels ...string) {
	if at := s.slot(id, labels); at >= 0 {
		s.slots[at].Add(n)
	}
}

// Inc adds 1.
func (s *Set) Inc(id ID, labels ...string) { s.Add(id, 1, labels...) }

// Dec takes 1 from a gauge.
func (s *Set) Dec(id ID, labels ...string) { s.Add(id, math.MaxUint64, labels...) }

// Observe counts a value in a histogram: octets.
func (s *Set) Observe(id ID, v uint64, labels ...string) {
	at := s.slot(id, labels)
	if at < 0 {
		return
	}
	f := &families[id]
	i, _ := slices.BinarySearch(f.buckets, v)
	s.slots[at+i].Add(1)
	s.slots[at+len(f.buckets)+1].Add(v)
}

// Since counts the time since then in a histogram of seconds.
func (s *Set) Since(id ID, then time.Time, labels ...string) {
	if s != nil {
		s.Observe(id, uint64(max(0, time.Since(then))), labels...)
	}
}

// Ask has a gauge, or a counter that is kept elsewhere, asked for when it is wanted; ok
// is false if it is not known. A family without fixed labels takes any, which must be few.
func (s *Set) Ask(id ID, value func() (v float64, ok bool), labels ...string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, asked{id, labels, value})
}
