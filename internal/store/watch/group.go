package watch

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Group is many Watches that wake one receiver, which can ask which of them have
// something to tell.
type Group struct {
	C    <-chan struct{} // has room for one, as that of a Watch
	c    chan struct{}
	w    *Watcher
	told map[*Watch]bool // and not taken yet; guarded by w.mu
}

// NewGroup returns a Group without Watches. It holds nothing but these.
func (w *Watcher) NewGroup() *Group {
	c := make(chan struct{}, 1)
	return &Group{C: c, c: c, w: w, told: make(map[*Watch]bool)}
}

// Add is Watcher.Add for a Watch of the group.
func (g *Group) Add(path string) (*Watch, error) {
	return g.w.add(&Watch{C: g.C, c: g.c, w: g.w, path: path, group: g})
}

// AddNames watches the directory at path, and nothing below it, until the Watch is
// closed. The Watch is told of names that come, go, are renamed or change their
// permissions, if wants says so of the name. wants is called with locks held, and must not wait. Where inotify does not
// tell everything the directory is polled as a Maildir is, and wants is not asked.
func (g *Group) AddNames(path string, wants func(name string, isDir bool) bool) (*Watch, error) {
	w := g.w
	whole, err := w.local(path)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", path, err)
	}
	t := &Watch{C: g.C, c: g.c, w: w, path: path, group: g, wants: wants}
	err = w.addNames(t)
	if err != nil && !exhausted(err) {
		return nil, err
	}
	if whole && err == nil {
		return t, nil
	}
	stamps := w.look(path, !whole) // without new and cur it has an error, and the stamps of the rest
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, os.ErrClosed
	}
	w.startPolling(t, stamps, !whole)
	return t, nil
}

// addNames has the kernel watch t's directory.
func (w *Watcher) addNames(t *Watch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return os.ErrClosed
	}
	if err := w.start(); err != nil {
		return err
	}
	const nameEvents = fileEvents | unix.IN_ATTRIB
	d, err := w.addDir(t.path, nameEvents|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF)
	if err != nil {
		return err
	}
	d.watches[t] |= nameEvents | lostEvents
	t.dirs = append(t.dirs, d)
	return nil
}

// Take returns the Watches that were told something since the last call.
func (g *Group) Take() []*Watch {
	g.w.mu.Lock()
	defer g.w.mu.Unlock()
	if len(g.told) == 0 {
		return nil
	}
	told := make([]*Watch, 0, len(g.told))
	for t := range g.told {
		told = append(told, t)
	}
	clear(g.told)
	return told
}
