// Package quiet gives memory back to the kernel when a process has nothing to do:
// most processes of a mail server wait for hours, and what their last command or
// handshake left behind would wait with them.
//
// A Watch has no timer running while it is quiet, and the process of a Watch that is
// Alone does not collect garbage every two minutes either: a process that waits is
// never woken.
//
// What a small process of Go costs beside its heap is two things above all: caches for
// each processor that it may use (package processors); and for each size of object that
// has outlived a collection some 6 kB, twice that from the second collection on. So
// there is none where little was allocated.
package quiet

import (
	"math"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/processors"
)

// after is how long nothing must have happened, in a process, and in a part of one: what
// one of many lets go of has no price to speak of, and what all of them hold has.
const (
	after     = 5 * time.Second
	afterPart = time.Second
)

const (
	// worth is how long the process must have worked to have left anything that is worth
	// a collection. What it has allocated would be a better measure, but to ask for that
	// costs what is to be spared.
	worth = 2 * time.Millisecond
	// asleep is the memory, in octets, from which on a process collects garbage even so
	// that sleeps; for one that has had more, it is twice of that.
	asleep = 32 << 20
)

// Watch waits until it is quiet. Its zero value is ready, and quiet. It is safe for
// many goroutines.
type Watch struct {
	// Rest, if there is one, is called before memory is given back, to let go of what
	// is only held to be faster. Something may happen meanwhile.
	Rest func()
	// Alone says that whatever the process does stirs this Watch.
	Alone bool
	// Part says that it watches one of many things that the process does: Rest is
	// called, and that is all.
	Part bool

	mu      sync.Mutex // guards what follows
	last    time.Time  // something happened
	timer   *time.Timer
	armed   bool // the timer is running
	asleep  bool // the collector is off
	percent int  // what it was

	worked time.Duration // processor time of the process when memory was freed last

	after time.Duration // for tests; 0 is the constant
	free  func()        // for tests; nil is freeMemory
}

// Stir says that something happens.
func (w *Watch) Stir() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = time.Now()
	if w.armed {
		return
	}
	w.armed = true
	if w.asleep {
		w.asleep = false
		debug.SetMemoryLimit(math.MaxInt64)
		debug.SetGCPercent(w.percent)
	}
	if w.timer == nil {
		w.timer = time.AfterFunc(w.pause(), w.look)
		return
	}
	w.timer.Reset(w.pause())
}

func (w *Watch) pause() time.Duration {
	switch {
	case w.after > 0:
		return w.after
	case w.Part:
		return afterPart
	}
	return after
}

// look frees memory if it is quiet, or looks again when it may be.
func (w *Watch) look() {
	w.mu.Lock()
	left := w.pause() - time.Since(w.last)
	w.armed = left > 0
	if w.armed {
		w.timer.Reset(left)
	}
	w.mu.Unlock()
	if left > 0 {
		return
	}
	if w.Rest != nil {
		w.Rest()
	}
	switch {
	case w.Part:
	case w.free != nil:
		w.free()
	default:
		w.freeMemory()
	}
}

// freeMemory frees memory, and sends the process to sleep.
func (w *Watch) freeMemory() {
	processors.Rest()
	if w.due() {
		// One collection: another one would free what lies in pools, and cost more than
		// that for the collector itself.
		debug.FreeOSMemory()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Alone && !w.armed && !w.asleep {
		w.asleep = true
		w.percent = debug.SetGCPercent(-1)
		debug.SetMemoryLimit(max(asleep, 2*peak()))
	}
}

// peak is the most memory that the process has had, in octets; 0 if that is not known.
func peak() int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return int64(u.Maxrss) << 10
}

// due reports whether enough was done since the last time.
func (w *Watch) due() bool {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		return true
	}
	now := time.Duration(ts.Nano())
	w.mu.Lock()
	defer w.mu.Unlock()
	if now-w.worked < worth {
		return false
	}
	w.worked = now
	return true
}
