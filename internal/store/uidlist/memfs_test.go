package uidlist

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

var errDead = errors.New("the process is dead")

// memFS is a directory that remembers what would survive a power cut: of a
// file's content what was synced, of the names those that a sync of the
// directory saw. before is called with the name of every step that changes
// something; it may fail the step, or let only so many octets be written.
type memFS struct {
	names, durable map[string]*memInode
	nextIno        uint64
	clock          int64 // ns, grows with every change
	before         func(step string, n int) (written int, err error)
	trace          []string
}

type memInode struct {
	ino           uint64
	data, durable string
	mtime, ctime  int64
	mode          fs.FileMode
}

func newMemFS() *memFS {
	return &memFS{names: map[string]*memInode{}, durable: map[string]*memInode{}, nextIno: 1, clock: 1e18}
}

func (m *memFS) step(name string) error {
	m.trace = append(m.trace, name)
	m.clock += 1e6
	if m.before == nil {
		return nil
	}
	_, err := m.before(name, 0)
	return err
}

// powerCut leaves what is durable. keepNames and keepData say which of the rest
// had by chance come to the disk too.
func (m *memFS) powerCut(keepNames, keepData bool) {
	if !keepNames {
		m.names = maps.Clone(m.durable)
	}
	for _, i := range m.names {
		if !keepData {
			i.data = i.durable
		}
		i.durable = i.data
	}
	m.durable = maps.Clone(m.names)
	m.before = nil
}

type memInfo struct {
	name string
	i    memInode
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return int64(len(i.i.data)) }
func (i memInfo) Mode() fs.FileMode  { return i.i.mode }
func (i memInfo) ModTime() time.Time { return time.Unix(0, i.i.mtime) }
func (i memInfo) IsDir() bool        { return i.i.mode.IsDir() }
func (i memInfo) Sys() any {
	return &syscall.Stat_t{Ino: i.i.ino, Size: int64(len(i.i.data)), Uid: uint32(os.Geteuid()), Gid: uint32(os.Getegid()),
		Mtim: syscall.NsecToTimespec(i.i.mtime), Ctim: syscall.NsecToTimespec(i.i.ctime)}
}

func notThere(op, path string) error { return &fs.PathError{Op: op, Path: path, Err: fs.ErrNotExist} }

func (m *memFS) lstat(path string) (fs.FileInfo, error) {
	if path == "." || path == "mem" {
		return memInfo{path, memInode{mode: fs.ModeDir | 0o700}}, nil
	}
	i, ok := m.names[path]
	if !ok {
		return nil, notThere("lstat", path)
	}
	return memInfo{filepath.Base(path), *i}, nil
}

func (m *memFS) open(path string, flag int, perm fs.FileMode) (handle, error) {
	i, ok := m.names[path]
	switch {
	case !ok && flag&os.O_CREATE == 0:
		return nil, notThere("open", path)
	case ok && flag&os.O_EXCL != 0:
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrExist}
	case !ok:
		if err := m.step("create " + filepath.Base(path)); err != nil {
			return nil, err
		}
		i = &memInode{ino: m.nextIno, mode: perm, mtime: m.clock, ctime: m.clock}
		m.nextIno++
		m.names[path] = i
	}
	return &memHandle{m: m, i: i, name: filepath.Base(path), append: flag&os.O_APPEND != 0}, nil
}

func (m *memFS) rename(from, to string) error {
	if _, ok := m.names[from]; !ok {
		return notThere("rename", from)
	}
	if err := m.step("rename " + filepath.Base(from) + " " + filepath.Base(to)); err != nil {
		return err
	}
	i := m.names[from]
	i.ctime = m.clock
	delete(m.names, from)
	m.names[to] = i
	return nil
}

func (m *memFS) renameNoReplace(from, to string) error {
	if _, ok := m.names[to]; ok {
		return &os.LinkError{Op: "renameat2", Old: from, New: to, Err: fs.ErrExist}
	}
	return m.rename(from, to)
}

func (m *memFS) link(from, to string) error {
	i, ok := m.names[from]
	if !ok {
		return notThere("link", from)
	}
	if _, ok := m.names[to]; ok {
		return &os.LinkError{Op: "link", Old: from, New: to, Err: fs.ErrExist}
	}
	if err := m.step("link " + filepath.Base(to)); err != nil {
		return err
	}
	i.ctime = m.clock
	m.names[to] = i
	return nil
}

func (m *memFS) remove(path string) error {
	if _, ok := m.names[path]; !ok {
		return notThere("remove", path)
	}
	if err := m.step("remove " + filepath.Base(path)); err != nil {
		return err
	}
	delete(m.names, path)
	return nil
}

func (m *memFS) chtimes(path string, mtime time.Time) error {
	i, ok := m.names[path]
	if !ok {
		return notThere("chtimes", path)
	}
	if err := m.step("chtimes " + filepath.Base(path)); err != nil {
		return err
	}
	i.mtime, i.ctime = mtime.UnixNano(), m.clock
	return nil
}

func (m *memFS) readDir(path string) ([]string, error) {
	var names []string
	for n := range m.names {
		names = append(names, strings.TrimPrefix(n, path+"/"))
	}
	return names, nil
}

func (m *memFS) syncDir(string) error {
	if err := m.step("sync directory"); err != nil {
		return err
	}
	m.durable = maps.Clone(m.names)
	return nil
}

type memHandle struct {
	m      *memFS
	i      *memInode
	name   string
	append bool
	off    int
}

func (h *memHandle) ReadAt(p []byte, off int64) (int, error) {
	if off > int64(len(h.i.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.i.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *memHandle) WriteString(p string) (int, error) {
	n := len(p)
	h.m.trace = append(h.m.trace, "write "+h.name)
	h.m.clock += 1e6
	var err error
	if h.m.before != nil {
		if n, err = h.m.before("write "+h.name, len(p)); err == nil {
			n = len(p)
		}
	}
	if h.append {
		h.off = len(h.i.data)
	}
	if n > 0 {
		rest := ""
		if h.off+n < len(h.i.data) {
			rest = h.i.data[h.off+n:]
		}
		h.i.data = h.i.data[:h.off] + p[:n] + rest
		h.off += n
		h.i.mtime, h.i.ctime = h.m.clock, h.m.clock
	}
	return n, err
}

func (h *memHandle) Close() error                 { return nil }
func (h *memHandle) Stat() (fs.FileInfo, error)   { return memInfo{h.name, *h.i}, nil }
func (h *memHandle) Chmod(mode fs.FileMode) error { h.i.mode = mode; return nil }
func (h *memHandle) Chown(int, int) error         { return unix.EPERM }

func (h *memHandle) tryFlock() (bool, error) { return true, h.m.step("flock " + h.name) }

func (h *memHandle) datasync() error {
	if err := h.m.step("datasync " + h.name); err != nil {
		return err
	}
	h.i.durable = h.i.data
	return nil
}
