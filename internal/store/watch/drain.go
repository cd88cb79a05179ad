package watch

import (
	"golang.org/x/sys/unix"
)

// follow tells the directory's tails of an event; w.mu is held.
func (w *Watcher) follow(d *dir, e event) {
	if !e.has(fileEvents) || e.has(unix.IN_ISDIR) || len(e.name) == 0 || e.name[0] == '.' {
		// Even so: the directory's lock was given up since.
		w.complete(d)
		d.came = ""
		return
	}
	if e.has(unix.IN_MOVED_TO) {
		if from := w.halves[e.cookie]; from != nil {
			w.complete(from)
		}
	}
	w.complete(d)
	name := string(e.name)
	switch {
	case e.has(unix.IN_MOVED_FROM):
		d.half = &half{name: name, cookie: e.cookie, doubt: d.came == name}
		w.halves[e.cookie] = d
	case e.has(unix.IN_DELETE):
		d.record(name, false, nil)
	default:
		d.record(name, true, nil)
	}
	d.came = ""
	if e.has(unix.IN_MOVED_TO) {
		d.came = name
	}
}

// unfollow ends following the directory for t; w.mu is held.
func (w *Watcher) unfollow(d *dir, t *Tail) {
	delete(d.tails, t)
	if len(d.tails) == 0 {
		// The next Tail must not hear of what was not followed to its end.
		w.complete(d)
		d.came = ""
	}
}

// complete is called when the rename that d.half began is known to be over.
func (w *Watcher) complete(d *dir) {
	if d.half == nil {
		return
	}
	h := d.half
	delete(w.halves, h.cookie)
	d.half = nil
	if h.doubt {
		d.record(h.name, false, h)
	} else {
		d.record(h.name, false, nil)
	}
}

func (d *dir) record(name string, there bool, doubt *half) {
	for t, isNew := range d.tails {
		t.record(isNew, name, there, doubt)
	}
}

// record remembers the state of a name.
func (t *Tail) record(isNew bool, name string, there bool, doubt *half) {
	if t.lost {
		return
	}
	at := t.at[index(isNew)]
	i, known := at[name]
	switch {
	case known:
		t.changes[i].There = there
	case len(t.changes) == MaxChanges:
		t.lose()
		return
	default:
		i = len(t.changes)
		at[name] = i
		t.changes = append(t.changes, Change{New: isNew, File: name, There: there})
	}
	if doubt != nil {
		t.doubts[i] = doubt
	} else {
		delete(t.doubts, i)
	}
}

func index(isNew bool) int {
	if isNew {
		return 1
	}
	return 0
}

// lose gives up until the next start.
func (t *Tail) lose() {
	t.reset()
	t.lost = true
}

// reset forgets everything; w.mu is held. The maps of a storm are not kept.
func (t *Tail) reset() {
	const keep = 64
	if len(t.changes) > keep || t.doubts == nil {
		t.at = [2]map[string]int{make(map[string]int), make(map[string]int)}
		t.doubts = make(map[int]*half)
	}
	clear(t.at[0])
	clear(t.at[1])
	clear(t.doubts)
	t.changes, t.lost = nil, false
}

// patience is how often collect tries to be without doubts, while others rename
// there and back faster than it looks.
const patience = 8

// collect brings the changes up to date and takes them. t.mu is held.
func (t *Tail) collect() (changes []Change, exact bool) {
	var o open
	for try := range patience {
		if t.fence() != nil {
			return nil, false
		}
		changes, done, exact := t.read(&o, try == 0)
		if done {
			return changes, exact && t.sides[0].current() && t.sides[1].current()
		}
		t.lookUp(o.doubts)
	}
	return nil, false
}

// open is what one reading of the queue left open.
type open struct {
	halves [2]*half
	doubts []doubt
}

// doubt is a name of which only a look tells whether it is there.
type doubt struct {
	index  int // in Tail.changes
	of     *half
	change Change // what it will be, by a look
}

// read reads the queue after a fence, and closes what was open before the fence.
// Unless that leaves something open, it takes the changes.
func (t *Tail) read(o *open, first bool) (changes []Change, done, exact bool) {
	w := t.w
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pump()
	for i, h := range o.halves {
		if d := t.sides[i].dir; h != nil && d.half == h {
			w.complete(d) // it went elsewhere
		}
	}
	if t.lost || w.closed {
		return nil, true, false
	}
	for i := range o.doubts {
		t.settle(&o.doubts[i])
	}
	*o = open{}
	for i := range t.sides {
		o.halves[i] = t.sides[i].dir.half
	}
	for i, of := range t.doubts {
		o.doubts = append(o.doubts, doubt{index: i, of: of, change: t.changes[i]})
	}
	// Halves of a later reading are of renames that began after the call, and can
	// wait for the next Drain.
	if len(o.doubts) > 0 || first && o.halves != [2]*half{} {
		return nil, false, false
	}
	changes = t.changes
	t.reset()
	return changes, true, true
}

// settle takes what a look showed for the state of the name, unless a later event
// told more.
func (t *Tail) settle(d *doubt) {
	if t.doubts[d.index] != d.of {
		return
	}
	delete(t.doubts, d.index)
	// Who looked may have seen a rename of which a half waits.
	t.changes[d.index].There = d.change.There || t.waits(&d.change)
}

// waits reports whether the name is in a half: it was there until then.
func (t *Tail) waits(c *Change) bool {
	h := t.sides[1-index(c.New)].dir.half
	return h != nil && h.name == c.File
}

// lookUp looks whether the names exist.
func (t *Tail) lookUp(doubts []doubt) {
	for i := range doubts {
		c := &doubts[i].change
		var st unix.Stat_t
		err := unix.Fstatat(t.sides[1-index(c.New)].fd, c.File, &st, unix.AT_SYMLINK_NOFOLLOW)
		c.There = err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR
	}
}
