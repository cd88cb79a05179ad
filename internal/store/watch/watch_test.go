package watch

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func newMaildir(t *testing.T) string {
	dir := t.TempDir()
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// patient is how long tests wait for what must come.
const patient = 5 * time.Second

func told(w *Watch, d time.Duration) bool {
	select {
	case <-w.C:
		return true
	case <-time.After(d):
		return false
	}
}

func quiet(w *Watch) bool {
	select {
	case <-w.C:
		return false
	case <-time.After(50 * time.Millisecond):
		return true
	}
}

func TestTellsChanges(t *testing.T) {
	w := New()
	defer w.Close()
	dir := newMaildir(t)
	a, err := w.Add(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.Add(dir)
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name string
		do   func() error
	}{
		{"delivery", func() error { return os.WriteFile(filepath.Join(dir, "new/1.a.h"), nil, 0o600) }},
		{"claim", func() error { return os.Rename(filepath.Join(dir, "new/1.a.h"), filepath.Join(dir, "cur/1.a.h:2,")) }},
		{"flag", func() error {
			return os.Rename(filepath.Join(dir, "cur/1.a.h:2,"), filepath.Join(dir, "cur/1.a.h:2,S"))
		}},
		{"expunge", func() error { return os.Remove(filepath.Join(dir, "cur/1.a.h:2,S")) }},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			t.Fatal(err)
		}
		if !told(a, patient) || !told(b, patient) {
			t.Errorf("%s: a watch was not told", s.name)
		}
		quiet(a) // one step may be two events
		quiet(b)
	}
	write(t, filepath.Join(dir, "tmp/x"))
	if !quiet(a) {
		t.Error("a file in tmp is not a change")
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "new/2.a.h"))
	if !told(b, patient) {
		t.Error("closing one watch ended another")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if len(w.byWD) != 0 {
		t.Errorf("watches left behind: %v", w.byWD)
	}
}

func TestManyEventsAreOne(t *testing.T) {
	w := New()
	defer w.Close()
	dir := newMaildir(t)
	a, err := w.Add(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		write(t, filepath.Join(dir, "new/x"))
		os.Remove(filepath.Join(dir, "new/x"))
	}
	if !told(a, patient) {
		t.Fatal("not told")
	}
	n := 0
	for !quiet(a) {
		n++
	}
	if n > 100 {
		t.Errorf("%d tokens after the first for events that nobody waited for", n)
	}
}

func TestRemovedMaildir(t *testing.T) {
	w := New()
	defer w.Close()
	dir := newMaildir(t)
	a, err := w.Add(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if !told(a, patient) {
		t.Error("not told that the Maildir is gone")
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if _, err := w.Add(filepath.Join(dir, "none")); err == nil {
		t.Error("a Maildir that does not exist can be watched")
	}
	if len(w.byWD) != 0 {
		t.Errorf("watches left behind: %v", w.byWD)
	}
}
