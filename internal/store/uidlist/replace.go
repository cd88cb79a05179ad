package uidlist

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

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
