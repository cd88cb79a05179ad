package crossed

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// listener collects what is heard.
type listener struct {
	mu   sync.Mutex
	list []string
	err  error
}

func (l *listener) heard(_ context.Context, account string, uid uint32) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if uid != uint32(os.Geteuid()) {
		return errors.New("the uid is another one")
	}
	l.list = append(l.list, account)
	return l.err
}

func (l *listener) has() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.list, " ")
}

// watch watches a directory for the length of a test.
func watch(t *testing.T, dir string, l *listener) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := Watch(ctx, dir, slog.New(slog.DiscardHandler), l.heard); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come to be: %s", what)
		}
	}
}

func empty(dir string) bool {
	list, err := os.ReadDir(dir)
	return err == nil && len(list) == 0
}

// TestTell: what was said before somebody watches is heard, and what is said then, at once.
func TestTell(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := Tell(dir, "ann"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a directory: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "a/b", "a\nb", strings.Repeat("x", maxFile)} {
		if err := Tell(dir, bad); err == nil || !empty(dir) {
			t.Errorf("%q was told: %v", bad, err)
		}
	}
	for range 3 {
		if err := Tell(dir, "ann"); err != nil {
			t.Fatal(err)
		}
	}
	var l listener
	watch(t, dir, &l)
	until(t, "ann is heard, once", func() bool { return l.has() == "ann" && empty(dir) })
	if err := Tell(dir, "bob@example.org"); err != nil {
		t.Fatal(err)
	}
	until(t, "bob is heard", func() bool { return l.has() == "ann bob@example.org" && empty(dir) })
}

// TestDirectory: it is made, and everybody may write there, and not look.
func TestDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	var l listener
	watch(t, dir, &l)
	want := fs.ModeDir | 0o700
	if os.Geteuid() == 0 {
		want = fs.ModeDir | fs.ModeSticky | 0o733
	}
	until(t, "the directory is there", func() bool {
		info, err := os.Stat(dir)
		return err == nil && info.Mode() == want
	})
}

// TestRubbish: what says nothing goes, unless it is being written.
func TestRubbish(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-2 * crashed)
	err := errors.Join(
		os.WriteFile(filepath.Join(dir, "none"), nil, 0o600),
		os.WriteFile(filepath.Join(dir, "half"), []byte("ann"), 0o600),
		os.WriteFile(filepath.Join(dir, "long"), []byte(strings.Repeat("x", 1000)+"\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "two"), []byte("ann\nbob\n"), 0o600),
		os.WriteFile(filepath.Join(dir, unfinished+"1"), []byte("an"), 0o600),
		os.WriteFile(filepath.Join(dir, unfinished+"2"), []byte("an"), 0o600),
		os.Chtimes(filepath.Join(dir, unfinished+"2"), old, old),
		os.Symlink("/etc/passwd", filepath.Join(dir, "link")),
		os.Mkdir(filepath.Join(dir, "dir"), 0o700),
		unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600),
		os.WriteFile(filepath.Join(dir, "x1"), []byte("ann\n"), 0o600),
		os.Link(filepath.Join(dir, "x1"), filepath.Join(dir, "x2")),
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := Tell(dir, "last"); err != nil {
		t.Fatal(err)
	}
	var l listener
	watch(t, dir, &l)
	until(t, "all goes but one", func() bool {
		list, err := os.ReadDir(dir)
		return err == nil && len(list) == 1 && list[0].Name() == unfinished+"1"
	})
	// Of two links the first that is looked at is refused; the other one is a file then.
	if got := l.has(); got != "last" && got != "last ann" && got != "ann last" {
		t.Errorf("heard %q", got)
	}
}

// TestLater: what cannot be heard now stays, for a day; what is refused goes.
func TestLater(t *testing.T) {
	dir := t.TempDir()
	l := listener{err: errors.New("nobody knows")}
	w := watcher{dir: dir, log: slog.New(slog.DiscardHandler), heard: l.heard}
	if err := Tell(dir, "ann"); err != nil {
		t.Fatal(err)
	}
	if err := w.sweep(t.Context()); err != nil || empty(dir) || !w.left {
		t.Errorf("%v, left %t", err, w.left)
	}
	l.err = ErrRefused
	if err := w.sweep(t.Context()); err != nil || !empty(dir) || w.left {
		t.Errorf("%v, left %t", err, w.left)
	}
	if err := Tell(dir, "ann"); err != nil {
		t.Fatal(err)
	}
	l.err = errors.New("nobody knows")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * late)
	if err := os.Chtimes(filepath.Join(dir, entries[0].Name()), old, old); err != nil {
		t.Fatal(err)
	}
	if err := w.sweep(t.Context()); err != nil || !empty(dir) || w.left {
		t.Errorf("%v, left %t", err, w.left)
	}
}

// FuzzParse: what is taken for a name can be told.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"", "\n", "ann\n", "ann", "ann\nbob\n", "a/b\n", "\x00\n", "\xff\n", "ann@example.org\n"} {
		f.Add([]byte(text))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		name, err := parse(b)
		if err != nil {
			return
		}
		if string(b) != name+"\n" {
			t.Errorf("%q is read from %q", name, b)
		}
		if err := Tell(dir, name); err != nil {
			t.Error(err)
		}
	})
}
