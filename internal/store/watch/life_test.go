package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// queueLimit is how many events the kernel keeps for one descriptor.
func queueLimit(t *testing.T) int {
	b, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	if err != nil {
		t.Skip(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if n > 100_000 {
		t.Skipf("%d events are too many to make", n)
	}
	return n
}

// TestOverflow makes more events than the kernel keeps while nobody can read.
func TestOverflow(t *testing.T) {
	w := New()
	defer w.Close()
	dir := newMaildir(t)
	other := newMaildir(t)
	tail, bystander, a := newTail(t, w, dir), newTail(t, w, other), add(t, w, other)
	steps(t, dir, "+cur/a")
	w.mu.Lock()
	for range queueLimit(t)/2 + 8 {
		steps(t, dir, "cur/a>cur/b", "cur/b>cur/a")
	}
	steps(t, dir, "+cur/dropped")
	w.mu.Unlock()
	for _, tail := range []*Tail{tail, bystander} {
		if got := drain(t, tail); !slices.Equal(got, []string{"inexact"}) {
			t.Errorf("%d changes after an overflow", len(got))
		}
		if got := drain(t, tail); got != nil {
			t.Errorf("the second Drain after an overflow: %q", got)
		}
	}
	if !told(a, patient) {
		t.Error("a Watch of another Maildir was not told of the overflow")
	}
	steps(t, dir, "-cur/dropped")
	if got := drain(t, tail); !slices.Equal(got, []string{"-cur/dropped"}) {
		t.Errorf("after that: %q", got)
	}
}

// TestTooManyChanges has no overflow, but more names than a Tail remembers.
func TestTooManyChanges(t *testing.T) {
	w := New()
	defer w.Close()
	dir := newMaildir(t)
	tail := newTail(t, w, dir)
	d, e := tail.sides[1].dir, event{mask: unix.IN_CREATE}
	more := func(from, to int) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for i := from; i < to; i++ {
			e.name = strconv.AppendInt(nil, int64(i), 10)
			w.route(d, e)
		}
	}
	more(0, MaxChanges)
	more(0, MaxChanges) // the same names
	if got := drain(t, tail); len(got) != MaxChanges {
		t.Errorf("%d changes of %d", len(got), MaxChanges)
	}
	more(0, MaxChanges+1)
	if len(tail.changes) != 0 {
		t.Errorf("%d changes kept for nobody", len(tail.changes))
	}
	if got := drain(t, tail); !slices.Equal(got, []string{"inexact"}) {
		t.Errorf("%d changes after too many", len(got))
	}
	steps(t, dir, "+new/a")
	if got := drain(t, tail); !slices.Equal(got, []string{"+new/a"}) {
		t.Errorf("after that: %q", got)
	}
}

// TestReplaced has the directories go from under their paths in every way, and come
// back.
func TestReplaced(t *testing.T) {
	remake := func(dir string) error {
		return errors.Join(os.MkdirAll(dir+"/tmp", 0o700), os.MkdirAll(dir+"/new", 0o700), os.MkdirAll(dir+"/cur", 0o700))
	}
	tests := []struct {
		name string
		lose func(dir, aside string) error
	}{
		{"cur removed", func(dir, _ string) error { return os.RemoveAll(dir + "/cur") }},
		{"Maildir removed", func(dir, _ string) error { return os.RemoveAll(dir) }},
		{"new moved", func(dir, aside string) error { return os.Rename(dir+"/new", aside) }},
		{"Maildir moved", os.Rename},
		{"above it moved", func(dir, aside string) error { return os.Rename(filepath.Dir(dir), aside) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := New()
			defer w.Close()
			aside, dir := t.TempDir(), filepath.Join(t.TempDir(), "mail", "box")
			if err := remake(dir); err != nil {
				t.Fatal(err)
			}
			tail := newTail(t, w, dir)
			steps(t, dir, "+cur/a", "-cur/a")
			if err := test.lose(dir, aside+"/1"); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, exact, err := tail.Drain(); exact || !errors.Is(err, os.ErrNotExist) {
					t.Fatalf("without a directory: exact is %t, error %v", exact, err)
				}
			}
			if err := remake(dir); err != nil {
				t.Fatal(err)
			}
			if got := drain(t, tail); !slices.Equal(got, []string{"inexact"}) {
				t.Errorf("the first Drain of another directory: %q", got)
			}
			steps(t, dir, "+cur/b")
			if got := drain(t, tail); !slices.Equal(got, []string{"+cur/b"}) {
				t.Errorf("the second Drain of another directory: %q", got)
			}
			if len(w.byWD) != 2 {
				t.Errorf("%d directories watched", len(w.byWD))
			}
			// Once more, and made again before anybody looked.
			if err := errors.Join(test.lose(dir, aside+"/2"), remake(dir)); err != nil {
				t.Fatal(err)
			}
			if got := drain(t, tail); !slices.Equal(got, []string{"inexact"}) {
				t.Errorf("replaced meanwhile: %q", got)
			}
		})
	}
}

