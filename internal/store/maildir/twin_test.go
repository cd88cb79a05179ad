package maildir

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTwin: one message in two Maildirs, as one file where that goes, and each of them
// without the other.
func TestTwin(t *testing.T) {
	for _, tt := range []struct {
		name    string
		refused error
	}{
		{"link", nil},
		{"other file system", unix.EXDEV},
		{"too many links", unix.EMLINK},
	} {
		eachFS(t, func(t *testing.T, dir string) {
			a, b := create(t, filepath.Join(dir, "a")), create(t, filepath.Join(dir, "b"))
			a.sys.hook = func(step, _ string) error {
				if step == "link" {
					return tt.refused
				}
				return nil
			}
			w, err := a.NewDelivery()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, "one\ntwo\n"); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Twin(b); err == nil {
				t.Fatal("a twin of what is not durable")
			}
			if err := a.Finish([]*Delivery{w}); err != nil {
				t.Fatal(err)
			}
			var steps []string
			b.sys.hook = func(step, _ string) error { steps = append(steps, step); return nil }
			twin, err := w.Twin(b)
			if err != nil {
				t.Fatal(err)
			}
			gone, err := w.Twin(b)
			if err == nil {
				err = gone.Abort()
			}
			if err != nil {
				t.Fatal(err)
			}
			here, err := a.Commit([]*Delivery{w}, Target{New: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Remove(t.Context(), here[0]); err != nil { // the other one lives on
				t.Fatal(err)
			}
			there, err := b.Commit([]*Delivery{twin}, Target{New: true})
			if err != nil {
				t.Fatal(err)
			}
			if size, ok := there[0].Name.Size(); content(t, b, there[0]) != "one\ntwo\n" || !ok || size != 8 {
				t.Errorf("%s: %+v", tt.name, there[0])
			}
			if left := files(t, b); len(left) != 1 {
				t.Errorf("%s: %v", tt.name, left)
			}
			if wrote := len(steps) > 0 && steps[0] == "create"; wrote != (tt.refused != nil) {
				t.Errorf("%s: %q", tt.name, steps)
			}
			if _, err := w.Twin(b); err == nil {
				t.Error("a twin of what is over")
			}
		})
	}
}

// What a copy meets does not stay.
func TestTwinFails(t *testing.T) {
	a := create(t, filepath.Join(t.TempDir(), "a"))
	for n, step := range []string{"create", "write", "fsync", "close"} {
		w, err := a.NewDelivery()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, "body"); err != nil {
			t.Fatal(err)
		}
		if err := a.Finish([]*Delivery{w}); err != nil {
			t.Fatal(err)
		}
		a.sys.hook = func(string, string) error { return unix.EXDEV }
		b := create(t, filepath.Join(t.TempDir(), "b"))
		b.sys.hook = at(n, func() error { return unix.EIO })
		if _, err := w.Twin(b); !errors.Is(err, unix.EIO) {
			t.Errorf("%s: %v", step, err)
		}
		a.sys.hook = nil
		if err := w.Abort(); err != nil {
			t.Fatal(err)
		}
		if left := files(t, b); len(left) != 0 {
			t.Errorf("%s failed, and there is %v", step, left)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(a.Path(), "tmp")); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
}
