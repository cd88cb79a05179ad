package watch

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// newPoller returns a Watcher that gets no inotify descriptor, and the number of
// looks that it has taken.
func newPoller() (w *Watcher, looks func() int) {
	var n atomic.Int64
	w = New()
	w.openQueue = func() (int, error) { return -1, unix.EMFILE }
	w.look = func(path string, remote bool) lookStamp {
		n.Add(1)
		return look(path, remote)
	}
	return w, func() int {
		synctest.Wait()
		return int(n.Load())
	}
}

// tokens counts what a Watch is told during d.
func tokens(w *Watch, d time.Duration) (n int) {
	for end := time.After(d); ; {
		select {
		case <-w.C:
			n++
		case <-end:
			return n
		}
	}
}

func add(t *testing.T, w *Watcher, dir string) *Watch {
	t.Helper()
	a, err := w.Add(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestPollRhythm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, looks := newPoller()
		defer w.Close()
		dir := newMaildir(t)
		a := add(t, w, dir)
		if looks() != 1 {
			t.Errorf("%d looks at first", looks())
		}
		// After 1, 3, 7, 15 and 30 seconds, and then every 15.
		for _, step := range []struct {
			seconds time.Duration
			looks   int
		}{{1, 2}, {2, 3}, {4, 4}, {8, 5}, {15, 6}, {150, 16}} {
			time.Sleep(step.seconds * time.Second)
			if looks() != step.looks {
				t.Errorf("%d looks, want %d", looks(), step.looks)
			}
		}
		if got := tokens(a, time.Minute); got != 1 {
			t.Errorf("told %d times of nothing, want once after the start", got)
		}
		before := looks()
		write(t, filepath.Join(dir, "new/1.a.h"))
		if !told(a, 2*pollSlow) || looks() != before+1 {
			t.Errorf("%d looks to see a delivery", looks()-before)
		}
		start := time.Now()
		told(a, time.Minute) // in the same second, perhaps, was another
		if again := time.Since(start); again < coarse || again > 2*coarse {
			t.Errorf("told again after %v", again)
		}
		if got := tokens(a, time.Hour); got != 0 {
			t.Errorf("told %d times more", got)
		}
	})
}

func TestPollTellsChanges(t *testing.T) {
	changes := []struct{ name, step string }{
		{"delivery", "+new/b"},
		{"claim", "new/n>cur/n:2,"},
		{"flag", "cur/c:2,>cur/c:2,S"},
		{"expunge", "-cur/c:2,"},
		{"list", "tmp/x>fantail-keywords"},
	}
	for _, change := range changes {
		t.Run(change.name, func(t *testing.T) {
			dir := newMaildir(t)
			steps(t, dir, "+new/n", "+cur/c:2,", "+tmp/x")
			time.Sleep(30 * time.Millisecond) // for file systems with coarse stamps
			synctest.Test(t, func(t *testing.T) {
				w, _ := newPoller()
				defer w.Close()
				a, b := add(t, w, dir), add(t, w, dir)
				tokens(a, time.Minute)
				tokens(b, time.Minute)
				steps(t, dir, change.step)
				if tokens(a, 16*time.Second) == 0 || len(b.C) == 0 {
					t.Error("not told")
				}
			})
		})
	}
}

// TestPollEnds wants nothing to be looked at when nobody wants to know. The bubble
// fails the test if the goroutine does not end.
func TestPollEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, looks := newPoller()
		dir := newMaildir(t)
		a, b := add(t, w, dir), add(t, w, newMaildir(t))
		if err := errors.Join(a.Close(), b.Close()); err != nil {
			t.Fatal(err)
		}
		before := looks()
		time.Sleep(time.Hour)
		if looks() != before {
			t.Error("still polling")
		}
		a = add(t, w, dir)
		tokens(a, time.Minute)
		write(t, filepath.Join(dir, "cur/1.a.h:2,"))
		if tokens(a, 16*time.Second) == 0 {
			t.Error("polling did not start again")
		}
		if err := errors.Join(w.Close(), a.Close()); err != nil {
			t.Error(err)
		}
	})
}

// TestPollRemade has a Maildir removed and made again.
func TestPollRemade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := newPoller()
		defer w.Close()
		dir := newMaildir(t)
		a := add(t, w, dir)
		tokens(a, time.Minute)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if tokens(a, time.Minute) == 0 {
			t.Error("not told that the Maildir is gone")
		}
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Mkdir(dir+"/new", 0o700), os.Mkdir(dir+"/cur", 0o700)); err != nil {
			t.Fatal(err)
		}
		if tokens(a, time.Minute) == 0 {
			t.Error("not told that the Maildir is back")
		}
		if _, err := w.Add(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a Maildir that does not exist: %v", err)
		}
	})
}

// TestSlowServer wants a file server that does not answer to hold up nobody.
func TestSlowServer(t *testing.T) {
	w := New()
	dir := newMaildir(t)
	hang := make(chan struct{})
	w.openQueue = func() (int, error) { return -1, unix.EMFILE }
	looks := 0
	hung := make(chan struct{})
	w.look = func(path string, remote bool) lookStamp {
		if looks++; looks == 2 {
			close(hung)
			<-hang
		}
		return look(path, remote)
	}
	a := add(t, w, dir)
	<-hung
	if err := errors.Join(a.Close(), w.Close()); err != nil {
		t.Error(err)
	}
	close(hang)
}

// TestRemote wants a file system that others change to be polled and to have no
// Tail, and what this machine does there to be told at once.
func TestRemote(t *testing.T) {
	w := New()
	defer w.Close()
	w.local = func(string) (bool, error) { return false, nil }
	var asked []bool
	w.look = func(path string, remote bool) lookStamp {
		asked = append(asked, remote)
		return look(path, remote)
	}
	dir := newMaildir(t)
	if _, err := w.Tail(dir); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a Tail: %v", err)
	}
	a := add(t, w, dir)
	if a.poll == nil || len(a.dirs) != 3 {
		t.Errorf("polled: %t, directories with events: %d", a.poll != nil, len(a.dirs))
	}
	if len(asked) != 1 || !asked[0] {
		t.Errorf("the server was not asked: %v", asked)
	}
	start := time.Now()
	write(t, filepath.Join(dir, "new/1.a.h"))
	if !told(a, patient) || time.Since(start) > pollQuick/2 {
		t.Errorf("told after %v", time.Since(start))
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if len(w.byWD) != 0 || len(w.polls) != 0 {
		t.Errorf("left behind: %v %v", w.byWD, w.polls)
	}
}

func TestLocal(t *testing.T) {
	whole, err := local("/proc") // like any that is not in the table
	if err != nil || whole {
		t.Errorf("proc: %t, %v", whole, err)
	}
	if _, err := local(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
	if whole, err := local("/dev/shm"); err == nil && !whole {
		t.Error("a tmpfs is said not to be local")
	}
}

func TestExhausted(t *testing.T) {
	for _, err := range []error{unix.ENOSPC, unix.ENOMEM, errNoQueue} {
		if !exhausted(&os.PathError{Err: err}) {
			t.Errorf("%v is not mended by polling", err)
		}
	}
	for _, err := range []error{unix.ENOENT, unix.EACCES, unix.ENOTDIR} {
		if exhausted(&os.PathError{Err: err}) {
			t.Errorf("polling does not mend %v", err)
		}
	}
}
