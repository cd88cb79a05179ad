// Package watch tells when something in a Maildir may have changed, so that an
// idle session needs no polling.
//
// One inotify descriptor serves the process, whatever number of mailboxes and
// sessions watch (the kernel allows 128 descriptors a user). Each watched Maildir
// has its new and cur directories and the Maildir itself, where the UID list and
// the keywords live, watched once and counted by reference. What happened is not
// said: a receiver looks at the mailbox, and many events become one.
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

// events are those that mean a change of the mailbox: deliveries, flag renames,
// expunges. In the Maildir itself only the renames that put a new UID list or new
// keywords in place are of interest.
const (
	events     = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_ONLYDIR
	selfEvents = unix.IN_MOVED_TO | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR
)

// Watcher owns the inotify descriptor and the goroutine that reads it. It opens
// the descriptor with the first watch, so that a process that never idles has
// none.
type Watcher struct {
	mu     sync.Mutex // guards all below
	file   *os.File   // nil before the first Add
	fd     int        // of file; its Fd method would make reads block a thread
	byWD   map[int32]*dir
	closed bool
}

// dir is one directory under watch.
type dir struct {
	wd      int32
	path    string
	watches map[*Watch]bool
}

// Watch is one receiver's interest in one Maildir.
type Watch struct {
	C    <-chan struct{} // has room for one: a change that nobody has received yet
	c    chan struct{}
	w    *Watcher
	dirs []*dir
}

// New returns a Watcher.
func New() *Watcher {
	return &Watcher{byWD: make(map[int32]*dir)}
}

// Add watches the Maildir at path until the Watch is closed.
func (w *Watcher) Add(path string) (*Watch, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, os.ErrClosed
	}
	if err := w.start(); err != nil {
		return nil, err
	}
	c := make(chan struct{}, 1)
	t := &Watch{C: c, c: c, w: w}
	for _, d := range []struct {
		path   string
		events uint32
	}{{path, selfEvents}, {filepath.Join(path, "new"), events}, {filepath.Join(path, "cur"), events}} {
		if err := w.addDir(t, d.path, d.events); err != nil {
			return nil, errors.Join(err, w.drop(t))
		}
	}
	return t, nil
}

// start opens the descriptor if there is none; w.mu is held.
func (w *Watcher) start() error {
	if w.file != nil {
		return nil
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("open inotify: %w", err)
	}
	w.file, w.fd = os.NewFile(uintptr(fd), "inotify"), fd
	go w.read(w.file)
	return nil
}

func (w *Watcher) addDir(t *Watch, path string, events uint32) error {
	wd, err := unix.InotifyAddWatch(w.fd, path, events)
	if err != nil {
		return fmt.Errorf("watch %s: %w", path, err)
	}
	d := w.byWD[int32(wd)]
	if d == nil {
		d = &dir{wd: int32(wd), path: path, watches: make(map[*Watch]bool)}
		w.byWD[d.wd] = d
	}
	d.watches[t] = true
	t.dirs = append(t.dirs, d)
	return nil
}

// Close ends the watch. It may be called once.
func (t *Watch) Close() error {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	return t.w.drop(t)
}

// drop removes t from its directories, and watches from the kernel that nobody
// else needs; w.mu is held.
func (w *Watcher) drop(t *Watch) error {
	var errs []error
	for _, d := range t.dirs {
		delete(d.watches, t)
		if len(d.watches) > 0 || w.byWD[d.wd] != d {
			continue
		}
		delete(w.byWD, d.wd)
		if w.closed {
			continue
		}
		// EINVAL: the kernel dropped the watch itself, as the directory is gone.
		_, err := unix.InotifyRmWatch(w.fd, uint32(d.wd))
		if err != nil && !errors.Is(err, unix.EINVAL) {
			errs = append(errs, fmt.Errorf("end watch of %s: %w", d.path, err))
		}
	}
	t.dirs = nil
	return errors.Join(errs...)
}

// Close ends all watches and the goroutine.
func (w *Watcher) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	if w.file == nil {
		return nil
	}
	return w.file.Close()
}

// read receives events until the descriptor is closed.
func (w *Watcher) read(f *os.File) {
	buf := make([]byte, 16<<10)
	for {
		n, err := f.Read(buf)
		if err != nil {
			// Closed; or nothing that reading again would mend: wake everybody,
			// whose next look at the mailbox does not depend on us.
			w.wakeAll()
			return
		}
		w.handle(buf[:n])
	}
}

func (w *Watcher) handle(buf []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(buf) >= unix.SizeofInotifyEvent {
		ev := (*unix.InotifyEvent)(unsafe.Pointer(&buf[0]))
		buf = buf[min(len(buf), unix.SizeofInotifyEvent+int(ev.Len)):]
		if ev.Mask&unix.IN_Q_OVERFLOW != 0 {
			for _, d := range w.byWD {
				d.wake()
			}
			continue
		}
		d := w.byWD[ev.Wd]
		if d == nil {
			continue
		}
		d.wake()
		if ev.Mask&unix.IN_IGNORED != 0 {
			delete(w.byWD, d.wd)
		}
	}
}

func (w *Watcher) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.byWD {
		d.wake()
	}
}

// wake leaves one token for each receiver that has none waiting.
func (d *dir) wake() {
	for t := range d.watches {
		select {
		case t.c <- struct{}{}:
		default:
		}
	}
}
