package maildir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"

	"golang.org/x/sys/unix"
)

// crash is what a hook panics with to stop a process between two steps: nothing
// of ours runs afterwards, as after kill -9.
type crash struct{}

// untilCrash runs f and reports whether it was stopped.
func untilCrash(f func()) (crashed bool) {
	defer func() {
		if r := recover(); r == (crash{}) {
			crashed = true
		} else if r != nil {
			panic(r)
		}
	}()
	f()
	return false
}

// at makes a hook that lets n steps happen and then does stop.
func at(n int, stop func() error) func(step, file string) error {
	return func(string, string) error {
		if n--; n == -1 {
			return stop()
		}
		return nil
	}
}

// refusing makes a hook like those of file systems without RENAME_NOREPLACE.
func refusing(hook func(step, file string) error) func(step, file string) error {
	refused := map[string]bool{}
	return func(step, file string) error {
		if step == "rename" && !refused[file] {
			refused[file] = true
			return unix.EOPNOTSUPP
		}
		return hook(step, file)
	}
}

// A way that messages get into the Maildir: to which folder, and how.
type way struct {
	name  string
	to    Target
	flags mail.Flags
	wrap  func(func(step, file string) error) func(step, file string) error
}

var ways = []way{
	{"new", Target{New: true}, 0, nil},
	{"cur", Target{}, mail.Seen, nil},
	{"new by link", Target{New: true}, 0, refusing},
	{"cur by link", Target{}, mail.Flagged, refusing},
}

// bodies of the batch that each way delivers.
var bodies = []string{"Subject: one\n\n1\n", "Subject: two\r\n\r\n2\r\n", "three"}

// commit delivers bodies with the hook at work from the start.
func (w way) commit(d *Dir, hook func(step, file string) error) ([]Entry, error) {
	if w.wrap != nil {
		hook = w.wrap(hook)
	}
	d.sys.hook = hook
	defer func() { d.sys.hook = nil }()
	var ws []*Delivery
	abort := func(err error) error {
		for _, w := range ws {
			err = errors.Join(err, w.Abort())
		}
		return err
	}
	for _, body := range bodies {
		del, err := d.NewDelivery()
		if err != nil {
			return nil, abort(err)
		}
		ws = append(ws, del)
		del.SetDate(time.Unix(1e9, 0))
		del.SetFlags(w.flags, 0)
		if _, err := io.WriteString(del, body); err != nil {
			return nil, abort(err)
		}
	}
	return d.Commit(ws, w.to)
}

