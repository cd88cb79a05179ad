package maildir

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestInspect: everything is seen, whatever it is, and nothing is made.
func TestInspect(t *testing.T) {
	dir := t.TempDir()
	err := errors.Join(os.WriteFile(filepath.Join(dir, "1.a:2,S"), nil, 0o600), os.WriteFile(filepath.Join(dir, ":2,"), nil, 0o600),
		os.WriteFile(filepath.Join(dir, ".dot"), nil, 0o600), os.Mkdir(filepath.Join(dir, "dir"), 0o700), os.Symlink("x", filepath.Join(dir, "link")))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * localSlack)
	in, err := Inspect(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	kinds := maps.Collect(in.Entries())
	want := map[string]byte{"1.a:2,S": unix.DT_REG, ":2,": unix.DT_REG, ".dot": unix.DT_REG, "dir": unix.DT_DIR, "link": unix.DT_LNK}
	if !maps.Equal(kinds, want) || !in.Proof() {
		t.Errorf("%v, %t", kinds, in.Proof())
	}
	if err := os.Remove(filepath.Join(dir, "dir")); err != nil {
		t.Fatal(err)
	}
	again, err := Inspect(dir, 0)
	if err != nil || again.Stamp().Equal(in.Stamp()) {
		t.Errorf("a change has left the same stamp, %v", err)
	}
	missing := filepath.Join(dir, "new")
	if _, err := Inspect(missing, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := os.Lstat(missing); err == nil {
		t.Error("a directory was made")
	}
}

// TestAlias: a message has two names, and then one; its origin stays.
func TestAlias(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Maildir")
	d, err := Create(path, Options{Host: "h"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	const old = "1.a,S=3,x=y,W=4:2,FS"
	if err := os.WriteFile(filepath.Join(path, "cur", old), []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n, _ := ParseName(old)
	e := Entry{Name: n, File: old}
	base := n.Resized(6, 7, time.Unix(5, 0))
	if want := "1.a,x=y,G=" + n.Origin(time.Unix(5, 0)) + ",S=6,W=7"; base != want {
		t.Errorf("%q, want %q", base, want)
	}
	names := func() (all []string) {
		entries, err := os.ReadDir(filepath.Join(path, "cur"))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, e.Name())
		}
		return all
	}
	var alias Entry
	for range 2 { // the second time it is there
		if alias, err = d.Alias(e, base); err != nil || alias.File != base+":2,FS" {
			t.Fatalf("%+v, %v", alias, err)
		}
	}
	if got := names(); !slices.Equal(got, []string{old, alias.File}) {
		t.Errorf("%q", got)
	}
	if alias.Name.Origin(time.Unix(9, 0)) != n.Origin(time.Unix(5, 0)) {
		t.Error("it has another origin")
	}
	for range 2 {
		if err := d.DropAlias(e, alias); err != nil {
			t.Error(err)
		}
	}
	if got := names(); !slices.Equal(got, []string{alias.File}) {
		t.Errorf("%q", got)
	}
	// Another message that has the name in the way is not replaced.
	if err := os.WriteFile(filepath.Join(path, "cur", old), []byte("other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Alias(e, base); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	if err := d.DropAlias(e, alias); err != nil || len(names()) != 2 {
		t.Errorf("another message was removed: %v, %q", err, names())
	}
}

func TestAdoptAndMoveAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Maildir")
	d, err := Create(path, Options{Host: "h"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	err = errors.Join(os.WriteFile(filepath.Join(path, "cur", ":2,S"), []byte("x"), 0o600), os.Mkdir(filepath.Join(path, "cur", "dir"), 0o700))
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.Adopt(":2,S", false)
	if _, ok := ParseName(e.File); err != nil || !ok || !e.New {
		t.Errorf("%+v, %v", e, err)
	}
	if text, err := os.ReadFile(filepath.Join(path, "new", e.File)); err != nil || string(text) != "x" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := d.Adopt("dir", false); !errors.Is(err, ErrNotRegular) {
		t.Error(err)
	}
	aside := t.TempDir()
	for _, want := range []string{"cur-dir", "cur-dir~1"} {
		to, err := d.MoveAside("dir", false, aside)
		if err != nil || strings.TrimPrefix(to, aside+"/") != want {
			t.Errorf("%q, %v, want %q", to, err, want)
		}
		if err := os.Mkdir(filepath.Join(path, "cur", "dir"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.MoveAside("nothing", false, aside); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
