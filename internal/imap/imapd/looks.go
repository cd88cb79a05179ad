package imapd

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"fantail/internal/store"
)

// looks are looks at many mailboxes, several at a time: one that has no index yet waits
// for the disk most of the time, and those who wait together share its syncs.
type looks struct {
	names      []string
	found      []look // by the index of the name
	next, done atomic.Int64
	crash      atomic.Pointer[string]
}

// look is what was found.
type look struct {
	status store.Status
	err    error // set before: it is not looked at
}

// looksAtOnce is how many mailboxes are looked at at a time.
const looksAtOnce = 16

// Look is how far it has come.
func (l *looks) Look() (done, total int64) { return l.done.Load(), int64(len(l.names)) }

// all looks at all of them. It may be called once.
func (l *looks) all(ctx context.Context, acct *store.Account, needs store.StatusNeeds) {
	var workers sync.WaitGroup
	for range min(looksAtOnce, len(l.names)) {
		workers.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					crash := fmt.Sprintf("%v\n%s", r, debug.Stack())
					l.crash.Store(&crash)
				}
			}()
			for i := l.next.Add(1) - 1; i < int64(len(l.names)); i = l.next.Add(1) - 1 {
				f := &l.found[i]
				if f.err == nil {
					f.err = ctx.Err()
				}
				if f.err == nil {
					f.status, f.err = acct.Status(ctx, l.names[i], needs)
				}
				l.done.Add(1)
			}
		})
	}
	workers.Wait()
	if crash := l.crash.Load(); crash != nil {
		panic(*crash) // where it is recovered
	}
}
