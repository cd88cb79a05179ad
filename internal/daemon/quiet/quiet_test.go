package quiet

import (
	"runtime/debug"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var freed atomic.Int32
		w := Watch{free: func() { freed.Add(1) }}
		pass := func(d time.Duration, want int32) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := freed.Load(); got != want {
				t.Errorf("freed %d times, want %d", got, want)
			}
		}
		pass(time.Hour, 0)
		for range 10 {
			w.Stir()
			w.Stir()
			pass(after-time.Second, 0)
		}
		pass(time.Second, 1)
		pass(time.Hour, 1) // once
		w.Stir()
		pass(after-time.Second, 1)
		pass(time.Second, 2)
	})
}

func TestFree(t *testing.T) {
	w := Watch{after: time.Millisecond}
	w.Stir()
	for range 1000 {
		w.mu.Lock()
		armed := w.armed
		w.mu.Unlock()
		if !armed {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("it never became quiet")
}

// TestAsleep: while it is quiet the collector is off, unless memory grows, and Rest is
// called before.
func TestAsleep(t *testing.T) {
	percent := debug.SetGCPercent(137)
	defer debug.SetGCPercent(percent)
	limit := debug.SetMemoryLimit(-1)
	rested := make(chan struct{}, 1)
	w := Watch{Alone: true, after: time.Millisecond, Rest: func() { rested <- struct{}{} }}
	for range 3 {
		w.Stir()
		<-rested
		for asleep := false; !asleep; time.Sleep(time.Millisecond) {
			w.mu.Lock()
			asleep = w.asleep
			w.mu.Unlock()
		}
		if p, l := debug.SetGCPercent(-1), debug.SetMemoryLimit(-1); p != -1 || l < asleep || l == limit {
			t.Errorf("asleep: GOGC %d, limit %d", p, l)
		}
		w.after = time.Hour // which nobody reads now
		w.Stir()
		if p, l := debug.SetGCPercent(137), debug.SetMemoryLimit(-1); p != 137 || l != limit {
			t.Errorf("awake: GOGC %d, limit %d", p, l)
		}
		w.after = time.Millisecond
		w.timer.Stop()
		w.armed = false
	}
}

// TestDue: a process that has done nothing does not collect garbage.
func TestDue(t *testing.T) {
	var w Watch
	for begin := time.Now(); time.Since(begin) < 2*worth; {
		if time.Now().IsZero() {
			t.Fatal("no time")
		}
	}
	if !w.due() {
		t.Error("not due after work")
	}
	w.worked += time.Hour
	if w.due() {
		t.Error("due without work")
	}
}