// steps counts what a successful commit does.
func (w way) steps(t *testing.T, d *Dir) []string {
	var steps []string
	if _, err := w.commit(d, func(step, file string) error {
		steps = append(steps, step+" "+filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return steps
}

// TestCrash stops a batch of deliveries before each of its steps, and checks the
// table of the package comment: a name in new or cur is a whole message, what is
// in tmp is nobody's, and nothing is anywhere else.
func TestCrash(t *testing.T) {
	eachFS(t, func(t *testing.T, dir string) {
		for _, w := range ways {
			t.Run(w.name, func(t *testing.T) {
				total := len(w.steps(t, create(t, filepath.Join(t.TempDir(), "count"))))
				for n := range total {
					d := create(t, filepath.Join(dir, fmt.Sprint(w.name, n)))
					var err error
					if !untilCrash(func() { _, err = w.commit(d, at(n, func() error { panic(crash{}) })) }) {
						t.Fatalf("not stopped before step %d: %v", n, err)
					}
					d.sys.hook = nil
					checkAfterCrash(t, d, w, n)
				}
			})
		}
	})
}

func checkAfterCrash(t *testing.T, d *Dir, w way, step int) {
	t.Helper()
	for _, e := range list(t, d, nil).Entries {
		body := content(t, d, e)
		if !slices.Contains(bodies, body) {
			t.Errorf("step %d: %s holds %q", step, e.File, body)
		}
		if e.New != w.to.New || e.Name.Flags != w.flags {
			t.Errorf("step %d: %+v", step, e)
		}
		if size, ok := e.Name.Size(); !ok || size != int64(len(body)) {
			t.Errorf("step %d: %s claims %d octets", step, e.File, size)
		}
		info, err := os.Stat(filepath.Join(d.folder(e).path, e.File))
		if err != nil || info.ModTime().Unix() != 1e9 {
			t.Errorf("step %d: date %v, %v", step, info.ModTime(), err)
		}
	}
	if err := d.CleanTmp(time.Now().Add(35 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	left := len(files(t, d))
	if err := d.CleanTmp(time.Now().Add(37 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	after := files(t, d)
	for _, f := range after {
		if strings.HasPrefix(f, "tmp/") {
			t.Errorf("step %d: %s stays", step, f)
		}
	}
	if step > 0 && left == 0 {
		t.Errorf("step %d: nothing left at all: not a crash", step)
	}
}

// TestFault lets each step of a batch fail once: all or nothing must hold, and
// nothing may be left in tmp, unless removing was what failed.
func TestFault(t *testing.T) {
	eachFS(t, func(t *testing.T, dir string) {
		for _, w := range ways {
			t.Run(w.name, func(t *testing.T) {
				steps := w.steps(t, create(t, filepath.Join(t.TempDir(), "count")))
				for n, step := range steps {
					d := create(t, filepath.Join(dir, fmt.Sprint(w.name, n)))
					entries, err := w.commit(d, at(n, func() error { return unix.EIO }))
					if !errors.Is(err, unix.EIO) || entries != nil {
						t.Fatalf("%s failed: %v, %v", step, entries, err)
					}
					if left := files(t, d); len(left) != 0 {
						t.Errorf("%s failed, and there is %v", step, left)
					}
				}
			})
		}
	})
}

// TestDurableOrder checks the order that survives a power cut: the content of
// every file, then its name, then the directory of the names.
func TestDurableOrder(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			synced, named := map[string]bool{}, 0
			dirSynced := false
			d := create(t, filepath.Join(t.TempDir(), "Maildir"))
			target := "new"
			if !w.to.New {
				target = "cur"
			}
			publish := "rename"
			if w.wrap != nil {
				publish = "link"
			}
			_, err := w.commit(d, func(step, file string) error {
				from, to, _ := strings.Cut(file, " ")
				switch step {
				case "write", "utimes":
					if synced[filepath.Base(file)] {
						t.Errorf("%s of %s after its fsync", step, file)
					}
				case "fsync":
					synced[filepath.Base(file)] = true
				case publish:
					if !synced[filepath.Base(from)] || !strings.HasPrefix(to, target+"/") {
						t.Errorf("%s before fsync, or to the wrong place: %s", step, file)
					}
					named++
				case "fsync dir":
					if named != len(bodies) || file != target {
						t.Errorf("fsync of %s after %d names", file, named)
					}
					dirSynced = true
				}
				return nil
			})
			if err != nil || !dirSynced {
				t.Fatalf("commit: %v; directory synced: %t", err, dirSynced)
			}
		})
	}
}

// TestTakeBack moves a message on before the batch that it is part of fails.
func TestTakeBack(t *testing.T) {
	d := create(t, filepath.Join(t.TempDir(), "Maildir"))
	moved := false
	_, err := ways[0].commit(d, func(step, _ string) error {
		if step != "fsync dir" || moved {
			return nil
		}
		moved = true
		for _, f := range files(t, d) {
			name := strings.TrimPrefix(f, "new/")
			if err := os.Rename(filepath.Join(d.Path(), f), filepath.Join(d.Path(), "cur", name+":2,S")); err != nil {
				return err
			}
		}
		return unix.EIO
	})
	if !errors.Is(err, unix.EIO) || !moved {
		t.Fatal(err)
	}
	if left := files(t, d); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// TestNothingReplaced puts a file where a delivery is about to go.
func TestNothingReplaced(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			d := create(t, filepath.Join(t.TempDir(), "Maildir"))
			victim := ""
			_, err := w.commit(d, func(step, file string) error {
				if _, to, ok := strings.Cut(file, " "); ok && victim == "" {
					victim = to
					put(t, filepath.Join(d.Path(), to), "victim")
				}
				return nil
			})
			if !errors.Is(err, os.ErrExist) {
				t.Errorf("commit: %v", err)
			}
			if left := files(t, d); !slices.Equal(left, []string{victim}) {
				t.Errorf("left: %v", left)
			}
			if b, err := os.ReadFile(filepath.Join(d.Path(), victim)); err != nil || string(b) != "victim" {
				t.Errorf("replaced by %q, %v", b, err)
			}
		})
	}
}

// TestCrashInMove stops changes of flags and claims between any two steps, with
// and without RENAME_NOREPLACE: the message must be there once.
func TestCrashInMove(t *testing.T) {
	eachFS(t, func(t *testing.T, dir string) {
		for i, wrap := range []func(func(string, string) error) func(string, string) error{nil, refusing} {
			for n := range 4 {
				d := create(t, filepath.Join(dir, fmt.Sprint(i, n)))
				e := deliver(t, d, "body", Target{New: true}, 0)
				hook := at(n, func() error { panic(crash{}) })
				if wrap != nil {
					hook = wrap(hook)
				}
				d.sys.hook = hook
				untilCrash(func() {
					taken, err := d.TakeNew(context.Background(), e)
					if err != nil {
						t.Error(err)
					}
					if _, err = d.ChangeFlags(context.Background(), taken, func(n Name) Name { return n.With(mail.Seen, 0) }); err != nil {
						t.Error(err)
					}
				})
				d.sys.hook = nil
				l := list(t, d, map[string]Entry{e.Name.Base: e})
				if len(l.Entries) != 1 || len(l.Gone) != 0 || len(l.Duplicates) != 0 || content(t, d, e) != "body" {
					t.Errorf("stopped before step %d: %+v", n, l)
				}
			}
		}
	})
}
