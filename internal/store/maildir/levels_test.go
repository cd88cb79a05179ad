package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fantail/test/dovecot"
)

func openLevels(t *testing.T, root string) *Tree {
	t.Helper()
	tree, err := OpenTree(root, Options{Host: "host.example", Layout: FS})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// makeFolders creates folders.
func makeFolders(t *testing.T, tree *Tree, names ...string) {
	t.Helper()
	for _, name := range names {
		d, err := tree.Create(name)
		mustClose(t, d, err)
	}
}

// shown is what Tree.Folders says, with those that hold no mail in parentheses.
func shown(t *testing.T, tree *Tree) []string {
	t.Helper()
	all, err := tree.Folders()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range all {
		if f.NoSelect {
			names = append(names, "("+f.Name+")")
		} else {
			names = append(names, f.Name)
		}
	}
	return names
}

func wantShown(t *testing.T, tree *Tree, want ...string) {
	t.Helper()
	if got := shown(t, tree); !slices.Equal(got, want) {
		t.Errorf("folders %q, want %q", got, want)
	}
}

func TestLevels(t *testing.T) {
	eachFS(t, func(t *testing.T, dir string) {
		root := filepath.Join(dir, "Maildir")
		tree := openLevels(t, root)
		wantShown(t, tree)
		makeFolders(t, tree, "Sent", "Archive/2024/Q1", "Entw&APw-rfe", "a b/c.d")
		wantShown(t, tree, "(Archive)", "(Archive/2024)", "Archive/2024/Q1", "Entw&APw-rfe", "Sent", "(a b)", "a b/c.d")
		if got, want := folders(t, tree), []string{"Archive/2024/Q1", "Entw&APw-rfe", "Sent", "a b/c.d"}; !slices.Equal(got, want) {
			t.Errorf("with mail %q, want %q", got, want)
		}
		// A level becomes a folder, once.
		makeFolders(t, tree, "Archive")
		if d, err := tree.Create("Archive"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("created twice: %v, %v", d, err)
		}
		if _, err := os.Stat(filepath.Join(root, "Archive", marker)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("marker of Maildir++: %v", err)
		}
		d, err := tree.Open("Archive/2024/Q1")
		if err != nil {
			t.Fatal(err)
		}
		e := deliver(t, d, "kept", Target{}, 0)
		mustClose(t, d, nil)

		// What is below stays.
		put(t, filepath.Join(root, "Archive", "dovecot-uidlist"), "3 V1 N1\n")
		if err := tree.Delete("Archive"); err != nil {
			t.Fatal(err)
		}
		wantShown(t, tree, "(Archive)", "(Archive/2024)", "Archive/2024/Q1", "Entw&APw-rfe", "Sent", "(a b)", "a b/c.d")
		if left, err := os.ReadDir(filepath.Join(root, "Archive")); err != nil || len(left) != 1 {
			t.Errorf("left in the directory: %v, %v", left, err)
		}
		for what, err := range map[string]error{
			"delete a name":     tree.Delete("Archive"),
			"open a name":       second2(tree.Open("Archive")),
			"delete nothing":    tree.Delete("None"),
			"rename nothing":    tree.Rename("None", "Other"),
			"delete below mail": tree.Delete("Sent/x"),
		} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", what, err)
			}
		}

		// What is below goes along.
		if err := tree.Rename("Archive", "Old/Years"); err != nil {
			t.Fatal(err)
		}
		wantShown(t, tree, "Entw&APw-rfe", "(Old)", "(Old/Years)", "(Old/Years/2024)", "Old/Years/2024/Q1", "Sent", "(a b)", "a b/c.d")
		d, err = tree.Open("Old/Years/2024/Q1")
		if err != nil || content(t, d, e) != "kept" {
			t.Fatal(err)
		}
		mustClose(t, d, nil)
		for what, err := range map[string]error{
			"over a folder": tree.Rename("Old", "Sent"),
			"over a name":   tree.Rename("Sent", "Old/Years"),
		} {
			if !errors.Is(err, fs.ErrExist) {
				t.Errorf("rename %s: %v", what, err)
			}
		}
		if err := tree.Rename("Old", "Old/Years/Old"); !errors.Is(err, ErrFolderName) {
			t.Errorf("rename into itself: %v", err)
		}
		for _, name := range []string{"Old/Years/2024/Q1", "Old/Years/2024", "Sent", "a b/c.d"} {
			if err := tree.Delete(name); err != nil {
				t.Errorf("delete %s: %v", name, err)
			}
		}
		wantShown(t, tree, "Entw&APw-rfe", "(Old)", "(Old/Years)", "(a b)")
		if left, err := tree.dirs(trash); err != nil || len(left) != 0 {
			t.Errorf("left: %q, %v", left, err)
		}
	})
}

