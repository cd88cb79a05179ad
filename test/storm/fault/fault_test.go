package fault

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The guarded process of these tests is this one, started again.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "guarded" {
		if err := guarded(os.Args[2]); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		fmt.Println("done")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// guarded writes a file as a careful program does.
func guarded(dir string) error {
	if err := Guard(); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "tmp"))
	if err != nil {
		return err
	}
	for rest := []byte("0123456789"); len(rest) > 0; {
		n, err := unix.Write(int(f.Fd()), rest)
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		rest = rest[n:]
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.WriteFile(os.DevNull, []byte("elsewhere"), 0o600); err != nil {
		return err
	}
	return os.Rename(filepath.Join(dir, "tmp"), filepath.Join(dir, "file"))
}

const steps = "openat tmp, write tmp (10 octets), fsync tmp, renameat file"

func TestRun(t *testing.T) {
	for _, c := range []struct {
		name  string
		at    int
		v     Verdict
		calls string
		out   string
		files string
	}{
		{"undisturbed", -1, Allowed, steps, "done\n", "file=0123456789"},
		{"killed first", 0, Killed, "openat tmp", "", ""},
		{"killed at the write", 1, Killed, "openat tmp, write tmp (10 octets)", "", "tmp="},
		{"torn", 1, Torn, "openat tmp, write tmp (10 octets)", "", "tmp=01234"},
		{"short", 1, Short, "openat tmp, write tmp (10 octets), write tmp (5 octets), fsync tmp, renameat file", "done\n", "file=0123456789"},
		{"killed at the sync", 2, Torn, "openat tmp, write tmp (10 octets), fsync tmp", "", "tmp=0123456789"},
		{"killed at the rename", 3, Killed, steps, "", "tmp=0123456789"},
		{"full disk", 1, Failed(unix.ENOSPC), "openat tmp, write tmp (10 octets)", "error: write: no space left on device\n", "tmp="},
		{"no rename", 3, Failed(unix.EIO), steps, "", "tmp=0123456789"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0], "guarded", dir)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			calls, err := Run(cmd, dir, func(i int, _ Call) Verdict {
				if i == c.at {
					return c.v
				}
				return Allowed
			})
			if strings.Contains(out.String(), ErrUnsupported.Error()) {
				t.Skip(out.String())
			}
			var exit *exec.ExitError
			if c.v.do == fail && errors.As(err, &exit) && exit.ExitCode() == 1 {
				err = nil
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
			var names []string
			for _, c := range calls {
				names = append(names, c.String())
			}
			if got := strings.Join(names, ", "); got != c.calls {
				t.Errorf("calls %s, want %s", got, c.calls)
			}
			if got := out.String(); c.out != "" && got != c.out || c.v.do == kill && got != "" {
				t.Errorf("output %q, want %q", got, c.out)
			}
			if got := contents(t, dir); got != c.files {
				t.Errorf("files %s, want %s", got, c.files)
			}
		})
	}
}

func contents(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Name()+"="+string(text))
	}
	return strings.Join(all, " ")
}

// A process that never calls Guard is no success.
func TestUnguarded(t *testing.T) {
	if _, err := Run(exec.Command("true"), t.TempDir(), nil); err == nil {
		t.Error("a process without a guard was supervised")
	}
}
