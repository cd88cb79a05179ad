package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
	"fantail/internal/store/text"
)

// worthKeeping is from how many messages on that the cache of texts does not have a
// search writes into it. Fewer are read each time: frames of few messages are bad
// ones, and reading so many takes a few milliseconds.
const worthKeeping = 32

// textCache is the cache of texts as one search or filling uses it.
type textCache struct {
	m      *Mailbox
	view   *text.View   // nil: there is none
	writer *text.Writer // nil: nothing is kept
	broken atomic.Bool  // it could not be read
}

// openTexts opens the cache of texts. What cannot be opened is as if it were empty.
func (m *Mailbox) openTexts(s *Snapshot) *textCache {
	c := &textCache{m: m}
	var err error
	if c.view, err = text.Open(m.dir.Path(), s.UIDValidity()); err != nil {
		c.view = nil
		m.acct.opt.Log.Warn("open cache of texts", "mailbox", m.name, "err", err)
	}
	return c
}

func (c *textCache) close() {
	if c.writer != nil {
		c.warn("write cache of texts", c.writer.Close())
		c.writer = nil
	}
	if c.view != nil {
		c.warn("read cache of texts", c.view.Close())
		c.view = nil
	}
}

func (c *textCache) warn(what string, err error) {
	if err != nil {
		c.m.acct.opt.Log.Warn(what, "mailbox", c.m.name, "err", err)
	}
}

// lock tries to become the one who writes. If another file is there now, what was
// counted in the old one is forgotten.
func (c *textCache) lock(seen *textCensus) bool {
	if c.view == nil || c.broken.Load() || !c.m.texts.mayWrite() || !c.m.Current() || !roomForTexts(c.m.dir.Path()) {
		return false
	}
	w, again, err := c.view.Lock()
	if err != nil {
		c.m.texts.refused()
		if !cannotWrite(err) {
			c.warn("lock cache of texts", err)
		}
		return false
	}
	if again {
		*seen = textCensus{}
	}
	c.writer = w
	return w != nil
}

// newBatch returns a batch for texts that are to be kept, or nil.
func (c *textCache) newBatch() *text.Batch {
	if c.writer == nil || c.broken.Load() { // the end of the file is not known
		return nil
	}
	b, err := text.NewBatch()
	c.warn("write cache of texts", err)
	return b
}

// keep writes a batch. It reports false if nothing can be kept any more; that is
// no error, for this is a cache.
func (c *textCache) keep(b *text.Batch) bool {
	if b == nil {
		return false
	}
	err := c.writer.Append(b)
	if err == nil {
		return true
	}
	if c.m.texts.refused() {
		c.warn("write cache of texts", err)
	}
	return false
}

// A cache takes room that mail may need: it is not written while less than this is
// free.
const (
	leastFree     = 64 << 20 // octets
	leastFreePart = 20       // of the file system, unless plentyFree are
	plentyFree    = 1 << 30  // octets
)

func roomForTexts(dir string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return false
	}
	free := st.Bavail * uint64(st.Bsize)
	return free >= leastFree && (st.Bavail >= st.Blocks/leastFreePart || free >= plentyFree)
}

// textCensus is what was seen in the cache of texts.
type textCensus struct {
	has     bitset // messages whose text is there
	fields  bitset // messages of which the fields are there
	small   int    // frames
	damaged int    // frames
	entries int    // of these and other messages
}

// take takes note of an entry of message i.
func (c *textCensus) take(i int, lacks text.Lack) {
	if lacks == text.AllButOwn {
		c.fields.set(i)
	} else {
		c.has.set(i)
	}
}

func (c *textCensus) add(d *textCensus) {
	if c.has == nil {
		c.has, c.fields = newBitset(64*len(d.has)), newBitset(64*len(d.has))
	}
	c.has.or(d.has)
	c.fields.or(d.fields)
	c.small += d.small
	c.damaged += d.damaged
	c.entries += d.entries
}

// dead is how many entries are of messages that are gone, or that are there twice.
func (c *textCensus) dead() int {
	live := newBitset(64 * len(c.has))
	live.or(c.has)
	live.or(c.fields)
	return c.entries - live.count()
}

