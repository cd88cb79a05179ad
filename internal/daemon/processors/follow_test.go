package processors

import (
	"runtime"
	"testing"
	"time"
)

// world is a process with a clock of its own.
type world struct {
	*follower
	t        *testing.T
	at, used time.Duration
	changes  int
}

func newWorld(t *testing.T, limit int) *world {
	w := &world{t: t}
	w.follower = newFollower(limit, func() time.Duration { return w.at }, func() time.Duration { return w.used }, func(int) { w.changes++ })
	return w
}

// run lets time pass with so many processors used, a message every 10 ms, and says how
// many it has then.
func (w *world) run(d time.Duration, rate float64, want int) {
	w.t.Helper()
	const step = 10 * time.Millisecond
	for ; d > 0; d -= step {
		w.at += step
		w.used += time.Duration(float64(step) * min(rate, float64(w.n)))
		w.stir()
	}
	if w.n != want {
		w.t.Errorf("at %v with %.2f used: %d processors, want %d", w.at, rate, w.n, want)
	}
}

func TestFollow(t *testing.T) {
	w := newWorld(t, 6)
	w.run(2*time.Second, 0.6, 1)
	w.run(200*time.Millisecond, 1, 2)
	w.run(100*time.Millisecond, 2, 4)
	w.run(100*time.Millisecond, 4, 6) // all that there are
	w.run(3*time.Second, 6, 6)
	w.run(500*time.Millisecond, 0, 6) // not at once
	w.run(3*time.Second, 1.5, 4)
	w.run(3*time.Second, 0.8, 2)
	w.run(3*time.Second, 0.4, 1)
	changes := w.changes
	w.run(time.Minute, 0.65, 1) // and it does not flap
	w.run(time.Second, 0.9, 2)
	w.run(time.Minute, 0.65, 2)
	if w.changes != changes+1 {
		t.Errorf("%d changes", w.changes-changes)
	}
	w.run(3*time.Second, 0.2, 1)
}

// TestPause: a look after a long pause takes little for what was needed in it, and what
// comes now may be as much as before.
func TestPause(t *testing.T) {
	w := newWorld(t, 2)
	w.run(time.Second, 1, 2)
	w.at += time.Hour
	w.stir()
	w.run(200*time.Millisecond, 0.1, 2)
	w.at += time.Hour
	w.stir()
	if w.n != 1 {
		t.Errorf("%d processors after an hour", w.n)
	}
}

// TestRest: it stays as it is while there is something to do.
func TestRest(t *testing.T) {
	w := newWorld(t, 2)
	w.run(time.Second, 2, 2)
	w.rest()
	if w.n != 2 {
		t.Error("at rest while it works")
	}
	w.at += 5 * time.Second
	w.rest()
	if w.n != 1 {
		t.Errorf("%d processors at rest", w.n)
	}
}

func TestLoad(t *testing.T) {
	w := newWorld(t, 4)
	defer daemon.Store(daemon.Swap(w.follower))
	var slow Load
	slow.Begin()
	if w.n != 2 {
		t.Errorf("%d processors for one and the messages", w.n)
	}
	for range 10 {
		slow.Begin()
	}
	if w.n != 4 {
		t.Errorf("%d processors for more than there are", w.n)
	}
	for range 11 {
		slow.Done()
	}
	w.run(500*time.Millisecond, 0.1, 4)
	w.run(2*time.Second, 0.1, 1)
	crowd := Load{Each: 8}
	for range 7 {
		crowd.Begin()
	}
	if w.n != 1 {
		t.Errorf("%d processors for a few handshakes", w.n)
	}
	if crowd.Begin(); w.n != 2 {
		t.Errorf("%d processors for many handshakes", w.n)
	}
	// That they are still there, and do nothing, is no reason to keep it.
	w.run(3*time.Second, 0, 1)
}

// TestStir is of this process.
func TestStir(t *testing.T) {
	before := runtime.GOMAXPROCS(4)
	old := daemon.Load()
	defer func() {
		daemon.Store(old)
		runtime.GOMAXPROCS(before)
	}()
	if limit := Follow(); limit != 4 || runtime.GOMAXPROCS(0) != 1 {
		t.Errorf("limit %d, %d processors", limit, runtime.GOMAXPROCS(0))
	}
	var l Load
	l.Begin()
	defer l.Done()
	if n := runtime.GOMAXPROCS(0); n != 2 {
		t.Errorf("%d processors", n)
	}
	begin := processorTime()
	for end := time.Now().Add(5 * time.Second); processorTime()-begin < 10*time.Millisecond; Stir() {
		if time.Now().After(end) {
			t.Fatal("no processor time passes")
		}
	}
}
