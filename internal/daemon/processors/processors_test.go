package processors

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestWorkers(t *testing.T) {
	before, percent := runtime.GOMAXPROCS(4), debug.SetGCPercent(100)
	defer func() {
		runtime.GOMAXPROCS(before)
		debug.SetGCPercent(percent)
		most.Store(0)
	}()
	for _, c := range []struct{ items, each, want int }{{0, 10, 1}, {1, 10, 1}, {10, 10, 1}, {11, 10, 2}, {1000, 10, 4}} {
		if got := Workers(c.items, c.each); got != c.want {
			t.Errorf("a process that spares nothing has %d workers for %+v", got, c)
		}
	}
	Rest()
	if n := runtime.GOMAXPROCS(0); n != 4 {
		t.Errorf("%d processors after rest", n)
	}
	many := min(3, runtime.NumCPU())
	Spare(3)
	for range 2 {
		if n := Workers(muchWork-1, 1); n != 1 || runtime.GOMAXPROCS(0) != 1 {
			t.Errorf("%d workers for little work, %d processors", n, runtime.GOMAXPROCS(0))
		}
		if n := Workers(muchWork, 1); n != many || runtime.GOMAXPROCS(0) != many {
			t.Errorf("%d workers for much work, %d processors", n, runtime.GOMAXPROCS(0))
		}
		Rest()
	}
}