// TestExchange exchanges names, which looks like a file that went there and back.
func TestExchange(t *testing.T) {
	tests := []struct{ a, b string }{{"cur/a", "cur/b"}, {"cur/b", "new/a"}, {"cur/a", "tmp/b"}, {"tmp/b", "cur/a"}}
	for _, test := range tests {
		t.Run(test.a+" "+test.b, func(t *testing.T) {
			w := New()
			defer w.Close()
			dir := newMaildir(t)
			steps(t, dir, "+"+test.a, "+"+test.b)
			m := list(t, dir)
			tail := newTail(t, w, dir)
			for range 3 {
				a, b := filepath.Join(dir, test.a), filepath.Join(dir, test.b)
				err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
				if errors.Is(err, unix.EINVAL) {
					t.Skip("no exchange here")
				}
				if err != nil {
					t.Fatal(err)
				}
				m.apply(mustDrain(t, tail))
				m.want(t, list(t, dir))
			}
		})
	}
}

// TestSeveral has several Tails and Watches on one Maildir, of which each hears all
// and none ends another.
func TestSeveral(t *testing.T) {
	w := New()
	defer w.Close()
	dir := newMaildir(t)
	a, first := add(t, w, dir), newTail(t, w, dir)
	steps(t, dir, "+new/n")
	second := newTail(t, w, dir)
	b := add(t, w, dir)
	steps(t, dir, "+cur/c")
	if got := drain(t, second); !slices.Equal(got, []string{"+cur/c"}) {
		t.Errorf("the second Tail: %q", got)
	}
	if !told(a, patient) || !told(b, patient) {
		t.Error("a Watch was not told of what a Drain has read")
	}
	if len(w.byWD) != 3 {
		t.Errorf("%d directories watched, want 3", len(w.byWD))
	}
	if err := errors.Join(a.Close(), second.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}
	steps(t, dir, "-cur/c")
	if got := drain(t, first); !slices.Equal(got, []string{"+new/n", "-cur/c"}) {
		t.Errorf("the first Tail: %q", got)
	}
	if len(w.byWD) != 2 {
		t.Errorf("%d directories watched, want 2", len(w.byWD))
	}
	if err := errors.Join(first.Close(), first.Close()); err != nil {
		t.Error(err)
	}
	if len(w.byWD) != 0 || len(w.halves) != 0 {
		t.Errorf("left behind: %v %v", w.byWD, w.halves)
	}
}

// TestTwoRoles has the cur of one Maildir be another Maildir.
func TestTwoRoles(t *testing.T) {
	w := New()
	defer w.Close()
	dir := newMaildir(t)
	if err := errors.Join(os.Mkdir(dir+"/cur/new", 0o700), os.Mkdir(dir+"/cur/cur", 0o700)); err != nil {
		t.Fatal(err)
	}
	tail, inner := newTail(t, w, dir), add(t, w, dir+"/cur")
	steps(t, dir, "+cur/a")
	if got := drain(t, tail); !slices.Equal(got, []string{"+cur/a"}) {
		t.Errorf("got %q", got)
	}
	if !quiet(inner) {
		t.Error("a file in the Maildir itself is not a change")
	}
}

