package passdb

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"fantail/internal/login/passdb/scheme"
)

// TestHashingBudget wants the memory of checks to bound them as well as their number,
// and one that is larger than all of it to run alone.
func TestHashingBudget(t *testing.T) {
	for _, c := range []struct {
		name   string
		memory int64
		most   int32
	}{
		{"small", 0, 4},
		{"a third of the memory", 30, 3},
		{"half", 50, 2},
		{"more than half", 51, 1},
		{"more than all", 1000, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := NewHashing(4, 100)
			var now, most atomic.Int32
			next := make(chan struct{})
			for range 8 {
				go func() {
					if err := h.run(t.Context(), netip.Addr{}, scheme.Cost{Memory: c.memory}, func() {
						most.Store(max(most.Load(), now.Add(1)))
						<-next
						now.Add(-1)
					}); err != nil {
						t.Error(err)
					}
				}()
			}
			for range 8 {
				synctest.Wait()
				if n := now.Load(); n > c.most {
					t.Errorf("%s: %d at once", c.name, n)
				}
				next <- struct{}{}
			}
			synctest.Wait()
			if most.Load() != c.most {
				t.Errorf("%s: at most %d at once, want %d", c.name, most.Load(), c.most)
			}
			if !h.turns.idle(4) || !h.memory.TryAcquire(100) {
				t.Errorf("%s: something is still taken", c.name)
			}
		})
	}
}

// TestHashingGivesUp wants who waits to take nothing along when it leaves.
func TestHashingGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHashing(1, 100)
		next := make(chan struct{})
		go func() { _ = h.run(t.Context(), netip.Addr{}, scheme.Cost{Memory: 60}, func() { <-next }) }()
		synctest.Wait()
		why := errors.New("the client is gone")
		for _, memory := range []int64{0, 60} { // waits for a processor, for memory
			ctx, cancel := context.WithCancelCause(t.Context())
			done := make(chan error)
			go func() {
				done <- h.run(ctx, netip.Addr{}, scheme.Cost{Memory: memory}, func() { t.Error("ran") })
			}()
			synctest.Wait()
			cancel(why)
			if err := <-done; !errors.Is(err, why) {
				t.Error(err)
			}
		}
		next <- struct{}{}
		synctest.Wait()
		if !h.turns.idle(1) || !h.memory.TryAcquire(100) {
			t.Error("something is still taken")
		}
	})
}
