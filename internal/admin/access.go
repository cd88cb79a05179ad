package admin

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// as calls f with a user's rights to files, which only root can; others keep their own.
// f must not start goroutines: the rights are of one thread, which ends with f.
func as(who *syscall.Credential, f func() error) error {
	if who == nil || os.Geteuid() != 0 {
		return f()
	}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good
		err := become(who)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// become gives this thread the rights of a user: setfsuid(2), by which it loses root's
// capabilities for files.
func become(who *syscall.Credential) error {
	groups := append([]uint32{who.Gid}, who.Groups...)
	if _, _, e := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0])), 0); e != 0 {
		return fmt.Errorf("take the groups of uid %d: %w", who.Uid, e)
	}
	unix.RawSyscall(unix.SYS_SETFSGID, uintptr(who.Gid), 0, 0)
	unix.RawSyscall(unix.SYS_SETFSUID, uintptr(who.Uid), 0, 0)
	// These calls do not say whether they worked; they return what was.
	none := ^uintptr(0)
	uid, _, _ := unix.RawSyscall(unix.SYS_SETFSUID, none, 0, 0)
	gid, _, _ := unix.RawSyscall(unix.SYS_SETFSGID, none, 0, 0)
	if uint32(uid) != who.Uid || uint32(gid) != who.Gid {
		return errors.New("take the rights of another user")
	}
	return nil
}

// canRead reports why a user cannot read a file, if he cannot.
func canRead(who *syscall.Credential, path string) error {
	return as(who, func() error {
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		return f.Close()
	})
}

// canChange reports why a user cannot list a directory and make files in it, if he cannot.
func canChange(who *syscall.Credential, path string) error {
	return as(who, func() error {
		if err := unix.Faccessat(unix.AT_FDCWD, path, unix.R_OK|unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
			return &os.PathError{Op: "use", Path: path, Err: err}
		}
		return nil
	})
}
