package broker

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// TestCrew: work never waits for other work, all of it is done, and nobody is left.
func TestCrew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
		var c crew
		var done atomic.Int32
		held := make(chan struct{})
		const n = 100
		for range n {
			c.Go(func() {
				<-held
				done.Add(1)
			})
		}
		c.Go(func() { close(held) })
		c.Wait()
		if got := done.Load(); got != n {
			t.Errorf("%d of %d are done", got, n)
		}
		synctest.Wait()
		if len(c.idle) != mostIdle {
			t.Errorf("%d are idle", len(c.idle))
		}
		kept := c.idle[mostIdle-1]
		c.Go(func() { done.Add(1) })
		synctest.Wait()
		if done.Load() != n+1 || len(c.idle) != mostIdle || c.idle[mostIdle-1] != kept {
			t.Error("the work was not for one who was idle")
		}
		c.End()
	})
}