// due reports whether the file is worth to be written anew: because of damage, of
// what is of no use in it, or since it is in too many pieces.
func (c *textCensus) due() bool {
	dead := c.dead()
	return c.damaged > 0 || dead > worthKeeping && dead > c.entries/4 || c.small > 16
}

// texts is what a Mailbox remembers of its cache of texts.
type texts struct {
	mu      sync.Mutex // guards what follows
	stop    context.CancelFunc
	stopped chan struct{} // closed when the filling has ended; nil: there is none
	closed  bool
	denied  time.Time // when it could not be written
	poor    int       // messages that the last filling could not put in
}

// deniedFor is how long nobody tries to write what could not be written.
const deniedFor = 10 * time.Minute

func (t *texts) mayWrite() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open()
}

// open is mayWrite; t.mu is held.
func (t *texts) open() bool { return t.denied.IsZero() || time.Since(t.denied) > deniedFor }

// refused takes note that the cache cannot be written. It reports whether that is
// new.
func (t *texts) refused() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.open()
	t.denied = time.Now()
	return first
}

// stopFilling ends the filling and waits for its end.
func (t *texts) stopFilling() {
	t.mu.Lock()
	stop, stopped := t.stop, t.stopped
	t.mu.Unlock()
	if stopped != nil {
		stop()
		<-stopped
	}
}

// close ends the filling for good.
func (t *texts) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.stopFilling()
}

// fillTexts begins to put into the cache what f found not to be in it, or to write it
// anew, if that is worth it: in the background, for one mailbox of the account at a
// time. busy tells that this one or another one is being filled.
func (m *Mailbox) fillTexts(f *textFind) (busy bool) {
	t := &m.texts
	missing := f.s.Len()
	if f.cached.has != nil {
		missing -= f.cached.has.count()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped != nil {
		return true
	}
	if t.closed || !t.open() || missing < t.poor+worthKeeping && !f.cached.due() || !roomForTexts(m.dir.Path()) {
		return false
	}
	if !m.acct.filling.CompareAndSwap(false, true) {
		return true
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	t.stop, t.stopped = stop, ended
	go func() {
		err := m.fill(ctx, f.s, f.cached.damaged)
		stop()
		if err != nil && !errors.Is(err, context.Canceled) {
			m.acct.opt.Log.Warn("fill cache of texts", "mailbox", m.name, "err", err)
		}
		t.mu.Lock()
		t.stop, t.stopped = nil, nil
		t.mu.Unlock()
		m.acct.filling.Store(false)
		close(ended)
	}()
	return true
}

// fill puts all messages of s into the cache, and writes it anew if that is due.
// Somebody has found so many damaged frames.
func (m *Mailbox) fill(ctx context.Context, s *Snapshot, damaged int) error {
	f := newTextFind(m, s, TextSearch{})
	c := m.openTexts(s)
	defer c.close()
	if err := f.look(ctx, c); err != nil {
		return err
	}
	if !c.lock(&f.cached) {
		return nil
	}
	if err := f.look(ctx, c); err != nil || c.broken.Load() {
		return err
	}
	f.left.AddAll() // also those of which the fields are there
	for i := range f.left.bits {
		f.left.bits[i] &^= f.cached.has[i]
	}
	p := pace{since: time.Now()}
	if err := f.read(ctx, c, p.pause); err != nil {
		return err
	}
	f.cached.damaged += damaged
	m.texts.mu.Lock()
	m.texts.poor = s.Len() - f.cached.has.count()
	m.texts.mu.Unlock()
	if !f.cached.due() {
		return nil
	}
	seen := newBitset(s.Len())
	return c.writer.Compact(func(uid mail.UID, lacks text.Lack) bool {
		i, ok := s.Find(uid)
		if !ok {
			return uid >= s.UIDNext() // of a later snapshot
		}
		if lacks == text.AllButOwn && f.cached.has.has(i) {
			return false
		}
		again := seen.has(i)
		seen.set(i)
		return !again
	}, func() error { return p.pause(ctx) })
}

// pace makes work in the background take half of one processor at most.
type pace struct{ since time.Time }

// workTime is how long it works between two pauses.
const workTime = 5 * time.Millisecond

func (p *pace) pause(ctx context.Context) error {
	worked := time.Since(p.since)
	if worked < workTime {
		return ctx.Err()
	}
	t := time.NewTimer(worked)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
	}
	p.since = time.Now()
	return nil
}
