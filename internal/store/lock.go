package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// logName is the file whose flock is the mailbox's lock.
const logName = "fantail.log"

// lock is a held mailbox lock. flock belongs to the open file, so it also keeps
// goroutines apart, and the kernel drops it when a process dies.
type lock struct{ f *os.File }

// lockMailbox takes the lock of the Maildir at dir, waiting for it. Holders keep
// it for a few milliseconds of disk I/O.
func lockMailbox(dir string) (*lock, error) {
	path := filepath.Join(dir, logName)
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open lock: %w", err)
		}
		if err := flock(f, unix.LOCK_EX); err != nil {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		// Whoever removed or replaced the file while we waited left us with the
		// lock of a file that nobody else will ask for.
		held, err1 := f.Stat()
		named, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(held, named) {
			return &lock{f}, nil
		}
		f.Close()
		if err1 != nil || err2 != nil && !errors.Is(err2, os.ErrNotExist) {
			return nil, fmt.Errorf("lock %s: %w", path, errors.Join(err1, err2))
		}
	}
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// unlock gives the lock up. Closing the file is enough, and cannot leave it held.
func (l *lock) unlock() { l.f.Close() }
