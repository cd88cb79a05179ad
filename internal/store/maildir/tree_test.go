package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func openTree(t *testing.T, root string) *Tree {
	t.Helper()
	tree, err := OpenTree(root, Options{Host: "host.example"})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// folders is what Tree.List says.
func folders(t *testing.T, tree *Tree) []string {
	t.Helper()
	all, err := tree.List()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// mustClose closes what a function that opens a Dir returned.
func mustClose(t *testing.T, d *Dir, err error) {
	t.Helper()
	if err == nil {
		err = d.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestTree(t *testing.T) {
	eachFS(t, func(t *testing.T, dir string) {
		root := filepath.Join(dir, "Maildir")
		tree := openTree(t, root)
		if got := folders(t, tree); len(got) != 0 {
			t.Fatalf("a new tree has %v", got)
		}
		for _, name := range []string{"Sent", "Archive.2024", "Entw&APw-rfe"} {
			d, err := tree.Create(name)
			mustClose(t, d, err)
		}
		want := []string{"Archive.2024", "Entw&APw-rfe", "Sent"}
		if got := folders(t, tree); !slices.Equal(got, want) {
			t.Fatalf("folders %q, want %q", got, want)
		}
		if _, err := os.Stat(filepath.Join(root, ".Sent", marker)); err != nil {
			t.Error(err)
		}
		if d, err := tree.Create("Sent"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("created twice: %v, %v", d, err)
		}
		d, err := tree.Open("Sent")
		if err != nil {
			t.Fatal(err)
		}
		e := deliver(t, d, "sent", Target{}, 0)
		mustClose(t, d, nil)
		if err := tree.Rename("Sent", "Archive.2024"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("renamed over a folder: %v", err)
		}
		if err := tree.Rename("none", "other"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("renamed nothing: %v", err)
		}
		if err := tree.Rename("Sent", "Archive.Sent"); err != nil {
			t.Fatal(err)
		}
		d, err = tree.Open("Archive.Sent")
		if err != nil || content(t, d, e) != "sent" {
			t.Fatal(err)
		}
		mustClose(t, d, nil)
		if err := tree.Delete("Archive.Sent"); err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{tree.Delete("Archive.Sent"), second2(tree.Open("Archive.Sent"))} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("after removal: %v", err)
			}
		}
		inbox, err := tree.Open("")
		if err != nil || inbox.Path() != root {
			t.Fatalf("inbox: %v", err)
		}
		mustClose(t, inbox, nil)
		entries, err := os.ReadDir(root)
		if err != nil || len(entries) != 5 { // tmp, new, cur, two folders
			t.Errorf("in the root: %v, %v", entries, err)
		}
	})
}

func second2(_ *Dir, err error) error { return err }

func TestTreeIgnores(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	tree := openTree(t, root)
	for _, dir := range []string{"..DOVECOT-TRASHED/cur", ".nocur/new", "plain/cur", ".trailing./cur", ".a..b/cur", ".new\nline/cur", ".ok/cur"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(root, ".file"), "")
	put(t, filepath.Join(root, ".nocur", "cur"), "")
	if err := os.Symlink(filepath.Join(root, ".ok"), filepath.Join(root, ".shared")); err != nil {
		t.Fatal(err)
	}
	if got, want := folders(t, tree), []string{"ok", "shared"}; !slices.Equal(got, want) {
		t.Errorf("folders %q, want %q", got, want)
	}
}

func TestFolderNames(t *testing.T) {
	tree := openTree(t, filepath.Join(t.TempDir(), "Maildir"))
	for _, name := range []string{".", "..", ".a", "a.", "a..b", "a/b", "../x", "a\x00b", "a\nb", "a\x7f", strings.Repeat("x", 255)} {
		for what, err := range map[string]error{
			"Open":   second2(tree.Open(name)),
			"Create": second2(tree.Create(name)),
			"Delete": tree.Delete(name),
			"from":   tree.Rename(name, "x"),
			"to":     tree.Rename("x", name),
		} {
			if !errors.Is(err, ErrFolderName) {
				t.Errorf("%s %q: %v", what, name, err)
			}
		}
	}
	for what, err := range map[string]error{
		"Create": second2(tree.Create("")), "Delete": tree.Delete(""), "Rename": tree.Rename("", "x"),
	} {
		if !errors.Is(err, ErrFolderName) {
			t.Errorf("%s of INBOX: %v", what, err)
		}
	}
	d, err := tree.Create(strings.Repeat("x", maxFolder))
	mustClose(t, d, err)
}

// TestTreeCrash stops Create, Rename and Delete before each step: a folder is
// there whole, or it is not there, and what is left is cleaned up in time.
func TestTreeCrash(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(tree *Tree) error
		want [][]string // any of these
	}{
		{"create", func(tree *Tree) error {
			d, err := tree.Create("b")
			if err != nil {
				return err
			}
			return d.Close()
		}, [][]string{{"a"}, {"a", "b"}}},
		{"rename", func(tree *Tree) error { return tree.Rename("a", "b") }, [][]string{{"a"}, {"b"}}},
		{"delete", func(tree *Tree) error { return tree.Delete("a") }, [][]string{{"a"}, {}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for n, crashed := 0, true; crashed; n++ {
				tree := openTree(t, filepath.Join(t.TempDir(), fmt.Sprint("Maildir", n)))
				d, err := tree.Create("a")
				mustClose(t, d, err)
				tree.sys.hook = at(n, func() error { panic(crash{}) })
				crashed = untilCrash(func() {
					if err := tt.do(tree); err != nil {
						t.Error(err)
					}
				})
				tree.sys.hook = nil
				got := folders(t, tree)
				if !slices.ContainsFunc(tt.want, func(w []string) bool { return slices.Equal(got, w) }) {
					t.Errorf("stopped before step %d: %q", n, got)
				}
				for _, name := range got {
					d, err := tree.Open(name)
					mustClose(t, d, err)
				}
				checkTrash(t, tree)
			}
		})
	}
}

func checkTrash(t *testing.T, tree *Tree) {
	t.Helper()
	before, err := tree.dirs(trash)
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Clean(time.Now()); err != nil {
		t.Fatal(err)
	}
	if after, err := tree.dirs(trash); err != nil || len(after) != len(before) {
		t.Errorf("cleaned too early: %q, %v", after, err)
	}
	if err := tree.Clean(time.Now().Add(37 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if after, err := tree.dirs(trash); err != nil || len(after) != 0 {
		t.Errorf("never cleaned: %q, %v", after, err)
	}
}

// TestTreeCreateRace has one winner, and completes what somebody left half made.
func TestTreeCreateRace(t *testing.T) {
	eachFS(t, func(t *testing.T, dir string) {
		tree := openTree(t, filepath.Join(dir, "Maildir"))
		var won atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				d, err := tree.Create("a")
				switch {
				case err == nil:
					won.Add(1)
					if err := d.Close(); err != nil {
						t.Error(err)
					}
				case !errors.Is(err, fs.ErrExist):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d winners", won.Load())
		}
		if err := os.MkdirAll(filepath.Join(dir, "Maildir", ".half", "tmp"), 0o700); err != nil {
			t.Fatal(err)
		}
		d, err := tree.Create("half")
		mustClose(t, d, err)
		if left, err := tree.dirs(trash); err != nil || len(left) != 0 {
			t.Errorf("left: %q, %v", left, err)
		}
	})
}

// TestAbove: the home of an account that nobody has used yet is made with its mail, for its
// user alone; what cannot be made is an error.
func TestAbove(t *testing.T) {
	dir := t.TempDir()
	home := filepath.Join(dir, "example.org", "ann")
	for range 2 {
		if _, err := OpenTree(filepath.Join(home, "Maildir")+"/", Options{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{filepath.Dir(home), home, filepath.Join(home, "Maildir", "cur")} {
		if info, err := os.Stat(path); err != nil || info.Mode() != fs.ModeDir|0o700 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(file, "ann", "Maildir"), filepath.Join(dir, "link", "ann", "Maildir")} {
		if _, err := OpenTree(path, Options{}); err == nil {
			t.Errorf("%s was made", path)
		}
	}
}

func TestCreateCompletes(t *testing.T) {
	dir := t.TempDir()
	if d, err := Open(filepath.Join(dir, "none"), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("opened %v, %v", d, err)
	}
	if d, err := Create(filepath.Join(dir, "no", "parent"), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("created %v, %v", d, err)
	}
	for _, missing := range []string{"tmp", "new", "cur"} {
		path := filepath.Join(dir, missing)
		create(t, path)
		if err := os.Remove(filepath.Join(path, missing)); err != nil {
			t.Fatal(err)
		}
		d, err := Open(path, Options{})
		if missing == "cur" {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("opened without cur: %v, %v", d, err)
			}
			create(t, path)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := d.Stamp(); err != nil {
			t.Errorf("stamp without %s: %v", missing, err)
		}
		deliver(t, d, "body", Target{New: true}, 0)
		mustClose(t, d, nil)
	}
	put(t, filepath.Join(dir, "file"), "")
	if d, err := Create(filepath.Join(dir, "file"), Options{}); err == nil {
		t.Errorf("created %v in place of a file", d)
	}
}
