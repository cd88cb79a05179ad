package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// folder is one of tmp, new and cur, held open from its first use on: everything in
// it is done relative to the descriptor. It is safe for many goroutines.
type folder struct {
	name string // tmp, new or cur
	path string
	open atomic.Pointer[openDir] // or nil

	syncs together
}

// openDir is a directory that is held open. What reopen replaces is closed once
// nobody uses it.
type openDir struct {
	file  *os.File
	fd    int
	users atomic.Int64 // and one for the folder that holds it; 0: it is closed
}

// hold makes d stay open until release, unless it is closed.
func (d *openDir) hold() bool {
	for {
		n := d.users.Load()
		if n == 0 || d.users.CompareAndSwap(n, n+1) {
			return n > 0
		}
	}
}

func (d *openDir) release() error {
	if d.users.Add(-1) > 0 {
		return nil
	}
	return d.file.Close()
}

// maxStale is how often a folder is reopened because the file server has
// forgotten its handle.
const maxStale = 10

func openFolder(path string) (*os.File, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
		return os.NewFile(uintptr(fd), path), nil
	}
}

// use returns the open folder, for the caller to release.
func (f *folder) use() (*openDir, error) {
	for {
		d := f.open.Load()
		if d == nil {
			file, err := f.openMended()
			if errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("%w: %v", ErrVanished, err)
			}
			if err != nil {
				return nil, err
			}
			if err := f.replace(nil, file); err != nil {
				return nil, err
			}
			continue
		}
		if d.hold() {
			return d, nil
		}
		if f.open.Load() == d {
			return nil, fmt.Errorf("use %s: %w", f.path, os.ErrClosed)
		}
	}
}

// replace puts a directory that was just opened in the place of another, or of
// nil. It does nothing if somebody else was faster.
func (f *folder) replace(old *openDir, file *os.File) error {
	d := &openDir{file: file, fd: int(file.Fd())}
	d.users.Store(1)
	if !f.open.CompareAndSwap(old, d) {
		return d.release()
	}
	if old == nil {
		return nil
	}
	return old.release()
}

// openMended opens the directory, which is made if it is missing and that is in order.
func (f *folder) openMended() (*os.File, error) {
	file, err := openFolder(f.path)
	if errors.Is(err, fs.ErrNotExist) && f.mend() {
		file, err = openFolder(f.path)
	}
	return file, err
}

// mend makes tmp or new where it is missing in what is a Maildir otherwise.
func (f *folder) mend() bool {
	maildir := filepath.Dir(f.path)
	return f.name != "cur" && isMaildir(maildir) && os.Mkdir(f.path, 0o700) == nil
}

func (f *folder) close() error {
	if d := f.open.Load(); d != nil {
		return d.release()
	}
	return nil
}

// with calls op with the descriptor. It does so again with a new one while the
// file server says ESTALE, or if op found nothing because the directory has been
// removed; ErrVanished if none has its path now.
func (f *folder) with(op func(fd int) error) error {
	for try := 0; ; try++ {
		d, err := f.use()
		if err != nil {
			return err
		}
		opErr := op(d.fd)
		replaced := opErr == unix.ESTALE || opErr == unix.ENOENT && removed(d.fd)
		if err := d.release(); err != nil {
			return err
		}
		if !replaced || try == maxStale {
			return opErr
		}
		if err := f.reopen(d); err != nil {
			return fmt.Errorf("%w: %v", ErrVanished, err)
		}
	}
}

// removed reports whether an open directory has lost its last name.
func removed(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Nlink == 0
}

// reopen replaces old by the directory that has the path now.
func (f *folder) reopen(old *openDir) error {
	file, err := f.openMended()
	if err != nil {
		return err
	}
	return f.replace(old, file)
}

// adopt makes sure that the descriptor is of the directory that a scan has just
// seen under the path, and replaces it otherwise.
func (f *folder) adopt(seen Stamp) error {
	d := f.open.Load()
	if d == nil || !d.hold() {
		return nil
	}
	held, err := statFD(d.fd)
	if err == nil && (held.Dev != seen.Dev || held.Ino != seen.Ino) {
		err = f.reopen(d)
	}
	return errors.Join(err, d.release())
}
