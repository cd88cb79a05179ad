package fsck

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/store/uidlist"
)

// staleLock is the age from which a lock file is somebody's who is gone: who holds one
// touches it every few seconds, or is done.
const staleLock = 10 * time.Minute

// lockFile looks for the lock of a file in a directory that nobody holds any more.
func (c *check) lockFile(mailbox, path string) {
	lock := path + ".lock"
	st, err := lstat(filepath.Join(c.root, lock))
	if err != nil || kindOf(st) != unix.S_IFREG || time.Since(time.Unix(st.Mtim.Unix())) < staleLock {
		return
	}
	c.report(Finding{Kind: Lock, Mailbox: mailbox, Path: lock,
		Problem: fmt.Sprintf("a lock that nobody has touched since %s", time.Unix(st.Mtim.Unix()).UTC().Format(time.RFC3339))}, func() (string, error) {
		return "removed", uidlist.RemoveLock(filepath.Join(c.root, path), staleLock)
	})
}

// leftovers looks for temporary files in a mailbox's directory.
func (c *check) leftovers(mailbox, dir string) {
	entries, err := os.ReadDir(filepath.Join(c.root, dir))
	if err != nil {
		c.unexamined(mailbox, dir, err)
		return
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".tmp") || !strings.HasPrefix(name, "fantail") && !strings.HasPrefix(name, "dovecot-") && name != "subscriptions.tmp" {
			continue
		}
		path := filepath.Join(dir, name)
		st, err := lstat(filepath.Join(c.root, path))
		if err != nil || kindOf(st) != unix.S_IFREG || age(st) < old {
			continue
		}
		c.report(Finding{Kind: Leftover, Mailbox: mailbox, Path: path, Problem: "a temporary file that a crash has left"}, func() (string, error) {
			return "removed", os.Remove(filepath.Join(c.root, path))
		})
	}
}

// whileLocked calls f while the journal of a mailbox is locked, if there is one. It
// changes nothing on disk, which store.Mailbox.Exclusive would.
func whileLocked(dir string, f func() error) (err error) {
	path := filepath.Join(dir, journal)
	for {
		file, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if errors.Is(err, fs.ErrNotExist) {
			return f()
		}
		if err != nil {
			return err
		}
		same, err := flock(file, path)
		if err == nil && same {
			return errors.Join(f(), file.Close())
		}
		if err = errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("lock %s: %w", path, err)
		}
	}
}

// flock locks a file, and reports whether path is its name still.
func flock(file *os.File, path string) (bool, error) {
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return false, err
		}
		break
	}
	held, err := file.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(held, named), err
}
