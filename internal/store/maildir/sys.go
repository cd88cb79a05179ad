package maildir

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// sys does every system call that changes a Maildir. The hook is called before
// each one with its name and the files it is about, and before a folder is
// scanned; an error from the hook is returned in place of the call's. Tests use
// it to look at the order of the steps, to let any of them fail, and to stop or
// to do something else between any two. It is nil otherwise.
type sys struct {
	hook func(step, file string) error
}

func (s *sys) before(step, file string) error {
	if s.hook == nil {
		return nil
	}
	return s.hook(step, file)
}

// beforeIn is before for a file in a folder, and for what it becomes, if to is not nil.
// It makes no text that nobody reads.
func (s *sys) beforeIn(step string, f *folder, file string, to *folder, name string) error {
	if s.hook == nil {
		return nil
	}
	about := f.name + "/" + file
	if to != nil {
		about += " " + to.name + "/" + name
	}
	return s.hook(step, about)
}

// fail wraps an errno so that errors.Is knows fs.ErrNotExist and its like.
func fail(step string, f *folder, file string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: step, Path: f.path + "/" + file, Err: err}
}

// again repeats a call that a signal interrupted.
func again(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// create makes a new file for writing; never one that exists.
func (s *sys) create(f *folder, file string) (*os.File, error) {
	if err := s.beforeIn("create", f, file, nil, ""); err != nil {
		return nil, err
	}
	var fd int
	err := f.with(func(dir int) error {
		return again(func() (err error) {
			fd, err = unix.Openat(dir, file, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
			return err
		})
	})
	if err != nil {
		return nil, fail("create", f, file, err)
	}
	return os.NewFile(uintptr(fd), f.path+"/"+file), nil
}

// sync makes the content of a file durable. A second fsync after a failed one
// may report success for data that is lost: the error is final.
func (s *sys) sync(file *os.File) error {
	if err := s.before("fsync", file.Name()); err != nil {
		return err
	}
	return file.Sync()
}

// close finds the write errors that a file server reports only then.
func (s *sys) close(file *os.File) error {
	if err := s.before("close", file.Name()); err != nil {
		return errors.Join(err, file.Close())
	}
	return file.Close()
}

// syncDir makes the names in a folder durable. Those who call it at the same time have
// the fsync in common.
func (s *sys) syncDir(f *folder) error {
	return f.syncs.do(func() error {
		if err := s.before("fsync dir", f.name); err != nil {
			return err
		}
		return fail("fsync", f, "", f.with(syncFolder))
	})
}

// syncFolder makes the names in an open directory durable. XFS says that it has done so
// when it has just given up the names, with all else that was not written, because its
// log could not be (seen with Linux 6.18); but then nobody can look at the directory.
func syncFolder(fd int) error {
	if err := again(func() error { return unix.Fsync(fd) }); err != nil {
		return err
	}
	var st unix.Stat_t
	return again(func() error { return unix.Fstat(fd, &st) })
}

// setTime sets the file's mtime, which is its INTERNALDATE.
func (s *sys) setTime(f *folder, file string, t time.Time) error {
	if err := s.beforeIn("utimes", f, file, nil, ""); err != nil {
		return err
	}
	ts, err := unix.TimeToTimespec(t)
	if err != nil {
		return fail("utimes", f, file, err)
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, ts}
	err = f.with(func(fd int) error {
		return again(func() error { return unix.UtimesNanoAt(fd, file, times, unix.AT_SYMLINK_NOFOLLOW) })
	})
	return fail("utimes", f, file, err)
}

// unlink removes a name.
func (s *sys) unlink(f *folder, file string) error {
	if err := s.beforeIn("unlink", f, file, nil, ""); err != nil {
		return err
	}
	err := f.with(func(fd int) error { return again(func() error { return unix.Unlinkat(fd, file, 0) }) })
	return fail("unlink", f, file, err)
}

// link gives a file a second name; fs.ErrExist if that is taken.
func (s *sys) link(f *folder, file string, to *folder, name string) error {
	if err := s.beforeIn("link", f, file, to, name); err != nil {
		return err
	}
	err := f.with(func(from int) error {
		return to.with(func(dst int) error {
			return again(func() error { return unix.Linkat(from, file, dst, name, 0) })
		})
	})
	return fail("link", f, file, err)
}

// rename changes a name and never replaces a file: fs.ErrExist then. If the
// source is gone that is said first: fs.ErrNotExist. noReplaceRefused(err) if
// the file system cannot promise it.
func (s *sys) rename(f *folder, file string, to *folder, name string) error {
	return s.renameat(f, file, to, name, unix.RENAME_NOREPLACE)
}

// renamePlain is rename where nothing better is to be had: it replaces.
func (s *sys) renamePlain(f *folder, file string, to *folder, name string) error {
	return s.renameat(f, file, to, name, 0)
}

func (s *sys) renameat(f *folder, file string, to *folder, name string, flags uint) error {
	if err := s.beforeIn("rename", f, file, to, name); err != nil {
		return err
	}
	err := f.with(func(from int) error {
		return to.with(func(dst int) error {
			return again(func() error { return unix.Renameat2(from, file, dst, name, flags) })
		})
	})
	return fail("rename", f, file, err)
}

// noReplaceRefused reports that the file system (NFS, FUSE, GlusterFS) or the
// kernel knows no RENAME_NOREPLACE.
func noReplaceRefused(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP)
}

// stat looks at a file without following links.
func stat(f *folder, file string) (*unix.Stat_t, error) {
	var st unix.Stat_t
	err := f.with(func(fd int) error {
		return again(func() error { return unix.Fstatat(fd, file, &st, unix.AT_SYMLINK_NOFOLLOW) })
	})
	if err != nil {
		return nil, fail("stat", f, file, err)
	}
	return &st, nil
}

func regular(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFREG }
