package admin

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/login/userdb"
)

// FuzzPasswdFile: whatever a file holds and whoever is changed in it, the parser reads
// back what was written, and every other line stays as it is.
func FuzzPasswdFile(f *testing.F) {
	for _, name := range []string{"bob", "BOB", "ann", "bad", "broken line", "#x", ""} {
		f.Add(odd, name)
	}
	f.Add("", "ann")
	f.Add("\n\n", "ann")
	f.Add("ann", "ann")
	f.Add("ann\r", "ann")
	f.Add("ann:\r\nann:x:\r", "ann")
	const field = "{PLAIN}new"
	f.Fuzz(func(t *testing.T, text, name string) {
		split := func() *passwdFile { return &passwdFile{lines: strings.SplitAfter(text, "\n")} }
		p := split()
		spelled, i, there := p.find(name)
		if there {
			before := slices.Clone(p.lines)
			p.setPassword(i, field)
			if r, err := p.record(spelled); err == nil && string(r.Password) != field {
				t.Errorf("the password of %q is %q", spelled, string(r.Password))
			}
			p.lines[i] = before[i]
			if !slices.Equal(p.lines, before) {
				t.Errorf("more has changed: %q, and it was %q", p.lines, before)
			}
			p.remove(spelled)
			if _, err := p.record(spelled); err == nil {
				t.Errorf("%q is still there in %q", spelled, p.lines)
			}
			return
		}
		add := &userAdd{uid: -1, gid: -1}
		if add.check(name) != nil {
			return
		}
		p.add(add.line(name, field))
		if err := add.verify(p, name, field); err != nil {
			t.Errorf("%q cannot be added: %v", name, err)
		}
		if now := strings.Join(p.lines, ""); !strings.HasPrefix(now, text) {
			t.Errorf("%q has become %q", text, now)
		}
		records, _, err := userdb.Scan(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		after, _, err := userdb.Scan(strings.NewReader(strings.Join(p.lines, "")))
		if err != nil || len(after) != len(records)+1 {
			t.Errorf("%d accounts have become %d, %v", len(records), len(after), err)
		}
	})
}

// TestLockReplaced: who has waited for a file that was replaced meanwhile changes the one
// that has its name then.
func TestLockReplaced(t *testing.T) {
	dir := t.TempDir()
	path, next := filepath.Join(dir, "passwd"), filepath.Join(dir, "next")
	first, made, err := lockFile(path, dir)
	if err != nil || !made {
		t.Fatalf("made %t, %v", made, err)
	}
	if err := os.WriteFile(next, []byte("ann:x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	type locked struct {
		f    *os.File
		made bool
		err  error
	}
	waiting := make(chan locked, 1)
	go func() {
		f, made, err := lockFile(path, dir)
		waiting <- locked{f, made, err}
	}()
	time.Sleep(50 * time.Millisecond) // it waits, or comes later: it is the same to it
	if len(waiting) > 0 {
		t.Error("two have the file")
	}
	if err := errors.Join(os.Rename(next, path), first.Close()); err != nil {
		t.Fatal(err)
	}
	got := <-waiting
	if got.err != nil || got.made {
		t.Fatalf("made %t, %v", got.made, got.err)
	}
	defer got.f.Close()
	if text, err := io.ReadAll(got.f); string(text) != "ann:x\n" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}
