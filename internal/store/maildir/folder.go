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
// it is done relative to the descriptor. It is safe for many goroutines; a
// descriptor that reopen replaces is closed once nobody uses it.
type folder struct {
	name string // tmp, new or cur
	path string
	file atomic.Pointer[os.File] // or nil
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

// held returns the open folder.
func (f *folder) held() (*os.File, error) {
	if file := f.file.Load(); file != nil {
		return file, nil
	}
	file, err := openFolder(f.path)
	if errors.Is(err, fs.ErrNotExist) && f.mend() {
		file, err = openFolder(f.path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %v", ErrVanished, err)
	}
	if err != nil {
		return nil, err
	}
	if !f.file.CompareAndSwap(nil, file) {
		return f.file.Load(), file.Close()
	}
	return file, nil
}

// mend makes tmp or new where it is missing in what is a Maildir otherwise.
func (f *folder) mend() bool {
	maildir := filepath.Dir(f.path)
	return f.name != "cur" && isMaildir(maildir) && os.Mkdir(f.path, 0o700) == nil
}

func (f *folder) close() error {
	if file := f.file.Load(); file != nil {
		return file.Close()
	}
	return nil
}

// with calls op with the descriptor. It does so again with a new one while the
// file server says ESTALE, or if op found nothing because the directory has been
// removed; ErrVanished if none has its path now.
func (f *folder) with(op func(fd int) error) error {
	for try := 0; ; try++ {
		file, err := f.held()
		if err != nil {
			return err
		}
		conn, err := file.SyscallConn()
		if err != nil {
			return err
		}
		var opErr error
		replaced := false
		err = conn.Control(func(fd uintptr) {
			opErr = op(int(fd))
			replaced = opErr == unix.ESTALE || opErr == unix.ENOENT && removed(int(fd))
		})
		switch {
		case err != nil && f.file.Load() != file: // replaced and closed under us
			continue
		case err != nil:
			return fmt.Errorf("use %s: %w", f.path, err)
		case !replaced || try == maxStale:
			return opErr
		}
		if err := f.reopen(file); err != nil {
			return fmt.Errorf("%w: %v", ErrVanished, err)
		}
	}
}

// removed reports whether an open directory has lost its last name.
func removed(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Nlink == 0
}

// reopen replaces the descriptor old by one of the directory that has the path
// now. It does nothing if somebody else was faster.
func (f *folder) reopen(old *os.File) error {
	file, err := openFolder(f.path)
	if err != nil {
		return err
	}
	if !f.file.CompareAndSwap(old, file) {
		return file.Close()
	}
	return old.Close()
}

// adopt makes sure that the descriptor is of the directory that a scan has just
// seen under the path, and replaces it otherwise.
func (f *folder) adopt(seen Stamp) error {
	file := f.file.Load()
	if file == nil {
		return nil
	}
	var held Stamp
	err := f.with(func(fd int) (err error) {
		held, err = statFD(fd)
		return err
	})
	if err != nil || held.Dev == seen.Dev && held.Ino == seen.Ino {
		return err
	}
	return f.reopen(file)
}
