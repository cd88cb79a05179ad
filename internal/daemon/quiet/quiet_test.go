package quiet

import (
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
