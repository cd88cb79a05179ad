package outbox

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func box(t *testing.T) *Box {
	t.Helper()
	b := Open(t.TempDir())
	b.clock = func() time.Time { return now }
	return b
}

func add(t *testing.T, b *Box, due time.Time) string {
	t.Helper()
	id, err := b.Add(Job{
		Kind: Message, Created: now, NotBefore: due, From: "ann@example.org", To: []string{"bob@example.org", "c@example.org"},
		Subject: "Hello", Draft: Place{"Drafts", 7, 3}, Mark: Answered, Copy: true,
	}, text("Subject: Hello\n\nText\n"), text("Subject: Hello\nBcc: c@example.org\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func lock(t *testing.T, b *Box) {
	t.Helper()
	release, err := b.Lock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := release(); err != nil {
			t.Error(err)
		}
	})
}

// TestSend walks the way of a message that is sent.
func TestSend(t *testing.T) {
	b := box(t)
	if list, err := b.List(); err != nil || list != nil {
		t.Fatalf("an outbox that is not there: %v, %v", list, err)
	}
	id, later := add(t, b, now), add(t, b, now.Add(time.Hour))
	lock(t, b)
	h, _, err := b.Claim(now)
	if err != nil || h == nil || h.ID != id || h.Job.Draft != (Place{"Drafts", 7, 3}) {
		t.Fatalf("%+v, %v", h, err)
	}
	if _, err := b.Cancel(id); !errors.Is(err, ErrTooLate) {
		t.Errorf("cancelled although it is claimed: %v", err)
	}
	if err := errors.Join(h.Sending(), h.Sent()); err != nil {
		t.Fatal(err)
	}
	var copied strings.Builder
	if err := h.WriteCopy(&copied); err != nil || copied.String() != "Subject: Hello\nBcc: c@example.org\n\nText\n" {
		t.Errorf("the copy is %q, %v", copied.String(), err)
	}
	if err := h.Done(); err != nil {
		t.Fatal(err)
	}
	if h, next, err := b.Claim(now); h != nil || !next.Equal(now.Add(time.Hour)) || err != nil {
		t.Errorf("%+v, %v, %v", h, next, err)
	}
	if j, err := b.Cancel(later); err != nil || j.Subject != "Hello" {
		t.Errorf("%+v, %v", j, err)
	}
	if _, err := b.Cancel(later); !errors.Is(err, ErrTooLate) {
		t.Error(err)
	}
	left, err := filepath.Glob(filepath.Join(b.dir, "*", "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestChange(t *testing.T) {
	b := box(t)
	id := add(t, b, now.Add(time.Hour))
	if err := b.Change(id, now); err != nil {
		t.Fatal(err)
	}
	lock(t, b)
	h, _, err := b.Claim(now)
	if err != nil || h == nil || h.ID != id {
		t.Fatalf("%+v, %v", h, err)
	}
	if err := b.Change(id, now); !errors.Is(err, ErrTooLate) {
		t.Error(err)
	}
	if err := h.Retry(now.Add(time.Minute), "later"); err != nil {
		t.Fatal(err)
	}
	if list, err := b.List(); err != nil || len(list) != 1 || list[0].State != Queued || list[0].Job.Attempts != 1 || list[0].Job.Last != "later" {
		t.Errorf("%+v, %v", list, err)
	}
	for _, wrong := range []string{"", "../" + id, "x/y", strings.Repeat("a", 50), "none"} {
		if _, err := b.Cancel(wrong); !errors.Is(err, ErrTooLate) {
			t.Errorf("%q: %v", wrong, err)
		}
		if err := b.Change(wrong, now); !errors.Is(err, ErrTooLate) {
			t.Errorf("%q: %v", wrong, err)
		}
		if err := b.Dismiss(wrong); err != nil {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// TestCrash stops between any two steps, and looks what the next process finds.
func TestCrash(t *testing.T) {
	for steps := 0; ; steps++ {
		b := box(t)
		left := steps
		b.SetSteps(func(name string) {
			if left--; left < 0 {
				panic(name)
			}
		})
		finished := false
		var at any
		func() {
			defer func() { at = recover() }()
			id := add(t, b, now)
			_ = id
			h, _, err := b.Claim(now)
			if err == nil {
				err = errors.Join(h.Sending(), h.Sent(), h.Done())
			}
			if err != nil {
				t.Errorf("after %d steps: %v", steps, err)
			}
			finished = true
		}()
		b.SetSteps(func(string) {})
		held, err := b.Recover()
		if err != nil {
			t.Fatal(err)
		}
		list, err := b.List()
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > 1 || len(held) > 1 {
			t.Errorf("at %v: %+v, %+v", at, list, held)
		}
		for _, h := range held {
			if !h.Again || h.State != Sending && h.State != Sent {
				t.Errorf("at %v: %+v", at, h)
			}
		}
		for _, e := range list {
			if e.State == Claimed {
				t.Errorf("at %v: it is still claimed", at)
			}
		}
		if finished {
			if steps < 10 {
				t.Errorf("there are only %d steps", steps)
			}
			return
		}
	}
}

func TestNotices(t *testing.T) {
	b := box(t)
	id := add(t, b, now)
	lock(t, b)
	h, _, err := b.Claim(now)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Fail(Refused, "no such user\xff"); err != nil {
		t.Fatal(err)
	}
	list, err := b.Notices()
	want := []Notice{{ID: id, Kind: Message, Reason: Refused, Said: "no such user\uFFFD", Subject: "Hello", To: []string{"bob@example.org", "c@example.org"}, Time: now, Draft: Place{"Drafts", 7, 3}}}
	if n, err := b.Count(); n != 1 || err != nil {
		t.Errorf("%d to look at, %v", n, err)
	}
	if err != nil || !reflect.DeepEqual(list, want) {
		t.Errorf("%+v, %v", list, err)
	}
	held, err := b.Recover()
	if err != nil || len(held) != 1 || held[0].State != Failed {
		t.Errorf("%+v, %v", held, err)
	}
	if err := errors.Join(held[0].Done(), b.Dismiss(id), b.Dismiss(id)); err != nil {
		t.Error(err)
	}
	if list, err := b.Notices(); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestSweep: what was never finished goes, when nobody can be writing it any more.
func TestSweep(t *testing.T) {
	b := box(t)
	if err := b.make(); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{"young": time.Hour, "old": 2 * stale} {
		dir := b.path(writing, name)
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chtimes(dir, now, now.Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Recover(); err != nil {
		t.Fatal(err)
	}
	if list, err := b.names(writing); err != nil || !reflect.DeepEqual(list, []string{"young"}) {
		t.Errorf("%v, %v", list, err)
	}
}

// TestDamaged: a job that makes no sense is set aside and told of, and the others go on.
func TestDamaged(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"half":       func(path string) error { return os.WriteFile(path, []byte("{"), 0o600) },
		"empty":      func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"gone":       os.Remove,
		"of no kind": func(path string) error { return os.WriteFile(path, []byte("{}"), 0o600) },
		"endless":    func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("[", maxJSON+1)), 0o600) },
	} {
		for _, state := range states[1:] {
			b := box(t)
			bad, other := add(t, b, now), add(t, b, now)
			if err := damage(b.path(Queued, bad, "job.json")); err != nil {
				t.Fatal(err)
			}
			if state != Queued {
				if err := b.move(bad, Queued, state); err != nil {
					t.Fatal(err)
				}
			}
			if list, err := b.List(); err != nil || len(list) != 1 || list[0].ID != other {
				t.Errorf("%s, %s: %+v, %v", name, state, list, err)
			}
			lock(t, b)
			held, err := b.Recover()
			if err != nil || len(held) != 0 {
				t.Errorf("%s, %s: %+v, %v", name, state, held, err)
			}
			if h, _, err := b.Claim(now); err != nil || h == nil || h.ID != other {
				t.Errorf("%s, %s: %+v, %v", name, state, h, err)
			}
			if list, err := b.Notices(); err != nil || len(list) != 1 || list[0].ID != bad || list[0].Reason != Damaged {
				t.Errorf("%s, %s: %+v, %v", name, state, list, err)
			}
			if _, err := os.Stat(b.path(damaged, bad)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestSkipHeader(t *testing.T) {
	for in, want := range map[string]string{
		"a: b\n\nbody\n": "body\n", "a: b\r\n\r\nbody": "body", "a: b\n": "", "\nbody": "body",
		"a: " + strings.Repeat("x", 9000) + "\n\nbody":   "body",
		"a: " + strings.Repeat("x", 4096-3) + "\n\nbody": "body",
	} {
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(in); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if err := skipHeader(f); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(f); err != nil || string(got) != want {
			t.Errorf("%.20q: %q, %v", in, got, err)
		}
	}
}
