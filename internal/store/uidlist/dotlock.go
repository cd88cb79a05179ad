package uidlist

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Errors of locks.
var (
	ErrLockTimeout = errors.New("lock is held by another process")
	ErrLockLost    = errors.New("lock was overridden by another process")
)

// LockOptions say who locks and for how long one waits.
type LockOptions struct {
	Host    string           // name of this host, as gethostname gives it to Dovecot
	Clock   func() time.Time // nil: time.Now
	Timeout time.Duration    // 0: one attempt
	Stale   time.Duration    // age of an unchanged lock whose owner cannot be asked; 0: 2 minutes
}

const (
	defaultStale = 2 * time.Minute
	// youngLock is the age below which a lock's owner is taken to be alive, also
	// because its PID may not be written yet.
	youngLock = 2 * time.Second
	// watchLock is how long a stale lock must be seen not to change: its owner
	// touches it every TouchEvery, and its clock may not be ours.
	watchLock = 12 * time.Second
	// TouchEvery is how often the holder of a Lock must call Touch.
	TouchEvery = 10 * time.Second

	minPause, maxPause = time.Millisecond, 100 * time.Millisecond
)

// Lock is a held dotlock: the file path.lock, as Dovecot makes it.
type Lock struct {
	path string // of the lock file
	h    handle // keeps the inode's number from being given again
	s    stamp
	sys  fileSystem
	now  func() time.Time
}

// Dotlock locks path by creating path.lock, and waits while another process has
// it. A lock whose owner on this host is dead is overridden after two seconds;
// one whose owner cannot be asked, after it and path have not changed for
// o.Stale. ErrLockTimeout if o.Timeout passes first.
//
// It excludes processes, not the machine's crash: it is nothing to sync.
func Dotlock(ctx context.Context, path string, o LockOptions) (*Lock, error) {
	return dotlock(ctx, disk{}, path, o)
}

func dotlock(ctx context.Context, sys fileSystem, path string, o LockOptions) (*Lock, error) {
	w := newWaiter(sys, path, o)
	pause := minPause
	for start := w.now(); ; {
		l, err := w.try()
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if l != nil {
			return l, nil
		}
		if w.now().Sub(start) >= o.Timeout {
			return nil, fmt.Errorf("lock %s: %w", path, ErrLockTimeout)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("lock %s: %w", path, ctx.Err())
		case <-time.After(pause/2 + rand.N(pause)):
		}
		pause = min(2*pause, maxPause)
	}
}

// waiter watches a lock that another process holds.
type waiter struct {
	sys        fileSystem
	path, lock string
	owner      string // what we write: pid:host
	stale      time.Duration
	now        func() time.Time
	seen       stamp     // of the lock
	file       stamp     // of what it protects
	since      time.Time // neither has changed since then, on our clock
}

func newWaiter(sys fileSystem, path string, o LockOptions) *waiter {
	w := &waiter{sys: sys, path: path, lock: path + ".lock", now: o.Clock, stale: o.Stale}
	if w.now == nil {
		w.now = time.Now
	}
	if w.stale == 0 {
		w.stale = defaultStale
	}
	w.owner = strconv.Itoa(os.Getpid()) + ":" + o.Host + pidSpace()
	return w
}

// initPIDSpace is the name of the kernel's first PID namespace.
const initPIDSpace = "pid:[4026531836]"

// pidSpace is appended to the host's name where PIDs are not the host's:
// containers may share a name, and would take each other's PIDs for dead ones.
func pidSpace() string {
	ns, err := os.Readlink("/proc/self/ns/pid")
	if err == nil && ns == initPIDSpace {
		return ""
	}
	return "#" + strings.Trim(ns, "pid:[]")
}

