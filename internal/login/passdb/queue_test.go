package passdb

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
)

// idle reports whether all turns are free and nobody waits.
func (q *queue) idle(turns int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.free == turns && len(q.lines) == 0 && q.order.Len() == 0
}

// TestQueueFair: one who comes with much to do makes nobody wait for all of it, and
// addresses of one customer are one source.
func TestQueueFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1)
		if err := q.acquire(t.Context(), netip.MustParseAddr("192.0.2.1")); err != nil {
			t.Fatal(err)
		}
		var order []string
		for _, from := range []string{"2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:3::1", "2001:db8:0:1::1", "192.0.2.7", "192.0.2.8", "192.0.2.7"} {
			go func() {
				if err := q.acquire(t.Context(), netip.MustParseAddr(from)); err != nil {
					t.Error(err)
				}
				order = append(order, from) // whoever has the turn
				q.release()
			}()
			synctest.Wait()
		}
		q.release()
		synctest.Wait()
		want := []string{"2001:db8:0:1::1", "192.0.2.7", "192.0.2.8", "2001:db8:0:2::1", "192.0.2.7", "2001:db8:0:3::1", "2001:db8:0:1::1"}
		if !slices.Equal(order, want) {
			t.Errorf("the order was %v, want %v", order, want)
		}
		if !q.idle(1) {
			t.Error("a turn is still taken")
		}
	})
}

// TestQueueGivesUp: who leaves a line, also in the moment in which it is his turn, takes
// nothing along.
func TestQueueGivesUp(t *testing.T) {
	why := errors.New("the client is gone")
	from := netip.MustParseAddr("192.0.2.1")
	for range 200 { // of which some meet that moment
		q := newQueue(1)
		if err := q.acquire(t.Context(), from); err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		ctx, cancel := context.WithCancelCause(t.Context())
		for _, c := range []context.Context{ctx, ctx, t.Context()} {
			go func() {
				err := q.acquire(c, from)
				if err == nil {
					q.release()
				}
				done <- err
			}()
		}
		go cancel(why)
		q.release()
		for range 3 {
			if err := <-done; err != nil && !errors.Is(err, why) {
				t.Error(err)
			}
		}
		if !q.idle(1) {
			t.Fatal("a turn is still taken")
		}
	}
}
