package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// Watcher owns the inotify descriptor, the goroutine that reads it, and the one
// that polls.
type Watcher struct {
	mu     sync.Mutex // guards all below, and reading from fd
	file   *os.File   // nil before the first watch
	fd     int        // of file; its Fd method would make reads block a thread
	room   int        // for one read, in octets
	taken  int64      // octets read so far
	byWD   map[int32]*dir
	halves map[uint32]*dir // by cookie: directories of which half is set
	polls  map[string]*polled
	poller chan struct{} // wakes the polling goroutine; nil when there is none
	broken bool          // fd cannot be read any more
	closed bool

	openQueue func() (int, error)          // inotify_init
	local     func(string) (bool, error)   // see kind.go
	look      func(string, bool) lookStamp // see poll.go
}

// dir is one directory that the kernel watches for us.
type dir struct {
	wd      int32
	path    string
	watches map[*Watch]uint32 // which events each is told of
	tails   map[*Tail]bool    // by whether it is their new
	half    *half
	came    string // name in the last event, if that was MOVED_TO
}

// The events that matter. In new and cur: deliveries, flag renames, expunges. In
// the Maildir itself: a new UID list or new keywords put in place by a rename,
// and the loss of new or cur.
const (
	fileEvents = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO
	lostEvents = unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_UNMOUNT | unix.IN_IGNORED
	listEvents = unix.IN_MOVED_TO

	subEvents  = fileEvents | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
	selfEvents = listEvents | unix.IN_DELETE | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
)

// New returns a Watcher.
func New() *Watcher {
	return &Watcher{
		room:      bufferSize,
		byWD:      make(map[int32]*dir),
		halves:    make(map[uint32]*dir),
		polls:     make(map[string]*polled),
		openQueue: openQueue,
		local:     local,
		look:      look,
	}
}

// Watch is one receiver's interest in one Maildir, or in the names of a directory.
type Watch struct {
	C     <-chan struct{} // has room for one: a change that nobody has received yet
	c     chan struct{}
	w     *Watcher
	path  string
	dirs  []*dir
	poll  *polled                            // nil unless polled
	group *Group                             // whose channel it is, or nil
	wants func(name string, isDir bool) bool // of a directory: which names count
}

// Add watches the Maildir at path until the Watch is closed. The Watch is told of
// files that appear in, go from or are renamed in new and cur, and of renames to a
// name in the Maildir itself.
//
// Where inotify does not tell everything (see the table above), or where the
// kernel has no descriptor or watch left, the stamps of the Maildir, new and cur
// are looked at every second while they change, and up to 15 seconds apart when
// they do not. A polled Watch is told of a change twice, and once after Add: file
// servers may give two changes within one second the same stamp.
func (w *Watcher) Add(path string) (*Watch, error) {
	c := make(chan struct{}, 1)
	return w.add(&Watch{C: c, c: c, w: w, path: path})
}

func (w *Watcher) add(t *Watch) (*Watch, error) {
	path := t.path
	whole, err := w.local(path)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", path, err)
	}
	err = w.addEvents(t)
	if err != nil && !exhausted(err) {
		return nil, err
	}
	if whole && err == nil {
		return t, nil
	}
	stamps := w.look(path, !whole)
	if stamps.err != nil {
		return nil, errors.Join(stamps.err, t.Close())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, os.ErrClosed
	}
	w.startPolling(t, stamps, !whole)
	return t, nil
}

// exhausted reports whether polling may do what inotify would not.
func exhausted(err error) bool {
	return errors.Is(err, errNoQueue) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.ENOMEM)
}

// addEvents has the kernel watch t's directories, all or none.
func (w *Watcher) addEvents(t *Watch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return os.ErrClosed
	}
	if err := w.start(); err != nil {
		return err
	}
	for _, d := range []struct {
		path         string
		events, wake uint32
	}{
		{t.path, selfEvents, listEvents | lostEvents},
		{filepath.Join(t.path, "new"), subEvents, fileEvents | lostEvents},
		{filepath.Join(t.path, "cur"), subEvents, fileEvents | lostEvents},
	} {
		dir, err := w.addDir(d.path, d.events)
		if err != nil {
			return errors.Join(err, w.dropDirs(t))
		}
		dir.watches[t] |= d.wake
		t.dirs = append(t.dirs, dir)
	}
	return nil
}

