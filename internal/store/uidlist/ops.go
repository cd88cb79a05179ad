package uidlist

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// fileSystem is everything this package does to files, one call a step, so
// that a test can end the world between any two steps.
type fileSystem interface {
	lstat(path string) (fs.FileInfo, error)
	open(path string, flag int, perm fs.FileMode) (handle, error)
	rename(from, to string) error
	renameNoReplace(from, to string) error
	link(from, to string) error
	remove(path string) error
	chtimes(path string, mtime time.Time) error
	readDir(path string) ([]string, error)
	syncDir(path string) error
}

// handle is an open file.
type handle interface {
	io.ReaderAt
	io.StringWriter
	io.Closer
	Stat() (fs.FileInfo, error)
	Chmod(mode fs.FileMode) error
	Chown(uid, gid int) error
	datasync() error
	tryFlock() (bool, error) // until Close; true also where flock is not supported
}

// disk is the file system of the kernel.
type disk struct{}

type diskFile struct{ *os.File }

func (disk) lstat(path string) (fs.FileInfo, error) { return os.Lstat(path) }

// open never follows a link in the last element and never waits for a FIFO: the
// directory belongs to a user, who may have put anything there.
func (disk) open(path string, flag int, perm fs.FileMode) (handle, error) {
	f, err := os.OpenFile(path, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, perm)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (disk) rename(from, to string) error { return os.Rename(from, to) }

func (disk) renameNoReplace(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if err != nil {
		return &os.LinkError{Op: "renameat2", Old: from, New: to, Err: err}
	}
	return nil
}

func (disk) link(from, to string) error { return os.Link(from, to) }
func (disk) remove(path string) error   { return os.Remove(path) }

func (disk) chtimes(path string, mtime time.Time) error { return os.Chtimes(path, mtime, mtime) }

func (disk) readDir(path string) ([]string, error) {
	d, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

func (disk) syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (f diskFile) datasync() error {
	return os.NewSyscallError("fdatasync", f.control(unix.Fdatasync))
}

func (f diskFile) tryFlock() (bool, error) {
	err := f.control(func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return false, nil
	case err == nil, errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOLCK), errors.Is(err, unix.EBADF):
		return true, nil
	}
	return false, os.NewSyscallError("flock", err)
}

// control calls a system call with the file's descriptor until no signal
// interrupts it.
func (f diskFile) control(call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var callErr error
	err = conn.Control(func(fd uintptr) {
		for {
			if callErr = call(int(fd)); callErr != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return callErr
}

// stamp tells whether a file is still the one that was read. Times alone would
// not: where they are coarse, two changes share one.
type stamp struct {
	dev, ino     uint64
	size         int64
	mtime, ctime int64 // ns
}

func stampOf(fi fs.FileInfo) stamp {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		panic("uidlist: file information without stat")
	}
	return stamp{uint64(st.Dev), st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano()}
}

func (s stamp) sameFile(t stamp) bool { return s.dev == t.dev && s.ino == t.ino }

// staleTries is how often an open file may turn out to be gone from a file
// server before we give up.
const staleTries = 10

// retryStale calls read again while the file server says that the file which
// was just opened has been replaced.
func retryStale(read func() error) error {
	for try := 1; ; try++ {
		err := read()
		if try == staleTries || !errors.Is(err, unix.ESTALE) {
			return err
		}
	}
}

var errNotRegular = errors.New("not a regular file")

// openRegular opens a file for reading and returns its stamp. More than limit
// octets are refused: nothing that a user can put into the directory may take
// the process's memory.
func openRegular(sys fileSystem, path string, limit int64) (handle, stamp, error) {
	h, err := sys.open(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, stamp{}, err
	}
	fi, err := h.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	if err == nil && fi.Size() > limit {
		err = fmt.Errorf("%s: %w: %d octets, limit %d", path, ErrTooLarge, fi.Size(), limit)
	}
	if err != nil {
		h.Close()
		return nil, stamp{}, err
	}
	return h, stampOf(fi), nil
}

// readAll returns a small file. A file that does not exist is ok: absent.
func readAll(sys fileSystem, path string, limit int64) (text string, s stamp, err error) {
	err = retryStale(func() error {
		h, st, err := openRegular(sys, path, limit)
		if err != nil {
			return err
		}
		defer h.Close()
		text, err = readRange(h, 0, st.size)
		s = st
		return err
	})
	return text, s, err
}
