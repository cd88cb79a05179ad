package maildir

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fantail/internal/mail"

	"golang.org/x/sys/unix"
)

// A test that needs other processes runs the test program again with -child.
var (
	child    = flag.String("child", "", "be a process of another test: toggle or take")
	childDir = flag.String("child.dir", "", "the Maildir to work on")
	childArg = flag.String("child.arg", "", "letter")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *child == "" {
		os.Exit(m.Run())
	}
	d, err := Open(*childDir, Options{})
	if err == nil {
		_, err = io.Copy(io.Discard, os.Stdin) // until all are ready
	}
	if err == nil {
		switch *child {
		case "toggle":
			err = toggle(d, Letters(1)<<((*childArg)[0]-'a'))
		case "take":
			var won []string
			won, err = takeAll(d)
			for _, base := range won {
				fmt.Println(base)
			}
		default:
			err = errors.New("no such child: " + *child)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// start runs a child, which begins when the gate opens.
func start(t *testing.T, gate <-chan struct{}, args ...string) (output func() string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() string {
		<-gate
		if err := stdin.Close(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%q: %v", args, err)
		}
		return out.String()
	}
}

const toggles = 300

// toggle sets and clears one letter of the only message many times and checks
// before each change that nobody has undone the last one. It leaves it set.
func toggle(d *Dir, letter Letters) error {
	ctx := context.Background()
	e, err := d.Find("1.cas")
	if err != nil {
		return err
	}
	want := e.Name.Letters & letter
	for range 2*toggles + 1 {
		var lost bool
		e, err = d.ChangeFlags(ctx, e, func(n Name) Name {
			lost = n.Letters&letter != want
			return n.With(n.Flags, n.Letters^letter)
		})
		if err != nil {
			return err
		}
		if lost {
			return fmt.Errorf("letter %b: another process undid a change", letter)
		}
		want ^= letter
	}
	return nil
}

// TestNoLostUpdate changes different letters of one message from several
// goroutines, through one Dir and through several, and from several processes.
func TestNoLostUpdate(t *testing.T) {
	eachFS(t, func(t *testing.T, dir string) {
		d := create(t, filepath.Join(dir, "Maildir"))
		put(t, filepath.Join(d.Path(), "new", "1.cas"), "body")
		var wg sync.WaitGroup
		gate := make(chan struct{})
		letters := "abcdefgh"
		for i, letter := range letters {
			dir := d
			if i%2 == 1 {
				dir = create(t, d.Path())
			}
			if i >= 5 {
				finish := start(t, gate, "-child=toggle", "-child.dir="+d.Path(), "-child.arg="+string(letter))
				wg.Go(func() { finish() })
				continue
			}
			wg.Go(func() {
				<-gate
				if err := toggle(dir, 1<<i); err != nil {
					t.Error(err)
				}
			})
		}
		close(gate)
		wg.Wait()
		if got, want := files(t, d), []string{"cur/1.cas:2," + letters}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// takeAll claims all new messages it can see and returns those it won.
func takeAll(d *Dir) (won []string, err error) {
	l, err := d.List(context.Background(), nil)
	if err != nil {
		return nil, err
	}
	for base, e := range l.Entries {
		switch _, err := d.TakeNew(context.Background(), e); {
		case err == nil:
			won = append(won, base)
		case !errors.Is(err, ErrLost):
			return won, err
		}
	}
	return won, nil
}

// TestOneWinner lets goroutines and processes claim the same messages, with and
// without RENAME_NOREPLACE.
func TestOneWinner(t *testing.T) {
	eachFS(t, func(t *testing.T, dir string) {
		const count = 500
		d := create(t, filepath.Join(dir, "Maildir"))
		for i := range count {
			put(t, filepath.Join(d.Path(), "new", fmt.Sprint(i, ".new")), "")
		}
		var mu sync.Mutex
		winners := map[string]int{}
		count1 := func(base string) {
			mu.Lock()
			defer mu.Unlock()
			winners[base]++
		}
		var wg sync.WaitGroup
		gate := make(chan struct{})
		for i := range 3 {
			mine := create(t, d.Path())
			if i == 2 {
				mine.sys.hook = func(step, file string) error {
					if step == "rename" && strings.HasPrefix(file, "new/1") {
						return unix.EINVAL
					}
					return nil
				}
				mine.sys.hook = onlyFirst(mine.sys.hook)
			}
			wg.Go(func() {
				<-gate
				won, err := takeAll(mine)
				if err != nil {
					t.Error(err)
				}
				for _, base := range won {
					count1(base)
				}
			})
			finish := start(t, gate, "-child=take", "-child.dir="+d.Path())
			wg.Go(func() {
				for base := range strings.Lines(finish()) {
					count1(strings.TrimSpace(base))
				}
			})
		}
		close(gate)
		wg.Wait()
		if len(winners) != count {
			t.Errorf("%d of %d messages have a winner", len(winners), count)
		}
		for base, n := range winners {
			if n != 1 {
				t.Errorf("%s has %d winners", base, n)
			}
		}
		if got := files(t, d); len(got) != count || !strings.HasPrefix(got[0], "cur/") {
			t.Errorf("%d files, the first is %v", len(got), got[0])
		}
	})
}

// onlyFirst lets a hook's error through once for each file and step.
func onlyFirst(hook func(step, file string) error) func(step, file string) error {
	seen := map[string]bool{}
	return func(step, file string) error {
		if seen[step+file] {
			return nil
		}
		seen[step+file] = true
		return hook(step, file)
	}
}

func TestChangeFlags(t *testing.T) {
	ctx := context.Background()
	seen := func(n Name) Name { return n.With(n.Flags|mail.Seen, n.Letters) }
	same := func(n Name) Name { return n }
	for _, tt := range []struct {
		name   string
		file   string
		change func(Name) Name
		want   string
	}{
		{"no info", "cur/a", seen, "cur/a:2,S"},
		{"no change", "cur/a", same, "cur/a"},
		{"no change in new", "new/a", same, "new/a"},
		{"out of new", "new/a", seen, "cur/a:2,S"},
		{"with flags in new", "new/a:2,F", seen, "cur/a:2,FS"},
		{"unknown parts", "cur/a:1,x:2,PX,t=S", seen, "cur/a:1,x:2,PSX,t=S"},
		{"not sorted, no change", "cur/a:2,SF", seen, "cur/a:2,SF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := create(t, filepath.Join(t.TempDir(), "Maildir"))
			put(t, filepath.Join(d.Path(), tt.file), "x")
			e, err := d.Find("a")
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.ChangeFlags(ctx, e, tt.change)
			if err != nil || d.folder(got).name+"/"+got.File != tt.want {
				t.Errorf("changed to %+v, %v", got, err)
			}
			if left := files(t, d); !slices.Equal(left, []string{tt.want}) {
				t.Errorf("files: %v", left)
			}
		})
	}
}

// TestInTheWay changes flags to a name that another file has already.
func TestInTheWay(t *testing.T) {
	seen := func(n Name) Name { return n.With(mail.Seen, 0) }
	for _, refuse := range []bool{false, true} {
		eachFS(t, func(t *testing.T, dir string) {
			setUp := func(name string) (*Dir, Entry) {
				d := create(t, filepath.Join(dir, fmt.Sprint(name, refuse)))
				put(t, filepath.Join(d.Path(), "cur", "a:2,"), "first")
				if refuse {
					d.sys.hook = refusing(func(string, string) error { return nil })
				}
				return d, Entry{Name: Name{Base: "a"}, File: "a:2,"}
			}
			t.Run("other message", func(t *testing.T) {
				d, e := setUp("other")
				put(t, filepath.Join(d.Path(), "cur", "a:2,S"), "second")
				e, err := d.ChangeFlags(context.Background(), e, seen)
				if err != nil || e.File != "a:2,S" || content(t, d, e) != "first" {
					t.Fatalf("changed to %+v, %v", e, err)
				}
				l := list(t, d, nil)
				if len(l.Entries) != 2 || len(l.Duplicates) != 0 {
					t.Fatalf("%+v", l)
				}
				for base, other := range l.Entries {
					if base != "a" && content(t, d, other) != "second" {
						t.Errorf("the other message is %q", content(t, d, other))
					}
				}
			})
			t.Run("same file", func(t *testing.T) {
				d, e := setUp("same")
				if err := os.Link(filepath.Join(d.Path(), "cur", "a:2,"), filepath.Join(d.Path(), "cur", "a:2,S")); err != nil {
					t.Fatal(err)
				}
				if _, err := d.ChangeFlags(context.Background(), e, seen); err != nil {
					t.Fatal(err)
				}
				if left := files(t, d); !slices.Equal(left, []string{"cur/a:2,S"}) {
					t.Errorf("files: %v", left)
				}
			})
		})
	}
}

func TestDuplicates(t *testing.T) {
	ctx := context.Background()
	eachFS(t, func(t *testing.T, dir string) {
		d := create(t, filepath.Join(dir, "Maildir"))
		at := func(file string) string { return filepath.Join(d.Path(), file) }
		put(t, at("cur/a:2,"), "one")
		put(t, at("cur/a:2,S"), "two")
		put(t, at("new/a"), "three")
		put(t, at("cur/b:2,"), "four")
		if err := os.Link(at("cur/b:2,"), at("new/b")); err != nil {
			t.Fatal(err)
		}
		l := list(t, d, nil)
		if len(l.Entries) != 2 || l.Entries["a"].File != "a:2," || l.Entries["b"].New || len(l.Duplicates) != 3 {
			t.Fatalf("%+v", l)
		}
		for _, e := range l.Duplicates {
			to, err := d.Separate(ctx, e)
			if e.Name.Base == "b" {
				if !errors.Is(err, ErrBusy) {
					t.Errorf("a link that is a moment old: %v", err)
				}
				continue
			}
			if err != nil || to.New != (e.Name.Flags == 0) || to.Name.Flags != e.Name.Flags || to.Name.Base == "a" {
				t.Errorf("%+v became %+v, %v", e, to, err)
			}
			if _, err := d.Separate(ctx, e); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("again: %v", err)
			}
		}
		if err := d.dropLink(Entry{Name: Name{Base: "b"}, File: "b", New: true}, time.Now().Unix()-linkGrace); err != nil {
			t.Error(err)
		}
		l = list(t, d, nil)
		var all []string
		for _, e := range l.Entries {
			all = append(all, content(t, d, e))
		}
		slices.Sort(all)
		if !slices.Equal(all, []string{"four", "one", "three", "two"}) || len(l.Duplicates) != 0 {
			t.Errorf("messages %q, duplicates %v", all, l.Duplicates)
		}
	})
}

func TestOpenMessage(t *testing.T) {
	d := create(t, filepath.Join(t.TempDir(), "Maildir"))
	cur := func(name string) string { return filepath.Join(d.Path(), "cur", name) }
	put(t, filepath.Join(d.Path(), "secret"), "secret")
	if err := os.Symlink("../secret", cur("link:2,")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(cur("fifo:2,"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(cur("dir:2,"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "fifo", "dir"} {
		_, _, err := d.OpenMessage(Entry{Name: Name{Base: name}, File: name + ":2,"})
		if !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: %v", name, err)
		}
	}
	put(t, cur("a:2,FRX"), "a")
	f, e, err := d.OpenMessage(Entry{Name: Name{Base: "a"}, File: "a:2,"})
	if err != nil || e.File != "a:2,FRX" {
		t.Fatalf("%+v, %v", e, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := d.OpenMessage(Entry{Name: Name{Base: "b"}, File: "b:2,"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	if _, _, err := d.OpenMessage(Entry{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the zero entry: %v", err)
	}
}

func TestCleanTmp(t *testing.T) {
	d := create(t, filepath.Join(t.TempDir(), "Maildir"))
	path := filepath.Join(d.Path(), "tmp", "x")
	put(t, path, "")
	old := time.Now().Add(-1000 * time.Hour)
	if err := os.Chtimes(path, old, old); err != nil { // an INTERNALDATE
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]int{0: 1, 35 * time.Hour: 1} {
		if err := d.CleanTmp(time.Now().Add(after)); err != nil || len(files(t, d)) != want {
			t.Errorf("after %v: %v, %v", after, files(t, d), err)
		}
	}
	if err := d.CleanTmp(time.Now().Add(37 * time.Hour)); err != nil || len(files(t, d)) != 0 {
		t.Errorf("after 37 h: %v, %v", files(t, d), err)
	}
}