func TestLevelNames(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	tree := openLevels(t, root)
	makeFolders(t, tree, "ok")
	deep := strings.TrimSuffix(strings.Repeat("a/", maxLevels+1), "/")
	long := strings.TrimSuffix(strings.Repeat(strings.Repeat("x", 250)+"/", 5), "/")
	never := []string{
		"/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/.b", ".a", "cur", "a/new", "tmp/a", "a\x00b", "a\nb", "a\x7f",
		strings.Repeat("x", maxLevel+1), deep, long,
	}
	for _, name := range never {
		for what, err := range map[string]error{
			"Open":   second2(tree.Open(name)),
			"Create": second2(tree.Create(name)),
			"Delete": tree.Delete(name),
			"from":   tree.Rename(name, "x"),
			"to":     tree.Rename("ok", name),
		} {
			if !errors.Is(err, ErrFolderName) {
				t.Errorf("%s %q: %v", what, name, err)
			}
		}
	}
	// What others have made of such names can be used, but not made.
	for _, name := range []string{"subscriptions", "a/dovecot-uidlist", "dovecot.index", "fantail.tree", "maildirsize/x"} {
		for what, err := range map[string]error{
			"Create": second2(tree.Create(name)),
			"to":     tree.Rename("ok", name),
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
	makeFolders(t, tree, strings.Repeat("x", maxLevel), deep[2:])
	// Nothing below may get a name that nobody could use.
	if err := tree.Rename("a", "b/b"); !errors.Is(err, ErrFolderName) {
		t.Errorf("renamed too deep: %v", err)
	}
	if _, err := os.Stat(filepath.Join(root, "b")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left for nothing: %v", err)
	}
}

// TestLevelsIgnores: what is in the tree, and is no folder.
func TestLevelsIgnores(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	tree := openLevels(t, root)
	makeFolders(t, tree, "a/b")
	outside := t.TempDir()
	create(t, filepath.Join(outside, "m"))
	for _, dir := range []string{".hidden/cur", "..DOVECOT-TRASHED/cur", "cur/x/cur", "a/b/cur/cur", "a/.x/cur", "new\nline/cur", "sieve"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	put(t, filepath.Join(root, "file"), "")
	put(t, filepath.Join(root, "sieve", "main.sieve"), "keep;")
	for link, to := range map[string]string{"out": filepath.Join(outside, "m"), "loop": root, "a/loop": "..", "dangling": "none", "a/in": "b"} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	wantShown(t, tree, "(a)", "a/b", "(sieve)")
	for _, name := range []string{"out", "out/x", "loop/a/b", "a/loop/a/b", "a/in", "dangling", "file", "file/x"} {
		for what, err := range map[string]error{
			"Open":   second2(tree.Open(name)),
			"Create": second2(tree.Create(name)),
			"Delete": tree.Delete(name),
			"from":   tree.Rename(name, "x"),
			"to":     tree.Rename("a/b", name),
		} {
			if !errors.Is(err, ErrFolderName) {
				t.Errorf("%s %q: %v", what, name, err)
			}
		}
	}
	// A directory that never was a folder may hold anything.
	if err := tree.Delete("sieve"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("deleted somebody's files: %v", err)
	}
	if _, err := os.Stat(filepath.Join(root, "sieve", "main.sieve")); err != nil {
		t.Error(err)
	}
	// Files that are links go with the folder, and not what they lead to.
	precious := filepath.Join(outside, "precious")
	put(t, precious, "x")
	if err := os.Symlink(precious, filepath.Join(root, "a", "b", "dovecot-acl")); err != nil {
		t.Fatal(err)
	}
	if err := tree.Delete("a/b"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

// TestLevelsCrash stops each change before each step. Afterwards every folder
// that is shown can be opened, those below have their mail, and the change can be
// made again.
func TestLevelsCrash(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(tree *Tree) error
		want []string // any of these
	}{
		{"create", func(tree *Tree) error {
			d, err := tree.Create("x/y")
			if err != nil {
				return err
			}
			return d.Close()
		}, []string{"a a/b", "a a/b (x)", "a a/b (x) (x/y)", "a a/b (x) x/y"}},
		{"rename", func(tree *Tree) error { return tree.Rename("a", "x/y") },
			[]string{"a a/b", "a a/b (x)", "(x) x/y x/y/b"}},
		{"delete", func(tree *Tree) error { return tree.Delete("a") }, []string{"a a/b", "(a) a/b"}},
		{"delete below", func(tree *Tree) error { return tree.Delete("a/b") }, []string{"a a/b", "a (a/b)", "a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for n, crashed := 0, true; crashed; n++ {
				tree := openLevels(t, filepath.Join(t.TempDir(), fmt.Sprint("Maildir", n)))
				makeFolders(t, tree, "a", "a/b")
				put(t, filepath.Join(tree.root, "a/b", "dovecot-uidlist"), "3 V1 N1\n")
				put(t, filepath.Join(tree.root, "a/b", "new", "1.x"), "mail")
				tree.sys.hook = at(n, func() error { panic(crash{}) })
				crashed = untilCrash(func() {
					if err := tt.do(tree); err != nil {
						t.Error(err)
					}
				})
				tree.sys.hook = nil
				if got := strings.Join(shown(t, tree), " "); !slices.Contains(tt.want, got) {
					t.Errorf("stopped before step %d: %q", n, got)
				}
				for _, name := range folders(t, tree) {
					d, err := tree.Open(name)
					mustClose(t, d, err)
				}
				checkTrash(t, tree)
				if err := tt.do(tree); err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("again after a stop before step %d: %v", n, err)
				}
				if got, last := strings.Join(shown(t, tree), " "), tt.want[len(tt.want)-1]; got != last {
					t.Errorf("again after a stop before step %d: %q, want %q", n, got, last)
				}
			}
		})
	}
}

// TestLevelsFail lets each step fail: nothing is left half made, and there is an
// error.
func TestLevelsFail(t *testing.T) {
	broken := errors.New("disk is full")
	for n := 0; ; n++ {
		tree := openLevels(t, filepath.Join(t.TempDir(), fmt.Sprint("Maildir", n)))
		tree.sys.hook = at(n, func() error { return broken })
		d, err := tree.Create("x/y")
		tree.sys.hook = nil
		if err == nil {
			mustClose(t, d, err)
			if n < 5 {
				t.Errorf("only %d steps", n)
			}
			return
		}
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		if got := strings.Join(shown(t, tree), " "); got != "" && got != "(x) (x/y)" && got != "(x) x/y" {
			t.Errorf("step %d failed: %q", n, got)
		}
	}
}

// TestLevelsRace lets several handles, as processes are, create, delete and rename
// the same folders. Mail in a folder below, that nobody deletes, stays; everything
// that is shown at the end can be opened.
func TestLevelsRace(t *testing.T) {
	eachFS(t, func(t *testing.T, dir string) {
		root := filepath.Join(dir, "Maildir")
		openLevels(t, root)
		var wg sync.WaitGroup
		for seed := range 4 {
			tree := openLevels(t, root)
			own := fmt.Sprint("own", seed)
			wg.Go(func() {
				r := rand.New(rand.NewPCG(1, uint64(seed)))
				for range 100 {
					var err error
					switch r.IntN(5) {
					case 0, 1:
						err = discard(tree.Create("a"))
					case 2:
						err = tree.Delete("a")
					case 3:
						err = discard(tree.Create("a/" + own))
					case 4:
						err = tree.Rename("b", "a/b")
						err = errors.Join(err, tree.Rename("a/b", "b"))
					}
					if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
						t.Error(err)
					}
				}
				if err := discard(tree.Create("a/" + own)); err != nil && !errors.Is(err, fs.ErrExist) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		tree := openLevels(t, root)
		names := folders(t, tree)
		for seed := range 4 {
			if own := fmt.Sprint("a/own", seed); !slices.Contains(names, own) {
				t.Errorf("%s has gone; there are %q", own, names)
			}
		}
		for _, name := range names {
			d, err := tree.Open(name)
			mustClose(t, d, err)
		}
		if left, err := tree.dirs(trash); err != nil || len(left) != 0 {
			t.Errorf("left: %q, %v", left, err)
		}
	})
}

func discard(d *Dir, err error) error {
	if err != nil {
		return err
	}
	return d.Close()
}

// TestLevelsWinner: of those who create, delete or rename one folder, one does.
func TestLevelsWinner(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	for _, tt := range []struct {
		name string
		do   func(tree *Tree, n int) error
		lost error
	}{
		{"create", func(tree *Tree, _ int) error { return discard(tree.Create("x/y")) }, fs.ErrExist},
		{"rename", func(tree *Tree, n int) error { return tree.Rename("x", fmt.Sprint("z", n, "/x")) }, fs.ErrNotExist},
		{"create again", func(tree *Tree, _ int) error { return discard(tree.Create("x/y")) }, fs.ErrExist},
		{"delete", func(tree *Tree, _ int) error { return tree.Delete("x/y") }, fs.ErrNotExist},
	} {
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for n := range errs {
			tree := openLevels(t, root)
			wg.Go(func() { errs[n] = tt.do(tree, n) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, tt.lost) {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		if won != 1 {
			t.Errorf("%s: %d winners", tt.name, won)
		}
	}
}

// TestDovecotLevels: each sees the folders that the other has made, renamed and
// deleted. Dovecot's list index is off: with it, a directory that Dovecot once saw
// without mail stays \Noselect for it when another program makes it a folder.
func TestDovecotLevels(t *testing.T) {
	a := dovecot.New(t, ":LAYOUT=fs", "namespace inbox {\n inbox = yes\n separator = /\n}\nmailbox_list_index = no\n")
	tree := openLevels(t, a.Maildir)
	a.IMAP("CREATE Sent", "CREATE Archive/2024", "CREATE Empty/", `CREATE "Entw&APw-rfe/a b"`)
	// Empty levels are made above others, too.
	wantShown(t, tree, "(Archive)", "Archive/2024", "(Empty)", "(Entw&APw-rfe)", "Entw&APw-rfe/a b", "Sent")

	makeFolders(t, tree, "Archive", "Archive/2024/Q1", "Ours/deep/er")
	if err := tree.Rename("Entw&APw-rfe", "Moved/Drafts"); err != nil {
		t.Fatal(err)
	}
	if err := tree.Delete("Sent"); err != nil {
		t.Fatal(err)
	}
	if err := tree.Delete("Empty"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Archive", "Archive/2024", "Archive/2024/Q1", "(Moved)", "(Moved/Drafts)", "Moved/Drafts/a b",
		"(Ours)", "(Ours/deep)", "Ours/deep/er",
	}
	wantShown(t, tree, want...)
	if got := listed(a); !slices.Equal(got, want) {
		t.Errorf("Dovecot lists %q, want %q", got, want)
	}
	a.IMAP("SELECT Ours/deep/er", `SELECT "Moved/Drafts/a b"`,
		"RENAME Archive Old", "DELETE Ours/deep/er", "DELETE Old/2024")
	wantShown(t, tree, "(Moved)", "(Moved/Drafts)", "Moved/Drafts/a b", "Old", "(Old/2024)", "Old/2024/Q1", "(Ours)", "(Ours/deep)")
	// What Dovecot has left of a folder can be one again.
	makeFolders(t, tree, "Old/2024", "Ours")
	a.IMAP("SELECT Old/2024", "SELECT Ours")
}

// listed is Dovecot's list as shown makes it, without INBOX.
func listed(a *dovecot.Account) []string {
	var names []string
	for _, line := range a.IMAP(`LIST "" *`) {
		_, rest, ok := strings.Cut(line, "* LIST ")
		if !ok {
			continue
		}
		attributes, name, _ := strings.Cut(rest, ` "/" `)
		switch name = strings.Trim(name, `"`); {
		case name == "INBOX":
		case strings.Contains(attributes, `\Noselect`):
			names = append(names, "("+name+")")
		default:
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.Trim(a, "()"), strings.Trim(b, "()")) })
	return names
}

func TestCleanDue(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		last time.Time
		want bool
	}{
		{time.Time{}, true},
		{now, false},
		{now.Add(-23 * time.Hour), false},
		{now.Add(-24 * time.Hour), true},
		{now.Add(time.Hour), false},
		{now.AddDate(1, 0, 0), true},
	} {
		if got := CleanDue(tt.last, now); got != tt.want {
			t.Errorf("after %v: %v", now.Sub(tt.last), got)
		}
	}
}

// TestCleanTmpLink leaves alone what a link leads to.
func TestCleanTmpLink(t *testing.T) {
	root := filepath.Join(t.TempDir(), "Maildir")
	create(t, root)
	elsewhere := t.TempDir()
	put(t, filepath.Join(elsewhere, "old"), "x")
	tmp := filepath.Join(root, "tmp")
	if err := os.Remove(tmp); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, tmp); err != nil {
		t.Fatal(err)
	}
	d := create(t, root)
	if err := d.CleanTmp(time.Now().Add(37 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(elsewhere, "old")); err != nil {
		t.Error(err)
	}
}

// FuzzNested: a name that is allowed leads below the root, and to nothing of a
// Maildir's own.
func FuzzNested(f *testing.F) {
	for _, name := range []string{"a", "a/b", "Entw&APw-rfe/x y", "a/../b", ".a", "cur", "a//b", "/a"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !validNested(name) {
			return
		}
		if got := filepath.Join("/root", name); got != "/root/"+name || strings.ContainsAny(name, "\x00\n\r") {
			t.Errorf("%q leads to %q", name, got)
		}
		for level := range strings.SplitSeq(name, "/") {
			if slices.Contains([]string{"cur", "new", "tmp"}, level) || strings.HasPrefix(level, trash) {
				t.Errorf("%q is allowed", name)
			}
		}
	})
}

func TestHas(t *testing.T) {
	for _, tt := range []struct {
		layout Layout
		dirs   []string
		has    []string
		hasNot []string
	}{
		{PlusPlus, []string{".a/cur", ".b/new", "..c/cur"}, []string{"a"}, []string{"b", "c", ".c", "", "a.b", "../x"}},
		{FS, []string{"a/b/cur", "c"}, []string{"a", "a/b", "c"}, []string{"b", "a/c", "", "a/b/cur", "../x", ".."}},
	} {
		root := filepath.Join(t.TempDir(), "Maildir")
		tree, err := OpenTree(root, Options{Host: "host.example", Layout: tt.layout})
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range tt.dirs {
			if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range tt.has {
			if !tree.Has(name) || !tt.layout.Valid(name) {
				t.Errorf("layout %d has no %q", tt.layout, name)
			}
		}
		for _, name := range tt.hasNot {
			if tree.Has(name) {
				t.Errorf("layout %d has %q", tt.layout, name)
			}
		}
	}
}
