package packed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// inMemory is how large a message may be that lies in memory, in octets. The
// memory is the session's, though no heap.
const inMemory = 4 << 20

// spill is the anonymous file that a message is unpacked into: in memory first,
// on disk once it is large.
type spill struct {
	dir    string
	budget int64
	file   *os.File
	onDisk bool
	size   int64
	err    error // the first failure, ErrTooLarge included: it is not the stream's
}

// newSpill begins a message of about expect octets, 0 if that is not known.
func newSpill(dir string, budget, expect int64) *spill {
	s := &spill{dir: dir, budget: budget}
	if expect <= inMemory {
		fd, err := unix.MemfdCreate("mail", unix.MFD_CLOEXEC)
		if err == nil {
			s.file = os.NewFile(uintptr(fd), "mail")
			return s
		}
		// Not everywhere, and not in every sandbox: the disk will do.
	}
	s.file, s.err = Anonymous(dir)
	s.onDisk = true
	return s
}

func (s *spill) Write(p []byte) (int, error) {
	if s.err == nil && int64(len(p)) > s.budget-s.size {
		s.err = fmt.Errorf("%w: more than %d octets", ErrTooLarge, s.budget)
	}
	if s.err == nil && !s.onDisk && s.size+int64(len(p)) > inMemory {
		s.err = s.move()
	}
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	s.err = err
	return n, err
}

// move puts what is in memory on disk.
func (s *spill) move() error {
	disk, err := Anonymous(s.dir)
	if err != nil {
		return err
	}
	memory := s.file
	s.file, s.onDisk = disk, true
	if _, err := memory.Seek(0, 0); err != nil {
		return errors.Join(err, memory.Close())
	}
	_, err = disk.ReadFrom(memory)
	return errors.Join(err, memory.Close())
}

// discard gives the file up.
func (s *spill) discard() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// Anonymous makes a file without a name in dir; "" is the system's directory for
// temporary files. Where the file system has none, it has a name for a moment.
func Anonymous(dir string) (*os.File, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	for {
		fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
		switch err {
		case nil:
			return os.NewFile(uintptr(fd), dir), nil
		case unix.EINTR:
		case unix.EOPNOTSUPP, unix.EISDIR, unix.EINVAL: // Gluster, FUSE, NFS
			return unlinked(dir)
		default:
			return nil, &fs.PathError{Op: "create anonymous file", Path: dir, Err: err}
		}
	}
}

func unlinked(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "unpacked-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// setMTime sets the mtime of an open file that has no name.
func setMTime(f *os.File, mtime unix.Timespec) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	times := [2]unix.Timespec{{Nsec: unix.UTIME_OMIT}, mtime}
	var errno unix.Errno
	err = conn.Control(func(fd uintptr) {
		// Without a path the call is futimens(3), which x/sys does not have.
		_, _, errno = unix.Syscall6(unix.SYS_UTIMENSAT, fd, 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
	})
	if err == nil && errno != 0 {
		err = errno
	}
	if err != nil {
		return fmt.Errorf("set date of unpacked message: %w", err)
	}
	return nil
}
