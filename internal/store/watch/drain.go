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

// collect brings the changes up to date and takes them. t.mu is held.
func (t *Tail) collect() (changes []Change, exact bool) {
	if !t.advance() || !t.sides[0].current() || !t.sides[1].current() {
		return nil, false
	}
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	if t.lost {
		return nil, false
	}
	changes = t.changes
	t.reset()
	return changes, true
}

// patience is how often advance tries to be without doubts, while others rename
// there and back faster than it looks.
const patience = 8

// advance records what happened up to now, and reports whether it could.
func (t *Tail) advance() (ok bool) {
	var o open
	for try := range patience {
		if t.fence() != nil {
			return false
		}
		if o, ok = t.read(o); !ok {
			return false
		}
		// Halves of the second reading are of renames that began after the call,
		// and can wait for the next Drain.
		if len(o.doubts) == 0 && (try > 0 || o.halves == [2]*half{}) {
			return true
		}
		t.lookUp(o.doubts)
	}
	return false
}

// open is what one reading of the queue left open.
type open struct {
	halves [2]*half
	doubts []doubt
}

// doubt is a name of which only a look tells whether it is there.
type doubt struct {
	index int // in Tail.changes
	of    *half
	there bool // what a look showed
}

// read reads the queue after a fence, and closes what was open before the fence.
func (t *Tail) read(before open) (after open, ok bool) {
	w := t.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return open{}, false
	}
	w.pump()
	for i, h := range before.halves {
		if d := t.sides[i].dir; h != nil && d.half == h {
			w.complete(d) // it went elsewhere
		}
	}
	if t.lost {
		return open{}, false
	}
	for _, known := range before.doubts {
		if t.doubts[known.index] != known.of {
			continue // a later event told more
		}
		delete(t.doubts, known.index)
		c := &t.changes[known.index]
		// Who looked may have seen a rename of which a half waits.
		c.There = known.there || t.waits(c)
	}
	for i := range t.sides {
		after.halves[i] = t.sides[i].dir.half
	}
	for i, of := range t.doubts {
		after.doubts = append(after.doubts, doubt{index: i, of: of})
	}
	return after, true
}

// waits reports whether the name is in a half: it was there until then.
func (t *Tail) waits(c *Change) bool {
	h := t.sides[1-index(c.New)].dir.half
	return h != nil && h.name == c.File
}

// lookUp looks whether the names exist. Only advance, which has t.mu, shortens
// t.changes, but whoever reads the queue appends to it.
func (t *Tail) lookUp(doubts []doubt) {
	for i := range doubts {
		t.w.mu.Lock()
		c := t.changes[doubts[i].index]
		t.w.mu.Unlock()
		var st unix.Stat_t
		err := unix.Fstatat(t.sides[1-index(c.New)].fd, c.File, &st, unix.AT_SYMLINK_NOFOLLOW)
		doubts[i].there = err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR
	}
}
