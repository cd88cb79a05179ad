package processors

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A daemon that answers messages is faster with one processor than with two, as long as
// one is enough: Go's runtime hands a goroutine that is woken to another thread, which
// the kernel has to wake, and which looks for more work for a while. So it follows what
// it is used for. No timer runs for that: who gets something to do looks (Stir).

const (
	// lookEvery is how often the process looks at its own processor time, while it does
	// something.
	lookEvery = 100 * time.Millisecond
	// keep is how long less must have been needed before less is used.
	keep = time.Second
	// full is from which share on of what the process has it gets more; half below which
	// share of less it gets less. Between them nothing changes.
	full, half = 0.7, 0.5
)

// follower decides for a process.
type follower struct {
	limit int
	now   func() time.Duration // since any time
	used  func() time.Duration // processor time
	set   func(int)

	next atomic.Int64 // when to look

	mu    sync.Mutex // guards what follows
	n     int        // how many are used
	need  int        // most that were needed since
	since time.Duration
	at    time.Duration // the last look, and what had been used then
	spent time.Duration
}

// daemon is that of this process; nil if Follow was not called.
var daemon atomic.Pointer[follower]

// Follow is for a daemon: it uses one processor, and more while there is work for them.
// It is called once, before there is any, and returns how many there may be.
func Follow() (limit int) {
	limit = runtime.GOMAXPROCS(0)
	began := time.Now()
	f := newFollower(limit, func() time.Duration { return time.Since(began) }, processorTime, func(n int) { runtime.GOMAXPROCS(n) })
	f.set(1)
	daemon.Store(f)
	return limit
}

func newFollower(limit int, now, used func() time.Duration, set func(int)) *follower {
	f := &follower{limit: limit, now: now, used: used, set: set, n: 1, need: 1, at: now(), spent: used()}
	f.next.Store(int64(f.at + lookEvery))
	return f
}

// processorTime is what the process has used, of all threads, in the kernel too.
func processorTime() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts) != nil {
		return 0 // as if nothing were used: one processor has to be enough
	}
	return time.Duration(ts.Nano())
}

// Stir says that the process has something to do. It is called for whatever wakes it.
func Stir() {
	if f := daemon.Load(); f != nil {
		f.stir()
	}
}

func (f *follower) stir() {
	now := f.now()
	next := f.next.Load()
	if int64(now) < next || !f.next.CompareAndSwap(next, int64(now+lookEvery)) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.look(now)
}

// look takes what was used since the last time for what is needed.
func (f *follower) look(now time.Duration) {
	spent := f.used()
	rate := float64(spent-f.spent) / float64(max(now-f.at, 1))
	f.at, f.spent = now, spent
	if rate > full*float64(f.n) && f.n < f.limit {
		f.use(2*f.n, now)
		return
	}
	f.need = max(f.need, enough(rate/half))
	if now-f.since < keep {
		return
	}
	if f.need < f.n {
		f.use(f.need, now)
	}
	f.need, f.since = 1, now
}

// enough is the first power of two that is not below what is needed.
func enough(need float64) int {
	n := 1
	for float64(n) < need {
		n *= 2
	}
	return n
}

// use has the process use n processors, for some time at least.
func (f *follower) use(n int, now time.Duration) {
	n = min(n, f.limit)
	f.need, f.since = n, now
	if n != f.n {
		f.n = n
		f.set(n)
	}
}

// ask is for work of which is known that it needs n.
func (f *follower) ask(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n = min(n, f.limit)
	f.need = max(f.need, n)
	if n > f.n {
		f.use(n, f.now())
	}
}

// rest has the process use one if it has had nothing to do for some time.
func (f *follower) rest() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); now-f.at >= keep {
		f.use(1, now)
	}
}

// Load counts one kind of work that computes for long, of a process of Follow, which gets
// a processor for it at once, beside the one that it has for messages. Its zero value is
// ready. It is safe for many goroutines.
type Load struct {
	Each int // so many at the same time have one; 0 is 1

	n atomic.Int32
}

// Begin says that one begins, which waits for Done.
func (l *Load) Begin() {
	n := int(l.n.Add(1))
	if f := daemon.Load(); f != nil {
		f.ask(1 + n/max(l.Each, 1))
	}
}

// Done is the end of what Begin began.
func (l *Load) Done() { l.n.Add(-1) }