// addDir has the kernel watch a directory; w.mu is held. The caller enters what
// it is for.
func (w *Watcher) addDir(path string, events uint32) (*dir, error) {
	// IN_MASK_ADD: a directory that is watched already stays watched for what it was.
	wd, err := unix.InotifyAddWatch(w.fd, path, events|unix.IN_ONLYDIR|unix.IN_MASK_ADD)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", path, err)
	}
	d := w.byWD[int32(wd)]
	if d == nil {
		d = &dir{wd: int32(wd), path: path, watches: make(map[*Watch]uint32), tails: make(map[*Tail]bool)}
		w.byWD[d.wd] = d
	}
	return d, nil
}

// dropDir takes the directory from the kernel if nobody needs it; w.mu is held.
func (w *Watcher) dropDir(d *dir) error {
	if len(d.watches) > 0 || len(d.tails) > 0 || w.byWD[d.wd] != d {
		return nil
	}
	w.forget(d)
	if w.closed {
		return nil
	}
	// EINVAL: the kernel dropped the watch itself, as the directory is gone.
	_, err := unix.InotifyRmWatch(w.fd, uint32(d.wd))
	if err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("end watch of %s: %w", d.path, err)
	}
	return nil
}

// forget drops what we know of the directory.
func (w *Watcher) forget(d *dir) {
	delete(w.byWD, d.wd)
	if d.half != nil {
		delete(w.halves, d.half.cookie)
	}
}

// Close ends the watch. It may be called once, before or after the Watcher is
// closed, and does not wait for anything.
func (t *Watch) Close() error {
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	t.w.stopPolling(t)
	if t.group != nil {
		delete(t.group.told, t)
	}
	return t.w.dropDirs(t)
}

// dropDirs removes t from its directories; w.mu is held.
func (w *Watcher) dropDirs(t *Watch) error {
	var errs []error
	for _, d := range t.dirs {
		delete(d.watches, t)
		errs = append(errs, w.dropDir(d))
	}
	t.dirs = nil
	return errors.Join(errs...)
}

// Close ends all watches and the goroutines. Tails fail from now on, but their
// owners have to close them. The kernel takes some 10 ms to let go of watches.
func (w *Watcher) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	w.wakePoller()
	file := w.file
	w.mu.Unlock()
	if file == nil {
		return nil
	}
	// Not under the lock: this waits for the reader, and that for the lock.
	return file.Close()
}

// route tells those of one event that have to do with the directory.
func (w *Watcher) route(d *dir, e event) {
	if len(d.tails) > 0 {
		w.follow(d, e)
	}
	for t, wake := range d.watches {
		lost := e.has(lostEvents) || t.wants == nil && isSub(e)
		if lost {
			// What comes in its place is not watched.
			w.startPolling(t, lookStamp{}, false)
		}
		if lost || e.has(wake) && (t.wants == nil || t.wants(string(e.name), e.has(unix.IN_ISDIR))) {
			t.wake()
		}
	}
	if e.has(unix.IN_IGNORED) {
		w.forget(d)
		for t := range d.tails {
			t.lose()
		}
	}
}

// isSub reports whether the event is that new or cur was removed from the Maildir.
// IN_DELETE_SELF does not come while somebody has the directory open.
func isSub(e event) bool {
	return e.has(unix.IN_DELETE) && e.has(unix.IN_ISDIR) && (string(e.name) == "new" || string(e.name) == "cur")
}

// loseAll is for events that did not reach us.
func (w *Watcher) loseAll() {
	for _, d := range w.byWD {
		for t := range d.watches {
			if w.broken {
				w.startPolling(t, lookStamp{}, false)
			}
			t.wake()
		}
		for t := range d.tails {
			t.lose()
		}
	}
}

// wake leaves a token unless one is waiting; w.mu is held.
func (t *Watch) wake() {
	if t.group != nil {
		t.group.told[t] = true
	}
	select {
	case t.c <- struct{}{}:
	default:
	}
}
