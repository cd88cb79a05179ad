package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// MaxChanges is how many names a Tail remembers between two calls of Drain.
const MaxChanges = 32 << 10

// Change is the last that is known of one file name.
type Change struct {
	New   bool   // in new, not in cur
	File  string // without the directory
	There bool   // exists
}

// Tail collects the names that changed in new and cur of one Maildir.
type Tail struct {
	w    *Watcher
	path string

	mu     sync.Mutex // serializes Drain and Close; taken before w.mu
	closed bool
	sides  []side // new and cur, or nothing if it could not be started again

	// Watcher.mu guards the rest.
	changes []Change
	at      [2]map[string]int // index in changes by name, for cur and new
	doubts  map[int]*half     // names that must be looked up, by index in changes
	lost    bool              // until the next start
}

// side is one of a Tail's two directories.
type side struct {
	dir      *dir
	fd       int // open for the fence
	path     string
	dev, ino uint64
}

// half is the first event of a rename of which the second may not have been read.
type half struct {
	name   string
	cookie uint32
	doubt  bool // an exchange of names would look the same
}

// Tail starts to collect changes in new and cur of the Maildir at path. If at
// some moment after its return the content of both is known, that and what Drain
// returns is the content at a moment not before the call of Drain.
//
// The error is errors.ErrUnsupported where inotify does not tell everything: on
// file systems that other machines may change, and in directories that fold case.
// Other errors are of the kernel's limits (128 descriptors a user, some thousand
// watches, open files: a Tail has two) or of the directories.
func (w *Watcher) Tail(path string) (*Tail, error) {
	t := &Tail{w: w, path: path, lost: true}
	if err := t.start(); err != nil {
		return nil, err
	}
	return t, nil
}

// Drain returns what happened since the last call: for every name in new or cur
// that changed the last state, in the order in which the names were first
// mentioned. A rename is a name that is no longer there and one that is. Names
// that came and went in between are reported too. Names that begin with a dot and
// directories are not reported; events do not tell other kinds of files apart.
//
// Changes are exact if content known at any moment between the return of the last
// Drain (or of Tail) and now, with all changes since then applied, is the content
// at a moment not before the call. All that a look at the directories before
// the call could have shown is included. Otherwise there are no changes, and the
// next Drain is relative to the return of this one; with an error the Tail could
// not be started again, which the next Drain will try.
func (t *Tail) Drain() (changes []Change, exact bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, false, os.ErrClosed
	}
	if t.sides != nil {
		changes, exact = t.collect()
		if exact {
			return changes, true, nil
		}
	}
	return nil, false, errors.Join(t.stop(), t.start())
}

// Close ends the Tail. It may be called before or after the Watcher is closed.
func (t *Tail) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	return t.stop()
}

// start opens both directories, has them watched, and waits for what is under way
// in them. t.mu is held, except by Watcher.Tail.
func (t *Tail) start() error {
	for _, name := range [...]string{"new", "cur"} {
		if err := t.open(filepath.Join(t.path, name), name == "new"); err != nil {
			return errors.Join(fmt.Errorf("tail: %w", err), t.stop())
		}
	}
	if err := t.fence(); err != nil {
		return errors.Join(fmt.Errorf("tail: %w", err), t.stop())
	}
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	t.w.pump()
	t.reset()
	return nil
}

// open adds one side.
func (t *Tail) open(path string, isNew bool) error {
	fd, err := openDir(path)
	if err != nil {
		return err
	}
	t.sides = append(t.sides, side{fd: fd, path: path})
	s := &t.sides[len(t.sides)-1]
	if s.dev, s.ino, err = identity(fd, ""); err != nil {
		return err
	}
	if err := t.watch(s, isNew); err != nil {
		return err
	}
	// The watch was placed by path. If that leads to what was opened, it is that
	// which is watched.
	if !s.current() {
		return fmt.Errorf("watch %s: the directory was replaced meanwhile", path)
	}
	return nil
}

// openDir opens a directory so that fences leave its access time alone, if the
// kernel allows that.
func openDir(path string) (int, error) {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC
	for noatime := unix.O_NOATIME; ; {
		fd, err := unix.Open(path, flags|noatime, 0)
		switch {
		case err == unix.EINTR:
		case err == unix.EPERM && noatime != 0:
			noatime = 0 // another's directory
		case err != nil:
			return -1, &os.PathError{Op: "open", Path: path, Err: err}
		default:
			return fd, nil
		}
	}
}

// watch has the kernel watch a side.
func (t *Tail) watch(s *side, isNew bool) error {
	whole, err := t.w.local(s.path)
	if err != nil {
		return err
	}
	if !whole || folds(s.fd) {
		return fmt.Errorf("watch %s: events do not tell everything: %w", s.path, errors.ErrUnsupported)
	}
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	if t.w.closed {
		return os.ErrClosed
	}
	if err := t.w.start(); err != nil {
		return err
	}
	d, err := t.w.addDir(s.path, subEvents)
	if err != nil {
		return err
	}
	if _, ok := d.tails[t]; ok {
		return fmt.Errorf("watch %s: new and cur are one directory", s.path)
	}
	d.tails[t] = isNew
	s.dir = d
	return nil
}

// stop undoes start.
func (t *Tail) stop() error {
	sides := t.sides
	t.sides = nil
	var errs []error
	t.w.mu.Lock()
	for _, s := range sides {
		if s.dir != nil {
			t.w.unfollow(s.dir, t)
			errs = append(errs, t.w.dropDir(s.dir))
		}
	}
	t.w.mu.Unlock()
	for _, s := range sides {
		if err := unix.Close(s.fd); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", s.path, err))
		}
	}
	return errors.Join(errs...)
}

// identity tells one directory from another: that at path, or if path is empty the
// open one.
func identity(fd int, path string) (dev, ino uint64, err error) {
	var st unix.Statx_t
	for {
		err := unix.Statx(fd, path, unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_INO, &st)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, 0, &os.PathError{Op: "statx", Path: path, Err: err}
		}
		return unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino, nil
	}
}

// current reports whether the side is still what its path leads to.
func (s *side) current() bool {
	dev, ino, err := identity(unix.AT_FDCWD, s.path)
	return err == nil && dev == s.dev && ino == s.ino
}

// fence returns when all that had changed the directory has queued its events;
// see the package comment.
func (s *side) fence() error {
	var none [1]byte // its address is checked, nothing is written
	for {
		_, _, err := unix.Syscall(unix.SYS_GETDENTS64, uintptr(s.fd), uintptr(unsafe.Pointer(&none)), 0)
		switch err {
		case 0, unix.EINVAL: // at the end; no room for an entry
			return nil
		case unix.EINTR:
			continue
		}
		return &os.PathError{Op: "getdents", Path: s.path, Err: err} // ENOENT: removed
	}
}

func (t *Tail) fence() error {
	for i := range t.sides {
		if err := t.sides[i].fence(); err != nil {
			return err
		}
	}
	return nil
}
