package uidlist

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var syncErr error
	err = conn.Control(func(fd uintptr) {
		for {
			if syncErr = unix.Fdatasync(int(fd)); syncErr != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("fdatasync", syncErr)
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

// owner is who a new file belongs to and what they may do with it.
type owner struct {
	uid, gid int
	mode     fs.FileMode
}

// ownerFor decides for a file that replaces path: as the file that is there, or
// as its directory, where a directory that a group may write (a shared mailbox)
// makes files that the group may write. Everything else is 0600.
func ownerFor(sys fileSystem, path string) (owner, error) {
	fi, err := sys.lstat(path)
	fresh := errors.Is(err, fs.ErrNotExist)
	if fresh {
		fi, err = sys.lstat(filepath.Dir(path))
	}
	if err != nil {
		return owner{}, err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		panic("uidlist: file information without stat")
	}
	mode := fi.Mode().Perm() & 0o666
	if fresh {
		mode = 0o600
		if fi.Mode()&0o020 != 0 {
			mode = 0o660
		}
	}
	return owner{int(st.Uid), int(st.Gid), mode | 0o600}, nil
}

// give makes the open file belong to o as far as this process may. A group that
// cannot be given takes its permissions with it: they would be another group's.
func (o owner) give(h handle) error {
	fi, err := h.Stat()
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		panic("uidlist: file information without stat")
	}
	mode := o.mode
	if int(st.Gid) != o.gid || int(st.Uid) != o.uid {
		uid := -1
		if os.Geteuid() == 0 {
			uid = o.uid
		}
		if err := h.Chown(uid, o.gid); errors.Is(err, fs.ErrPermission) {
			mode &^= 0o070
		} else if err != nil {
			return err
		}
	}
	if fi.Mode().Perm() == mode {
		return nil
	}
	return h.Chmod(mode)
}

// replacement is a file about to take another's place.
type replacement struct {
	path, temp string
	data       string
	after      int64 // the new mtime must be in a later second than this one, if not 0
}

// replace makes path hold the data, whole or not at all: temporary file in the
// same directory, fdatasync, rename, fsync of the directory. The caller holds
// the lock that makes the temporary name its own.
func replace(sys fileSystem, r replacement) (stamp, error) {
	s, err := writeTemp(sys, r)
	if err != nil {
		return stamp{}, errors.Join(err, removeIfThere(sys, r.temp))
	}
	if err := sys.rename(r.temp, r.path); err != nil {
		return stamp{}, errors.Join(err, removeIfThere(sys, r.temp))
	}
	if err := sys.syncDir(filepath.Dir(r.path)); err != nil {
		return stamp{}, fmt.Errorf("sync directory of %s: %w", r.path, err)
	}
	return s, nil
}

// writeTemp writes the temporary file of r. What lies under its name is left
// over from a crash.
func writeTemp(sys fileSystem, r replacement) (s stamp, err error) {
	who, err := ownerFor(sys, r.path)
	if err != nil {
		return stamp{}, err
	}
	if err := removeIfThere(sys, r.temp); err != nil {
		return stamp{}, err
	}
	h, err := sys.open(r.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return stamp{}, err
	}
	defer func() {
		if cerr := h.Close(); cerr != nil && err == nil {
			err = cerr
		}
	}()
	if err := who.give(h); err != nil {
		return stamp{}, err
	}
	if _, err := h.WriteString(r.data); err != nil {
		return stamp{}, err
	}
	if err := r.growTime(sys, h); err != nil {
		return stamp{}, err
	}
	if err := h.datasync(); err != nil {
		return stamp{}, err
	}
	fi, err := h.Stat()
	if err != nil {
		return stamp{}, err
	}
	return stampOf(fi), nil
}

// growTime moves the mtime into a second after r.after.
func (r replacement) growTime(sys fileSystem, h handle) error {
	if r.after == 0 {
		return nil
	}
	fi, err := h.Stat()
	if err != nil {
		return err
	}
	if fi.ModTime().Unix() > r.after {
		return nil
	}
	return sys.chtimes(r.temp, time.Unix(r.after+1, 0))
}

func removeIfThere(sys fileSystem, path string) error {
	if err := sys.remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