// TestNextTail wants a Tail not to hear of a rename of which its predecessor on the
// same watch had read the first half.
func TestNextTail(t *testing.T) {
	w := New()
	defer w.Close()
	dir := newMaildir(t)
	steps(t, dir, "+cur/a", "+cur/b")
	add(t, w, dir) // keeps the watch
	first := newTail(t, w, dir)
	steps(t, dir, "cur/a>tmp/a", "tmp/a>cur/c", "cur/c>tmp/a")
	w.mu.Lock()
	w.pump()
	if len(w.halves) != 1 {
		t.Errorf("%d halves", len(w.halves))
	}
	w.mu.Unlock()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	steps(t, dir, "tmp/a>cur/c")
	second := newTail(t, w, dir)
	steps(t, dir, "-cur/b")
	if got := drain(t, second); !slices.Equal(got, []string{"-cur/b"}) {
		t.Errorf("got %q", got)
	}
}

// TestRemovedUnderTail wants a Watch to be told of a removal even while a Tail keeps
// the directory open, and of what comes in its place.
func TestRemovedUnderTail(t *testing.T) {
	w := New()
	defer w.Close()
	dir := newMaildir(t)
	newTail(t, w, dir)
	a := add(t, w, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if !told(a, patient) {
		t.Error("not told that the Maildir is gone")
	}
	for _, sub := range []string{"", "new", "cur"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for !quiet(a) { // as many events as there were directories
	}
	if !told(a, patient) {
		t.Error("not told that the Maildir is back")
	}
}

// TestCloseWhileDraining closes the Watcher under several Tails.
func TestCloseWhileDraining(t *testing.T) {
	w := New()
	dir := newMaildir(t)
	var wg sync.WaitGroup
	started := make(chan bool)
	for i := range 4 {
		tail := newTail(t, w, dir)
		wg.Go(func() {
			for n := 0; ; n++ {
				name := filepath.Join(dir, "new", fmt.Sprint(i, ".", n))
				if err := errors.Join(os.WriteFile(name, nil, 0o600), os.Remove(name)); err != nil {
					t.Error(err)
					return
				}
				_, exact, err := tail.Drain()
				if errors.Is(err, os.ErrClosed) {
					return
				}
				if err != nil || !exact {
					t.Errorf("Drain %d: exact is %t, error %v", n, exact, err)
					return
				}
				if n == 10 {
					started <- true
				}
			}
		})
	}
	for range 4 {
		<-started
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if _, err := w.Tail(dir); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a Tail of a closed Watcher: %v", err)
	}
	if _, err := w.Add(dir); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a Watch of a closed Watcher: %v", err)
	}
}

func TestNoTail(t *testing.T) {
	w := New()
	defer w.Close()
	dir := newMaildir(t)
	if _, err := w.Tail(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no Maildir: %v", err)
	}
	if err := errors.Join(os.Remove(dir+"/cur"), os.Symlink("new", dir+"/cur")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Tail(dir); err == nil {
		t.Error("new and cur may be one directory")
	}
	if err := errors.Join(os.Remove(dir+"/cur"), os.WriteFile(dir+"/cur", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Tail(dir); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("cur is a file: %v", err)
	}
	if len(w.byWD) != 0 {
		t.Errorf("left behind: %v", w.byWD)
	}
}

// TestBrokenQueue gives the Watcher a descriptor that cannot be read.
func TestBrokenQueue(t *testing.T) {
	w := New()
	defer w.Close()
	dir := newMaildir(t)
	tail, a := newTail(t, w, dir), add(t, w, dir)
	w.mu.Lock()
	w.room = 1 // EINVAL: no room for an event
	w.mu.Unlock()
	steps(t, dir, "+new/a")
	if _, exact, err := tail.Drain(); exact || err == nil {
		t.Errorf("exact is %t, error %v", exact, err)
	}
	if !told(a, patient) {
		t.Error("a Watch was not told")
	}
	steps(t, dir, "+new/b")
	if !told(a, patient) {
		t.Error("a Watch is not polled instead")
	}
}
