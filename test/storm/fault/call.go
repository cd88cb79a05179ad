package fault

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Call is one system call that would write to the tree.
type Call struct {
	Name   string // "renameat2"
	Path   string // of the file, relative to the tree
	Octets int    // that a write would write
}

func (c Call) String() string {
	if c.Octets > 0 {
		return fmt.Sprintf("%s %s (%d octets)", c.Name, c.Path, c.Octets)
	}
	return c.Name + " " + c.Path
}

// form says where a call has what.
type form struct {
	name string
	nr   uintptr
	at   int // argument that is a directory, followed by a path; or -1
	fd   int // argument that is a file; or -1
	data bool
	open bool // the argument after the path has flags
}

// calls are the system calls that write, as Go makes them.
var calls = []form{
	{name: "openat", nr: unix.SYS_OPENAT, at: 0, fd: -1, open: true},
	{name: "mkdirat", nr: unix.SYS_MKDIRAT, at: 0, fd: -1},
	{name: "unlinkat", nr: unix.SYS_UNLINKAT, at: 0, fd: -1},
	{name: "renameat", nr: unix.SYS_RENAMEAT, at: 2, fd: -1},
	{name: "renameat2", nr: unix.SYS_RENAMEAT2, at: 2, fd: -1},
	{name: "linkat", nr: unix.SYS_LINKAT, at: 2, fd: -1},
	{name: "symlinkat", nr: unix.SYS_SYMLINKAT, at: 1, fd: -1},
	{name: "utimensat", nr: unix.SYS_UTIMENSAT, at: 0, fd: -1},
	{name: "fchmodat", nr: unix.SYS_FCHMODAT, at: 0, fd: -1},
	{name: "fchmod", nr: unix.SYS_FCHMOD, at: -1, fd: 0},
	{name: "write", nr: unix.SYS_WRITE, at: -1, fd: 0, data: true},
	{name: "pwrite64", nr: unix.SYS_PWRITE64, at: -1, fd: 0, data: true},
	{name: "writev", nr: unix.SYS_WRITEV, at: -1, fd: 0},
	{name: "pwritev", nr: unix.SYS_PWRITEV, at: -1, fd: 0},
	{name: "copy_file_range", nr: unix.SYS_COPY_FILE_RANGE, at: -1, fd: 2},
	{name: "sendfile", nr: unix.SYS_SENDFILE, at: -1, fd: 0},
	{name: "fallocate", nr: unix.SYS_FALLOCATE, at: -1, fd: 0},
	{name: "ftruncate", nr: unix.SYS_FTRUNCATE, at: -1, fd: 0},
	{name: "fsync", nr: unix.SYS_FSYNC, at: -1, fd: 0},
	{name: "fdatasync", nr: unix.SYS_FDATASYNC, at: -1, fd: 0},
}

// notification is struct seccomp_notif.
type notification struct {
	id    uint64
	pid   uint32 // the thread
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

// look makes out what a waiting call is, and whether it concerns the tree.
func (n *notification) look(tree string) (c Call, f form, ok bool, err error) {
	for _, f = range calls {
		if f.nr == uintptr(n.nr) {
			break
		}
	}
	c.Name = f.name
	var path string
	if f.at >= 0 {
		path, err = n.path(f)
		if f.open && n.args[f.at+2]&(unix.O_CREAT|unix.O_TRUNC) == 0 {
			return c, f, false, err
		}
	} else {
		path, err = os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", n.pid, n.args[f.fd]))
	}
	if err != nil {
		return c, f, false, err
	}
	rel, err := filepath.Rel(tree, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return c, f, false, nil // a pipe, or a file elsewhere
	}
	c.Path = rel
	if f.data {
		c.Octets = int(n.args[2])
	}
	return c, f, true, nil
}

// path returns the path that a call names.
func (n *notification) path(f form) (string, error) {
	name, err := n.text(n.args[f.at+1])
	if err != nil || filepath.IsAbs(name) {
		return name, err
	}
	dir := fmt.Sprintf("/proc/%d/fd/%d", n.pid, int32(n.args[f.at]))
	if int32(n.args[f.at]) == unix.AT_FDCWD {
		dir = fmt.Sprintf("/proc/%d/cwd", n.pid)
	}
	at, err := os.Readlink(dir)
	return filepath.Join(at, name), err
}

// text reads a string in the process; memory reads octets.
func (n *notification) text(at uint64) (string, error) {
	var b [unix.PathMax]byte
	got, err := n.memory(b[:], at)
	if end := bytes.IndexByte(b[:got], 0); end >= 0 {
		return string(b[:end]), nil
	}
	return "", fmt.Errorf("read a path in process %d: %w", n.pid, err)
}

func (n *notification) memory(b []byte, at uint64) (int, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/mem", n.pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.ReadAt(b, int64(at))
}