// try creates the lock file. Without an error, nil means that another has it.
func (w *waiter) try() (*Lock, error) {
	who, err := ownerFor(w.sys, w.path)
	if err != nil {
		return nil, err
	}
	h, err := w.sys.open(w.lock, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, w.override()
	} else if err != nil {
		return nil, err
	}
	l := &Lock{path: w.lock, h: h, sys: w.sys, now: w.now}
	if err = who.give(h); err == nil {
		_, err = h.WriteString(w.owner)
	}
	var fi fs.FileInfo
	if err == nil {
		fi, err = h.Stat()
	}
	if err != nil {
		return nil, errors.Join(err, w.sys.remove(w.lock), h.Close())
	}
	l.s = stampOf(fi)
	return l, nil
}

// override removes the lock if its owner is gone.
func (w *waiter) override() error {
	fi, err := w.sys.lstat(w.lock)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	s := stampOf(fi)
	gone, err := w.gone(s)
	if err != nil || !gone {
		return err
	}
	return w.takeAway(s)
}

// takeAway removes the stale lock file, but never one that another waiter has
// made in its place: who removes holds a flock on the stale file and then looks
// whether it still has the name. The open file keeps its inode's number from
// being given again.
func (w *waiter) takeAway(stale stamp) (err error) {
	h, err := w.sys.open(w.lock, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrPermission) {
		h, err = w.sys.open(w.lock, os.O_RDONLY, 0)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	if ok, err := h.tryFlock(); err != nil || !ok {
		return err
	}
	fi, err := w.sys.lstat(w.lock)
	if err == nil && stampOf(fi) == stale {
		err = w.sys.remove(w.lock)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// gone judges the owner of the lock.
func (w *waiter) gone(s stamp) (bool, error) {
	now := w.now()
	var file stamp
	if fi, err := w.sys.lstat(w.path); err == nil {
		file = stampOf(fi)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if s != w.seen || file != w.file {
		w.seen, w.file, w.since = s, file, now
	}
	watched := now.Sub(w.since)
	if now.Sub(time.Unix(0, s.mtime)) < youngLock && watched < w.stale {
		return false, nil
	}
	// Our own PID is another goroutine's lock, or that of a dead process whose
	// PID we got: in a container that is the rule after a restart.
	if pid, ok := w.localPID(); ok && pid != os.Getpid() {
		return errors.Is(unix.Kill(pid, 0), unix.ESRCH), nil
	}
	// A clock ahead of ours must not keep a lock for ever, one behind ours must
	// not break a new one.
	quiet := now.Sub(time.Unix(0, max(s.mtime, file.mtime)))
	return watched >= w.stale || quiet >= w.stale && watched >= watchLock, nil
}

// localPID reads the owner if it is a process that we can ask for.
func (w *waiter) localPID() (int, bool) {
	text, _, err := readAll(w.sys, w.lock, 512)
	if err != nil {
		return 0, false // unreadable counts as unknown: the slow rule
	}
	pid, host, _ := strings.Cut(strings.TrimSuffix(text, "\n"), ":")
	_, ours, _ := strings.Cut(w.owner, ":")
	n, err := strconv.ParseInt(pid, 10, 32)
	return int(n), err == nil && n > 0 && host == ours
}

// Touch tells waiters that the holder is alive.
func (l *Lock) Touch() error {
	if err := l.verify(); err != nil {
		return err
	}
	if err := l.sys.chtimes(l.path, l.now()); err != nil {
		return fmt.Errorf("touch lock: %w", err)
	}
	return nil
}

// Unlock gives the lock up. ErrLockLost means that it was not held to the end.
func (l *Lock) Unlock() error {
	err := l.verify()
	if err == nil {
		err = l.sys.remove(l.path)
	}
	if err = errors.Join(err, l.h.Close()); err != nil {
		return fmt.Errorf("unlock %s: %w", l.path, err)
	}
	return nil
}

// verify looks whether the lock file is still ours.
func (l *Lock) verify() error {
	fi, err := l.sys.lstat(l.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !stampOf(fi).sameFile(l.s) {
		return ErrLockLost
	}
	return err
}
