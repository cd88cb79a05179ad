package quiet

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		freed := 0
		w := Watch{free: func() { freed++ }}
		pass := func(d time.Duration, want int) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if freed != want {
				t.Errorf("freed %d times, want %d", freed, want)
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
