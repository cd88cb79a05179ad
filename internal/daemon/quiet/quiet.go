// Package quiet gives memory back to the kernel when a process has nothing to do:
// most processes of a mail server wait for hours, and what their last command or
// handshake left behind would wait with them.
//
// A Watch has no timer running while it is quiet: a process that waits is never
// woken.
package quiet

import (
	"runtime/debug"
	"sync"
	"time"
)

// after is how long nothing must have happened.
const after = 5 * time.Second

// Watch waits until it is quiet. Its zero value is ready, and quiet. It is safe for
// many goroutines.
type Watch struct {
	mu    sync.Mutex // guards what follows
	last  time.Time  // something happened
	timer *time.Timer
	armed bool // the timer is running

	after time.Duration // for tests; 0 is the constant
	free  func()        // for tests; nil is debug.FreeOSMemory
}

// Stir says that something happens.
func (w *Watch) Stir() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = time.Now()
	if w.armed {
		return
	}
	w.armed = true
	if w.timer == nil {
		w.timer = time.AfterFunc(w.pause(), w.look)
		return
	}
	w.timer.Reset(w.pause())
}

func (w *Watch) pause() time.Duration {
	if w.after > 0 {
		return w.after
	}
	return after
}

// look frees memory if it is quiet, or looks again when it may be.
func (w *Watch) look() {
	w.mu.Lock()
	left := w.pause() - time.Since(w.last)
	w.armed = left > 0
	if w.armed {
		w.timer.Reset(left)
	}
	free := w.free
	w.mu.Unlock()
	switch {
	case left > 0:
	case free != nil:
		free()
	default:
		// One collection: another one would free what lies in pools, and cost the
		// process a quarter of a megabyte for the collector itself.
		debug.FreeOSMemory()
	}
}
