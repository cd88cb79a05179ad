package quota

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// roles are what this test's program does in other processes, with the Maildir
// as its argument.
var roles = map[string]func(root string) error{
	"deliver": deliver,
	"recount": recount,
	"cramped": cramped,
}

const roleVariable = "FANTAIL_QUOTA_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := roles[role](os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, role+":", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// start begins a role in another process.
func start(t *testing.T, role, root string) (wait func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], root)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	var out strings.Builder
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", role, err, &out)
		}
	}
}

var wide = Limits{Octets: 1 << 40}

func newMaildir(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.Mkdir(filepath.Join(root, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const deliveries = 300

// deliver brings messages, and takes some of them away again.
func deliver(root string) error {
	f := Open(root, wide, Options{Mail: disk{root}})
	for n := range deliveries {
		size := int64(100 + n)
		path := filepath.Join(root, "new", fmt.Sprintf("1.P%dQ%d.h,S=%d", os.Getpid(), n, size))
		c, err := f.Begin()
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return err
		}
		if err := c.End(size, 1); err != nil {
			return err
		}
		if n%3 != 0 {
			continue
		}
		if c, err = f.Begin(); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		if err := c.End(-size, -1); err != nil {
			return err
		}
	}
	return nil
}

// recount counts all the time.
func recount(root string) error {
	f := Open(root, wide, Options{Mail: disk{root}})
	for range 200 {
		s, err := f.read()
		if err == nil {
			_, err = f.recount(context.Background(), s)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// TestProcesses lets several processes deliver and several count: what is
// believed at the end is true.
func TestProcesses(t *testing.T) {
	root := newMaildir(t)
	f := Open(root, wide, Options{Mail: disk{root}})
	if _, err := f.Usage(t.Context()); err != nil {
		t.Fatal(err)
	}
	var waits []func()
	for _, role := range []string{"deliver", "recount", "deliver", "recount", "deliver"} {
		waits = append(waits, start(t, role, root))
	}
	for _, wait := range waits {
		wait()
	}
	u, err := f.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want, err := disk{root}.Count(t.Context())
	if err != nil || u != want {
		t.Errorf("usage %+v, %v; there is %+v", u, err, want)
	}
	if want.Messages != 3*deliveries*2/3 {
		t.Errorf("%d messages", want.Messages)
	}
	if left, err := os.ReadDir(filepath.Join(root, "tmp")); err != nil || len(left) != 0 {
		t.Errorf("left in tmp: %v, %v", left, err)
	}
}

// cramped may write only some octets more: its line breaks off in the middle.
func cramped(root string) error {
	signal.Ignore(unix.SIGXFSZ)
	f := Open(root, wide, Options{Mail: disk{root}})
	info, err := os.Stat(f.path())
	if err != nil {
		return err
	}
	room := uint64(info.Size()) + 3
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: room, Max: room}); err != nil {
		return err
	}
	if err := f.Add(12345, 1); !errors.Is(err, unix.EFBIG) {
		return fmt.Errorf("add: %v", err)
	}
	return nil
}

// TestFull: half a line is not left where the next one could complete it.
func TestFull(t *testing.T) {
	root := newMaildir(t)
	f := Open(root, wide, Options{Mail: disk{root}})
	if _, err := f.Usage(t.Context()); err != nil {
		t.Fatal(err)
	}
	start(t, "cramped", root)()
	if err := f.Add(6, 1); err != nil {
		t.Fatal(err)
	}
	if u, err := f.Usage(t.Context()); err != nil || (u != Usage{}) {
		t.Errorf("%+v, %v", u, err)
	}
}
