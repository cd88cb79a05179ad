package watch

import (
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// How far apart two looks at a polled Maildir are.
const (
	pollQuick = time.Second
	pollSlow  = 15 * time.Second
)

// coarse is how far apart two changes have to be to leave different stamps,
// wherever the stamps come from.
const coarse = 2 * time.Second

// polled is a Maildir that is polled. Watcher.mu guards it.
type polled struct {
	remote  bool // its stamps are asked from the server
	stamps  lookStamp
	every   time.Duration
	due     time.Time
	again   time.Time // when to tell of the last change once more, unless zero
	watches map[*Watch]bool
}

// lookStamp is what one look at a Maildir shows: times in nanoseconds and inodes
// of the Maildir, new and cur. It is comparable.
type lookStamp struct {
	dirs [3]struct {
		dev, ino     uint64
		mtime, ctime int64
	}
	err error // of the first that could not be looked at, whose stamps are zero
}

// look takes the stamps of the Maildir at path. From a file server it wants them
// fresh, not from the cache of attributes.
func look(path string, remote bool) (s lookStamp) {
	flags := unix.AT_STATX_SYNC_AS_STAT
	if remote {
		flags = unix.AT_STATX_FORCE_SYNC
	}
	for i, p := range [...]string{path, filepath.Join(path, "new"), filepath.Join(path, "cur")} {
		var st unix.Statx_t
		err := unix.Statx(unix.AT_FDCWD, p, flags, unix.STATX_INO|unix.STATX_MTIME|unix.STATX_CTIME, &st)
		if err == unix.EINTR {
			err = unix.Statx(unix.AT_FDCWD, p, flags, unix.STATX_INO|unix.STATX_MTIME|unix.STATX_CTIME, &st)
		}
		if err != nil {
			if s.err == nil {
				s.err = fmt.Errorf("look at %s: %w", p, err)
			}
			continue
		}
		d := &s.dirs[i]
		d.dev, d.ino = unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino
		d.mtime = st.Mtime.Sec*int64(time.Second) + int64(st.Mtime.Nsec)
		d.ctime = st.Ctime.Sec*int64(time.Second) + int64(st.Ctime.Nsec)
	}
	return s
}

// startPolling has t polled, from a state of the Maildir that its receiver will
// look at; w.mu is held.
func (w *Watcher) startPolling(t *Watch, stamps lookStamp, remote bool) {
	if t.poll != nil || w.closed {
		return
	}
	p := w.polls[t.path]
	if p == nil {
		p = &polled{watches: make(map[*Watch]bool)}
		w.polls[t.path] = p
		p.stamps = stamps
	}
	p.remote = p.remote || remote
	p.watches[t] = true
	t.poll = p
	p.changed(time.Now())
	w.wakePoller()
}

// stopPolling ends it; w.mu is held.
func (w *Watcher) stopPolling(t *Watch) {
	if t.poll == nil {
		return
	}
	delete(t.poll.watches, t)
	if len(t.poll.watches) == 0 {
		delete(w.polls, t.path)
		w.wakePoller()
	}
	t.poll = nil
}

// changed makes the next looks quick.
func (p *polled) changed(now time.Time) {
	p.every = pollQuick
	p.due = now.Add(p.every)
	p.again = now.Add(coarse)
}

// wakePoller has the goroutine look at its list, and starts it if need be; w.mu
// is held.
func (w *Watcher) wakePoller() {
	if w.poller == nil {
		if len(w.polls) == 0 || w.closed {
			return
		}
		w.poller = make(chan struct{}, 1)
		go w.poll(w.poller)
		return
	}
	select {
	case w.poller <- struct{}{}:
	default:
	}
}

// poll looks at each Maildir when it is due, until there are none. It holds no
// lock while it looks: a file server that does not answer holds up nothing but
// the polling.
func (w *Watcher) poll(wake <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-wake:
		case <-timer.C:
		}
		for {
			path, remote, wait := w.nextDue(time.Now())
			if wait < 0 {
				return
			}
			if wait > 0 {
				timer.Reset(wait)
				break
			}
			w.seen(path, w.look(path, remote), time.Now())
		}
	}
}

// nextDue returns a Maildir that is due, or how long to wait for one. With nothing
// to poll that is negative, and the goroutine ends.
func (w *Watcher) nextDue(now time.Time) (path string, remote bool, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.polls) == 0 {
		w.poller = nil
		return "", false, -1
	}
	wait = pollSlow
	for path, p := range w.polls {
		left := p.due.Sub(now)
		if left <= 0 {
			return path, p.remote, 0
		}
		wait = min(wait, left)
	}
	return "", false, wait
}

// seen compares what a look showed with what was known.
func (w *Watcher) seen(path string, stamps lookStamp, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.polls[path]
	switch {
	case p == nil:
		return // all its watches were closed meanwhile
	case stamps.dirs != p.stamps.dirs:
		p.changed(now)
	case !p.again.IsZero() && !now.Before(p.again):
		p.again = time.Time{}
		p.slower(now)
	default:
		p.slower(now)
		return
	}
	p.stamps = stamps
	for t := range p.watches {
		t.wake()
	}
}

// slower puts the next look off for longer.
func (p *polled) slower(now time.Time) {
	p.every = min(2*p.every, pollSlow)
	p.due = now.Add(p.every)
}
