package watch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// took waits for a token of the group and returns the paths that were told.
func took(t *testing.T, g *Group) []string {
	t.Helper()
	if !told(&Watch{C: g.C}, patient) {
		t.Fatal("the group was not told")
	}
	var paths []string
	for _, w := range g.Take() {
		paths = append(paths, w.path)
	}
	slices.Sort(paths)
	return paths
}

func silent(g *Group) bool { return quiet(&Watch{C: g.C}) }

// TestGroup: one channel wakes for many Maildirs, and Take says which.
func TestGroup(t *testing.T) {
	w := New()
	defer w.Close()
	g := w.NewGroup()
	a, b, other := newMaildir(t), newMaildir(t), newMaildir(t)
	var watches []*Watch
	for _, dir := range []string{a, b} {
		x, err := g.Add(dir)
		if err != nil {
			t.Fatal(err)
		}
		watches = append(watches, x)
	}
	alone := add(t, w, other)
	write(t, filepath.Join(b, "new/1.a.h"))
	if got := took(t, g); !slices.Equal(got, []string{b}) {
		t.Errorf("told of %q", got)
	}
	if g.Take() != nil {
		t.Error("a change was taken twice")
	}
	write(t, filepath.Join(other, "new/1.a.h"))
	if !told(alone, patient) || !silent(g) || g.Take() != nil {
		t.Error("the group was told of a Watch that is none of its")
	}
	write(t, filepath.Join(a, "new/1.a.h"))
	if !told(&Watch{C: g.C}, patient) {
		t.Error("not told")
	}
	for _, x := range watches {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}
	if g.Take() != nil {
		t.Error("a Watch that was closed has something to tell")
	}
}

// TestNames: of a directory the names count that are wanted, and nothing below.
func TestNames(t *testing.T) {
	w := New()
	defer w.Close()
	g := w.NewGroup()
	dir := newMaildir(t)
	wants := func(name string, isDir bool) bool { return isDir && strings.HasPrefix(name, ".") || name == "list" }
	x, err := g.AddNames(dir, wants)
	if err != nil {
		t.Fatal(err)
	}
	inbox := add(t, w, dir)
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, step := range []struct {
		name string
		do   func() error
		want bool
	}{
		{"mkdir", func() error { return os.Mkdir(path(".a"), 0o700) }, true},
		{"chmod", func() error { return os.Chmod(path(".a"), 0o750) }, true},
		{"mkdir below", func() error { return os.Mkdir(path(".a/cur"), 0o700) }, false},
		{"another file", func() error { return os.WriteFile(path("other"), nil, 0o600) }, false},
		{"mail", func() error { return os.WriteFile(path("new/1.a.h"), nil, 0o600) }, false},
		{"the file", func() error { return os.Rename(path("other"), path("list")) }, true},
		{"rename", func() error { return os.Rename(path(".a"), path(".b")) }, true},
		{"remove", func() error { return os.RemoveAll(path(".b")) }, true},
		{"remove cur", func() error { return os.Remove(path("cur")) }, false},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if step.want {
			if got := took(t, g); !slices.Equal(got, []string{dir}) {
				t.Errorf("%s: told of %q", step.name, got)
			}
		}
		if quiet := silent(g); !step.want && !quiet { // one step may be two events
			t.Errorf("%s: told", step.name)
		}
		g.Take()
	}
	if x.poll != nil || inbox.poll == nil {
		t.Error("without cur the Maildir has to be polled, and its names not")
	}
}

// TestNamesPolled: without inotify the directory's own stamps tell of its names.
func TestNamesPolled(t *testing.T) {
	w := New()
	defer w.Close()
	w.openQueue = func() (int, error) { return -1, unix.EMFILE }
	g := w.NewGroup()
	dir := t.TempDir() // no Maildir
	if _, err := g.AddNames(dir, func(string, bool) bool { return true }); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, ".a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := took(t, g); !slices.Equal(got, []string{dir}) {
		t.Errorf("told of %q", got)
	}
	if _, err := g.AddNames(filepath.Join(dir, "none"), nil); err == nil {
		t.Error("a directory that does not exist can be watched")
	}
}
