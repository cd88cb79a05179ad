package quota

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// box is an account's mail in a test.
type box struct {
	mu     sync.Mutex
	usage  Usage
	stamp  uint64
	counts int
	during func() // in the middle of a count, before it is summed up
	after  func() // when the total is about to be kept: the stamp has been compared
	err    error
}

// change makes mail come or go.
func (b *box) change(octets, messages int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.usage.Octets += octets
	b.usage.Messages += messages
	b.stamp++
}

func (b *box) Stamp(context.Context) (uint64, error) {
	b.mu.Lock()
	stamp, after := b.stamp, b.after
	counted := b.counts
	b.mu.Unlock()
	if after != nil && counted > 0 {
		b.after = nil
		after()
	}
	return stamp, b.err
}

func (b *box) Count(context.Context) (Usage, error) {
	if b.during != nil {
		b.during()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts++
	return b.usage, b.err
}

// account is a File on a box, in a Maildir of its own.
type account struct {
	*File
	box  box
	t    *testing.T
	time time.Time
}

func newAccount(t *testing.T, l Limits) *account {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	a := &account{t: t, time: time.Now()}
	a.File = Open(root, l, Options{Mail: &a.box, Clock: func() time.Time { return a.time }})
	t.Cleanup(func() {
		if left, err := os.ReadDir(filepath.Join(root, "tmp")); err != nil || len(left) != 0 {
			t.Errorf("left in tmp: %v, %v", left, err)
		}
	})
	return a
}

// text is the file, "" if there is none.
func (a *account) text() string {
	b, err := os.ReadFile(a.path())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		a.t.Fatal(err)
	}
	return string(b)
}

