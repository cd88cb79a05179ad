package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// sys makes every system call that changes something on disk. The hook is called
// before each with its name, the file's, and for a write the number of octets;
// an error from the hook takes the place of the call, after a write of as many
// octets as the hook says. Tests use it to fail or to end the process at any
// step. It is nil otherwise.
type sys struct {
	hook func(step, file string, n int) (int, error)
}

func (s *sys) before(step, path string) error {
	if s.hook == nil {
		return nil
	}
	_, err := s.hook(step, filepath.Base(path), 0)
	return err
}

// create makes a new file beside path, to be put in its place by rename. One that
// a crash may have left there goes. The file's name is path, for messages.
func (s *sys) create(path string) (*os.File, error) {
	if err := s.before("create", path); err != nil {
		return nil, err
	}
	tmp := path + tmpSuffix
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for {
		fd, err := unix.Open(tmp, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		if err == nil {
			return os.NewFile(uintptr(fd), path), nil
		}
		if err != unix.EINTR {
			return nil, &fs.PathError{Op: "create", Path: tmp, Err: err}
		}
	}
}

func (s *sys) writeAt(f *os.File, b []byte, off int64) error {
	if s.hook != nil {
		if n, err := s.hook("write", filepath.Base(f.Name()), len(b)); err != nil {
			_, werr := f.WriteAt(b[:n], off)
			return errors.Join(err, werr)
		}
	}
	_, err := f.WriteAt(b, off)
	return err
}

func (s *sys) sync(f *os.File) error {
	if err := s.before("fsync", f.Name()); err != nil {
		return err
	}
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err == nil {
			return nil
		}
		if err != unix.EINTR {
			return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		}
	}
}

func (s *sys) close(f *os.File) error {
	if err := s.before("close", f.Name()); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// place puts what create made in its place.
func (s *sys) place(path string) error {
	if err := s.before("rename", path); err != nil {
		return err
	}
	return os.Rename(path+tmpSuffix, path)
}

func (s *sys) truncate(f *os.File, size int64) error {
	if err := s.before("truncate", f.Name()); err != nil {
		return err
	}
	return f.Truncate(size)
}

// syncDir makes renames in a directory durable.
func (s *sys) syncDir(dir string) error {
	if err := s.before("syncdir", dir); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// openOld opens a file that may be anything: links are not followed, a FIFO is
// not waited for, and only a regular file is taken.
func openOld(path string, flag int) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, st, nil
}
