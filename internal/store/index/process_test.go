package index

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fantail/internal/mail"
)

// The test binary is also the program that writes to an index from a process of
// its own: childEnv holds "role dir number".
const childEnv = "FANTAIL_INDEX_TEST_CHILD"

func TestMain(m *testing.M) {
	args := strings.Fields(os.Getenv(childEnv))
	if len(args) == 0 {
		os.Exit(m.Run())
	}
	n, err := strconv.Atoi(args[2])
	if err == nil {
		err = children[args[0]](args[1], n)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var children = map[string]func(dir string, n int) error{
	"write": writeUntil,
	"script": func(dir string, n int) error {
		f, err := Open(dir, Options{})
		if err != nil {
			return err
		}
		f.sys.hook = func(string, string, int) (int, error) {
			if n--; n == -1 {
				return 0, syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
			return 0, nil
		}
		return script(f, os.Stdout)
	},
}

func child(role, dir string, n int) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d", childEnv, role, dir, n))
	cmd.Stderr = os.Stderr
	return cmd
}

// writeUntil writes the transactions of the model until there are n.
func writeUntil(dir string, n int) error {
	f, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		done, err := writeOne(f, n)
		if err != nil || done {
			return err
		}
	}
}

func writeOne(f *File, n int) (done bool, err error) {
	l, err := f.Lock()
	if err != nil {
		return false, err
	}
	defer l.Unlock()
	tx, err := l.Begin()
	if err != nil {
		return false, err
	}
	defer tx.Abort()
	m, err := modelOf(tx.Index())
	if err != nil || m.n >= n {
		return true, err
	}
	if err := m.write(tx); err != nil {
		return false, err
	}
	if _, err := tx.Commit(); err != nil {
		return false, err
	}
	if m.n%40 == 0 {
		_, err = l.Checkpoint()
	}
	return false, err
}

// TestProcesses lets several processes write, kills some, and wants every reader
// to see what the transactions up to some point make, never less than before.
func TestProcesses(t *testing.T) {
	const writers, total = 3, 1500
	dir := t.TempDir()
	f := open(t, dir)
	l := lock(t, f)
	if err := newModel().begin(l); err != nil {
		t.Fatal(err)
	}
	l.Unlock()
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			for killed := 0; ; killed++ {
				cmd := child("write", dir, total)
				if err := cmd.Start(); err != nil {
					t.Error(err)
					return
				}
				if w == 0 && killed < 5 {
					time.Sleep(time.Duration(50+17*killed) * time.Millisecond)
					cmd.Process.Kill()
				}
				err := cmd.Wait()
				var exit *exec.ExitError
				if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled() {
					continue
				}
				if err != nil {
					t.Error(err)
				}
				return
			}
		})
	}
	done := make(chan struct{})
	go func() { running.Wait(); close(done) }()
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() { readUntil(t, dir, done) })
	}
	readers.Wait()
	running.Wait()
	x := load(t, f)
	if got, err := modelOf(x); err != nil || got.n != total {
		t.Fatalf("%d transactions, %v", got.n, err)
	}
}

func readUntil(t *testing.T, dir string, done chan struct{}) {
	m := newModel()
	f, err := Open(dir, Options{})
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { f.Close() }()
	var high mail.ModSeq
	seen := 0
	for round := 0; ; round++ {
		select {
		case <-done:
			if seen < 5 {
				t.Errorf("saw %d states only", seen)
			}
			return
		default:
		}
		if round%10 == 0 {
			f.Close()
			if f, err = Open(dir, Options{Networked: round%20 == 0}); err != nil {
				t.Error(err)
				return
			}
		}
		x, err := f.Load()
		if err != nil {
			t.Error(err)
			return
		}
		got, err := modelOf(x)
		if err != nil || got.n < m.n || x.HighestModSeq() < high || x.Doubtful() {
			t.Errorf("%v, n %d after %d, modseq %d after %d", err, got.n, m.n, x.HighestModSeq(), high)
			return
		}
		if got.n > m.n {
			seen++
		}
		for high = x.HighestModSeq(); m.n < got.n; {
			m.step()
		}
		if d := m.differs(got); d != "" {
			t.Errorf("after %d transactions: %s", m.n, d)
			return
		}
	}
}