func (a *account) put(text string) {
	a.t.Helper()
	if err := os.WriteFile(a.path(), []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
	if err := os.Chtimes(a.path(), a.time, a.time); err != nil {
		a.t.Fatal(err)
	}
}

// want checks the usage, and how many counts it took.
func (a *account) want(u Usage, counts int) {
	a.t.Helper()
	before := a.box.counts
	got, err := a.Usage(a.t.Context())
	if err != nil || got != u || a.box.counts-before != counts {
		a.t.Errorf("usage %+v after %d counts, %v; want %+v after %d; file %q", got, a.box.counts-before, err, u, counts, a.text())
	}
}

func TestLife(t *testing.T) {
	a := newAccount(t, Limits{Octets: 1000, Messages: 10})
	a.box.change(400, 4)
	if err := a.Add(7, 1); err != nil || a.text() != "" {
		t.Errorf("added to nothing: %v, %q", err, a.text())
	}
	a.want(Usage{400, 4}, 1)
	if a.text() != "1000S,10C\n400 4\n" {
		t.Errorf("file %q", a.text())
	}
	a.want(Usage{400, 4}, 0)
	if err := a.Add(100, 1); err != nil {
		t.Fatal(err)
	}
	if err := a.Add(-50, -2); err != nil {
		t.Fatal(err)
	}
	if err := a.Add(0, 0); err != nil {
		t.Fatal(err)
	}
	if a.text() != "1000S,10C\n400 4\n100 1\n-50 -2\n" {
		t.Errorf("file %q", a.text())
	}
	a.want(Usage{450, 3}, 0)
	for _, tt := range []struct {
		more Usage
		over bool
	}{{Usage{550, 1}, false}, {Usage{1, 7}, false}} {
		if err := a.Fits(t.Context(), tt.more); errors.Is(err, ErrOver) != tt.over || !tt.over && err != nil {
			t.Errorf("%+v: %v", tt.more, err)
		}
	}
	if l, err := a.Limits(); err != nil || l != (Limits{1000, 10}) {
		t.Errorf("limits %+v, %v", l, err)
	}
	info, err := os.Stat(a.path())
	if err != nil || info.Mode().Perm()&0o077 != 0 && info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestBelief goes through the rules of the package comment.
func TestBelief(t *testing.T) {
	limits := Limits{Octets: 1000}
	for _, tt := range []struct {
		name, text string
		age        time.Duration
		recount    bool
	}{
		{"as it should be", "1000S\n5 1\n", time.Hour, false},
		{"no file", "", 0, true},
		{"other limits", "2000S\n5 1\n", 0, true},
		{"one limit more", "1000S,5C\n5 1\n", 0, true},
		{"garbage", "1000S\nx\n", 0, true},
		{"no end", "1000S\n5 1", 0, true},
		{"negative", "1000S\n5 1\n-6 -1\n", 0, true},
		{"full", "1000S\n" + strings.Repeat("1 1\n", 1300), 0, true},
		{"at the limit", "1000S\n999 1\n1 1\n", time.Hour, false},
		{"over, fresh", "1000S\n1001 1\n", time.Minute, false},
		{"over, old", "1000S\n1001 1\n", freshFor, true},
		{"over, of the future", "1000S\n1001 1\n", -freshFor, true},
		{"over, changed", "1000S\n1001 1\n1 1\n", time.Minute, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAccount(t, limits)
			a.box.change(77, 7)
			if tt.text != "" {
				a.put(tt.text)
			}
			a.time = a.time.Add(tt.age)
			if _, err := a.Usage(t.Context()); err != nil || (a.box.counts == 1) != tt.recount {
				t.Errorf("%d counts, %v", a.box.counts, err)
			}
			if tt.recount {
				a.want(Usage{77, 7}, 0)
				if a.text() != "1000S\n77 7\n" {
					t.Errorf("file %q", a.text())
				}
			}
		})
	}
}

// TestFits refuses nobody by an old sum.
func TestFits(t *testing.T) {
	a := newAccount(t, Limits{Octets: 1000})
	a.box.change(100, 1)
	a.put("1000S\n600 1\n300 1\n") // others have lost a line
	ctx := t.Context()
	if err := a.Fits(ctx, Usage{100, 1}); err != nil || a.box.counts != 0 {
		t.Errorf("%v after %d counts", err, a.box.counts)
	}
	if err := a.Fits(ctx, Usage{101, 1}); err != nil || a.box.counts != 1 {
		t.Errorf("%v after %d counts", err, a.box.counts)
	}
	// The sum is fresh now, and may refuse.
	if err := a.Fits(ctx, Usage{901, 1}); !errors.Is(err, ErrOver) || a.box.counts != 1 {
		t.Errorf("%v after %d counts", err, a.box.counts)
	}
	a.time = a.time.Add(time.Hour)
	if err := a.Fits(ctx, Usage{901, 1}); !errors.Is(err, ErrOver) || a.box.counts != 2 {
		t.Errorf("%v after %d counts", err, a.box.counts)
	}
	huge := Usage{1<<63 - 1, 1}
	if err := a.Fits(ctx, huge); !errors.Is(err, ErrOver) {
		t.Errorf("%+v: %v", huge, err)
	}
}

// TestFileLimits has no limits but those that another program has set.
func TestFileLimits(t *testing.T) {
	a := newAccount(t, Limits{})
	a.box.change(100, 1)
	if err := a.Fits(t.Context(), Usage{1 << 40, 1}); err != nil || a.box.counts != 0 {
		t.Errorf("without limits: %v after %d counts", err, a.box.counts)
	}
	a.want(Usage{100, 1}, 1)
	if a.text() != "" {
		t.Errorf("made a file: %q", a.text())
	}
	a.put("1000S,7X\nrubbish")
	a.want(Usage{100, 1}, 1)
	if a.text() != "1000S,7X\n100 1\n" {
		t.Errorf("file %q", a.text())
	}
	if err := a.Fits(t.Context(), Usage{901, 1}); !errors.Is(err, ErrOver) {
		t.Error(err)
	}
	if l, err := a.Limits(); err != nil || l != (Limits{Octets: 1000}) {
		t.Errorf("%+v, %v", l, err)
	}
	// A change that meets a recount spoils the file, but keeps the limits.
	c, err := a.Begin()
	if err != nil {
		t.Fatal(err)
	}
	a.put2("1000S,7X\n200 2\n")
	if err := c.End(100, 1); err != nil {
		t.Fatal(err)
	}
	a.want(Usage{100, 1}, 1)
	if a.text() != "1000S,7X\n100 1\n" {
		t.Errorf("file %q", a.text())
	}
}

// put2 replaces the file, as a recount does.
func (a *account) put2(text string) {
	a.t.Helper()
	if err := os.Rename(a.path(), a.path()+".old"); err != nil {
		a.t.Fatal(err)
	}
	a.put(text)
}

// TestRecountRaces: a total is kept only if no mail came or went meanwhile.
func TestRecountRaces(t *testing.T) {
	t.Run("during the count", func(t *testing.T) {
		a := newAccount(t, Limits{Octets: 1000})
		a.box.during = func() { a.box.during = nil; a.box.change(5, 1) }
		a.want(Usage{5, 1}, 1)
		if a.text() != "" {
			t.Errorf("kept %q", a.text())
		}
		a.want(Usage{5, 1}, 1)
		a.want(Usage{5, 1}, 0)
	})
	t.Run("when it is kept", func(t *testing.T) {
		a := newAccount(t, Limits{Octets: 1000})
		a.box.after = func() { a.box.change(5, 1) }
		a.want(Usage{0, 0}, 1)
		if a.text() != "" {
			t.Errorf("kept %q", a.text())
		}
		a.want(Usage{5, 1}, 1)
	})
	for _, tt := range []struct {
		name string
		text string // what a recount by another process makes during the change
		had  bool   // whether there was a file before
	}{
		{"replaced during a change", "1000S\n100 1\n", true},
		{"made during a change", "1000S\n100 1\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAccount(t, Limits{Octets: 1000})
			if tt.had {
				a.want(Usage{}, 1)
			}
			c, err := a.Begin()
			if err != nil {
				t.Fatal(err)
			}
			a.box.change(100, 1)
			if tt.had {
				a.put2(tt.text)
			} else {
				a.put(tt.text)
			}
			if err := c.End(100, 1); err != nil {
				t.Fatal(err)
			}
			if err := c.Cancel(); err != nil {
				t.Fatal(err)
			}
			a.want(Usage{100, 1}, 1)
		})
	}
	t.Run("removed during a change", func(t *testing.T) {
		a := newAccount(t, Limits{Octets: 1000})
		a.want(Usage{}, 1)
		c, err := a.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(a.path()); err != nil {
			t.Fatal(err)
		}
		if err := c.End(100, 1); err != nil || a.text() != "" {
			t.Errorf("%v, %q", err, a.text())
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		a := newAccount(t, Limits{Octets: 1000})
		a.want(Usage{}, 1)
		before := a.text()
		c, err := a.Begin()
		if err == nil {
			err = c.Cancel()
		}
		if err != nil || a.text() != before {
			t.Errorf("%v, %q", err, a.text())
		}
	})
}

// TestHalfLine appends nothing to half a line: 9 and "1 1" would be 91 octets.
func TestHalfLine(t *testing.T) {
	a := newAccount(t, Limits{Octets: 1000})
	for _, text := range []string{"1000S\n5 1\n9", ""} {
		a.put(text)
		if err := a.Add(1, 1); err != nil || a.text() != text {
			t.Errorf("%v, %q", err, a.text())
		}
	}
}

func TestErrors(t *testing.T) {
	a := newAccount(t, Limits{Octets: 1000})
	broken := errors.New("disk is gone")
	a.box.err = broken
	if _, err := a.Usage(t.Context()); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := a.Fits(t.Context(), Usage{1, 1}); !errors.Is(err, broken) || errors.Is(err, ErrOver) {
		t.Error(err)
	}
	a.box.err = nil
	// A file that cannot be replaced, since it is a directory.
	if err := os.MkdirAll(filepath.Join(a.path(), "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Usage(t.Context()); err == nil {
		t.Error("a directory is a quota file")
	}
	if err := a.Add(1, 1); err == nil {
		t.Error("a directory takes lines")
	}
	if err := os.RemoveAll(a.path()); err != nil {
		t.Fatal(err)
	}
	// Neither is a link followed, for it could lead anywhere.
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("1000S\n1 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, a.path()); err != nil {
		t.Fatal(err)
	}
	if err := a.Add(1, 1); err == nil {
		t.Error("a link is followed")
	}
}

func ExampleFile() {
	root, err := os.MkdirTemp("", "quota")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(root)
	if err := os.Mkdir(filepath.Join(root, "tmp"), 0o700); err != nil {
		fmt.Println(err)
		return
	}
	mail := &box{}
	f := Open(root, Limits{Octets: 1000}, Options{Mail: mail})
	ctx := context.Background()

	message := Usage{Octets: 600, Messages: 1}
	for range 2 {
		if err := f.Fits(ctx, message); errors.Is(err, ErrOver) {
			fmt.Println("over quota")
			continue
		}
		change, err := f.Begin()
		if err != nil {
			fmt.Println(err)
			return
		}
		mail.change(message.Octets, message.Messages) // deliver it
		if err := change.End(message.Octets, message.Messages); err != nil {
			fmt.Println(err)
			return
		}
	}
	u, err := f.Usage(ctx)
	fmt.Println(u, err)
	// Output:
	// over quota
	// {600 1} <nil>
}

func TestSpoil(t *testing.T) {
	for _, limits := range []Limits{{}, {Octets: 1000}} {
		root := newMaildir(t)
		mail := &box{usage: Usage{Octets: 50, Messages: 5}}
		f := Open(root, limits, Options{Mail: mail})
		if f.Exists() != (limits != Limits{}) {
			t.Errorf("limits %+v: exists %v", limits, f.Exists())
		}
		if err := os.WriteFile(f.path(), []byte("1000S\n90 9\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := f.Begin()
		if err != nil || !f.Exists() {
			t.Fatal(err)
		}
		if err := c.Spoil(); err != nil {
			t.Fatal(err)
		}
		if u, err := f.Usage(t.Context()); err != nil || u != mail.usage || mail.counts != 1 {
			t.Errorf("limits %+v: %+v, %v, %d counts", limits, u, err, mail.counts)
		}
		if l, err := f.Limits(); err != nil || l.Octets != 1000 {
			t.Errorf("limits %+v became %+v, %v", limits, l, err)
		}
	}
}

// TestUnwritable: where the sum cannot be kept, the limits hold all the same.
func TestUnwritable(t *testing.T) {
	root := newMaildir(t)
	if err := os.Remove(filepath.Join(root, "tmp")); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	f := Open(root, Limits{Octets: 100}, Options{
		Mail: &box{usage: Usage{Octets: 50, Messages: 5}},
		Log:  slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err := f.Fits(t.Context(), Usage{Octets: 50}); err != nil {
		t.Error(err)
	}
	if err := f.Fits(t.Context(), Usage{Octets: 51}); !errors.Is(err, ErrOver) {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "quota file not written"); n != 2 {
		t.Errorf("told %d times: %s", n, log.String())
	}
}
