package watch

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestStarved takes all inotify descriptors that a user may have, and wants a Watch
// all the same.
func TestStarved(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs a user of its own")
	}
	dir, err := os.MkdirTemp("", "fantail-watch") // unlike t.TempDir, below nothing that is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	const uid = 64321
	for _, d := range []string{dir, dir + "/new", dir + "/cur"} {
		if err := os.Mkdir(d, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			t.Fatal(err)
		}
		if err := os.Chown(d, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	cmd := child(t, "starve "+dir, func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		cmd.Dir = "/"
		cmd.Stdout = &out
	})
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", out.Bytes())
}

func starve(dir string) error {
	limit := 0
	for ; limit < 10_000; limit++ {
		if _, err := unix.InotifyInit1(unix.IN_CLOEXEC); errors.Is(err, unix.EMFILE) {
			break
		} else if err != nil {
			return err
		}
	}
	fmt.Println("descriptors:", limit)
	w := New()
	if _, err := w.Tail(dir); !errors.Is(err, unix.EMFILE) {
		return fmt.Errorf("a Tail without a descriptor: %w", err)
	}
	t, err := w.Add(dir)
	if err != nil {
		return err
	}
	if t.poll == nil {
		return errors.New("an inotify descriptor beyond the limit")
	}
	if err := os.WriteFile(filepath.Join(dir, "new/1.a.h"), nil, 0o600); err != nil {
		return err
	}
	select {
	case <-t.C:
	case <-time.After(10 * time.Second):
		return errors.New("not told")
	}
	return errors.Join(t.Close(), w.Close())
}
