package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Lock is the held lock of a mailbox: a flock on the journal. It belongs to an
// open file, so the kernel drops it when a process dies.
type Lock struct {
	f     *File
	file  *os.File
	aside bool // not held: see Aside
}

// Lock takes the mailbox's lock, waiting for it. Holders keep it for disk I/O
// only. It is needed for everything that writes to the index, the cache or the
// UID list. The journal need not exist, the directory must.
func (f *File) Lock() (*Lock, error) {
	f.writer.Lock()
	return f.takeLock(unix.LOCK_EX)
}

// TryLock takes the lock if nobody has it, in this process or another; otherwise
// it returns nil. It is for work that can wait.
func (f *File) TryLock() (*Lock, error) {
	if !f.writer.TryLock() {
		return nil, nil
	}
	return f.takeLock(unix.LOCK_EX | unix.LOCK_NB)
}

// takeLock takes the flock; f.writer is held, and given up if there is no Lock.
func (f *File) takeLock(how int) (*Lock, error) {
	for {
		l, err := f.flockJournal(how)
		switch {
		case l != nil:
			return l, nil
		case err == unix.EWOULDBLOCK:
			f.writer.Unlock()
			return nil, nil
		case err != nil:
			f.writer.Unlock()
			return nil, err
		}
	}
}

// flockJournal returns nil if what it locked is not the journal any more, and
// EWOULDBLOCK as it is.
func (f *File) flockJournal(how int) (*Lock, error) {
	path := f.path(journalName)
	if f.lockFile == nil {
		file, _, err := openOld(path, os.O_RDWR|os.O_CREATE)
		if err != nil {
			return nil, fmt.Errorf("open lock: %w", err)
		}
		f.lockFile = file
	}
	err := flock(f.lockFile, how)
	same := false
	if err == nil || err == unix.EWOULDBLOCK {
		// Whoever removed or replaced the file while we waited left us with the
		// lock of a file that nobody else will ask for, or without it.
		var serr error
		if same, serr = isStill(f.lockFile, path); serr != nil {
			err = serr
		}
	}
	switch {
	case same && err == nil:
		return &Lock{f: f, file: f.lockFile}, nil
	case same && err == unix.EWOULDBLOCK:
		return nil, err
	}
	f.lockFile.Close() // nothing was written to it
	f.lockFile = nil
	if err != nil && err != unix.EWOULDBLOCK {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return nil, nil
}

// isStill reports whether path names the open file.
func isStill(file *os.File, path string) (bool, error) {
	var held, named unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &held); err != nil {
		return false, err
	}
	if err := unix.Lstat(path, &named); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return false, err
	}
	return held.Dev == named.Dev && held.Ino == named.Ino, nil
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err == nil || err != unix.EINTR {
			return err
		}
	}
}

// Unlock gives the lock up. A transaction that was not committed is lost.
func (l *Lock) Unlock() error {
	f := l.f
	if f == nil || l.aside {
		return nil
	}
	l.f = nil
	defer f.writer.Unlock()
	if err := flock(l.file, unix.LOCK_UN); err != nil {
		// Closing it cannot leave it held.
		l.file.Close()
		f.lockFile = nil
		return fmt.Errorf("unlock: %w", err)
	}
	return nil
}