// script goes through everything that writes, and tells out what is committed: the
// number of transactions.
func script(f *File, out io.Writer) error {
	l, err := f.Lock()
	if err != nil {
		return err
	}
	defer l.Unlock()
	x, err := f.Load()
	if err != nil {
		return err
	}
	m, err := modelOf(x)
	if err != nil {
		return err
	}
	one := func(more func(*Tx) error) error {
		tx, err := l.Begin()
		if err != nil {
			return err
		}
		defer tx.Abort()
		if err := errors.Join(m.write(tx), more(tx)); err != nil {
			return err
		}
		if _, err := tx.Commit(); err != nil {
			return err
		}
		m.step()
		fmt.Fprintln(out, m.n)
		return nil
	}
	item := func(tx *Tx) error { return tx.SetItems(1, Item{Envelope, []byte("envelope of 1")}) }
	nothing := func(*Tx) error { return nil }
	steps := []func() error{
		func() error { return one(nothing) },
		func() error { return one(item) },
		func() error { return one(item) },
		func() error { _, err := l.Checkpoint(); return err },
		func() error { return one(nothing) },
		l.Clean,
		func() error { return one(nothing) },
		func() error { return one(nothing) },
		func() error { _, err := l.CompactCache(); return err },
		func() error { return one(item) },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

// begun makes an index with a few transactions of the model.
func begun(t *testing.T, dir string) {
	t.Helper()
	f := open(t, dir)
	l := lock(t, f)
	if err := newModel().begin(l); err != nil {
		t.Fatal(err)
	}
	l.Unlock()
	if err := writeUntil(dir, 45); err != nil {
		t.Fatal(err)
	}
}

// survived checks an index after something went wrong: it holds what was
// committed, perhaps one transaction more, and can be written to.
func survived(t *testing.T, dir string, committed int, what string) {
	t.Helper()
	f := open(t, dir)
	defer f.Close()
	x := load(t, f)
	got, err := modelOf(x)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if got.n != committed && got.n != committed+1 || x.Doubtful() {
		t.Fatalf("%s: %d transactions, committed %d, doubtful %t", what, got.n, committed, x.Doubtful())
	}
	m := newModel()
	for m.n < got.n {
		m.step()
	}
	if d := m.diff(got); d != "" {
		t.Fatalf("%s: %s", what, d)
	}
	i, _ := x.Find(1)
	if item, ok, err := f.AppendItem(nil, x, i, Envelope); err != nil || ok && string(item) != "envelope of 1" {
		t.Fatalf("%s: item %q %v", what, item, err)
	}
	if err := script(f, io.Discard); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if item, ok, err := f.AppendItem(nil, load(t, f), i, Envelope); !ok || err != nil || string(item) != "envelope of 1" {
		t.Fatalf("%s: item %q %t %v", what, item, ok, err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"+tmpSuffix))
	if err != nil || len(left) > 0 {
		t.Fatalf("%s: left %v %v", what, left, err)
	}
}

// TestKill ends the process by SIGKILL before every step that it makes.
func TestKill(t *testing.T) {
	for n := 0; ; n++ {
		dir := t.TempDir()
		begun(t, dir)
		cmd := child("script", dir, n)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		committed := 45
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if committed, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatal(err)
			}
		}
		err = cmd.Wait()
		survived(t, dir, committed, fmt.Sprint("killed before step ", n))
		var exit *exec.ExitError
		if err == nil {
			if n < 30 {
				t.Fatalf("only %d steps", n)
			}
			return
		}
		if !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() {
			t.Fatal(err)
		}
	}
}

// TestFaults lets each step fail, writes in the middle.
func TestFaults(t *testing.T) {
	for _, fault := range []error{syscall.ENOSPC, syscall.EIO} {
		for n := 0; ; n++ {
			dir := t.TempDir()
			begun(t, dir)
			f := open(t, dir)
			at, hit := n, ""
			f.sys.hook = func(step, file string, size int) (int, error) {
				if at--; at == -1 {
					hit = step + " " + file
					return size / 2, fault
				}
				return 0, nil
			}
			var out strings.Builder
			err := script(f, &out)
			f.sys.hook = nil
			f.Close()
			if hit == "" {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			if !errors.Is(err, fault) {
				t.Fatalf("%s: %v", hit, err)
			}
			committed := 45
			if lines := strings.Fields(out.String()); len(lines) > 0 {
				committed, _ = strconv.Atoi(lines[len(lines)-1])
			}
			survived(t, dir, committed, hit)
		}
	}
}
