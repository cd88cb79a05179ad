package store

import (
	"context"
	"errors"
	"time"

	"fantail/internal/store/index"
	"fantail/internal/store/uidlist"
)

// dotlockWait is how long we wait for another server that has the mailbox. It
// gives up its lock after a sync, and ours overrides that of a dead process.
const dotlockWait = 30 * time.Second

// held is the lock of a mailbox: a flock on the index's journal and, where a
// Dovecot works on the same files, its dotlock.
type held struct {
	*index.Lock
	dot  *uidlist.Lock // or nil
	stop chan struct{} // ends the touching of dot
	done chan error
}

// lock takes the mailbox's lock, waiting for it; m.mu is held.
func (m *Mailbox) lock(ctx context.Context) (*held, error) {
	l, err := m.index.Lock()
	if err != nil {
		return nil, err
	}
	h := &held{Lock: l}
	if !m.acct.opt.Coexist {
		return h, nil
	}
	h.dot, err = uidlist.Dotlock(ctx, m.uids.Path(), uidlist.LockOptions{Host: m.acct.opt.Host, Timeout: dotlockWait})
	if err != nil {
		return nil, errors.Join(err, l.Unlock())
	}
	h.stop, h.done = make(chan struct{}), make(chan error, 1)
	go h.touch()
	return h, nil
}

// touch keeps the dotlock young, lest another server takes it for a dead one.
func (h *held) touch() {
	t := time.NewTicker(uidlist.TouchEvery)
	defer t.Stop()
	for {
		select {
		case <-h.stop:
			h.done <- nil
			return
		case <-t.C:
			if err := h.dot.Touch(); err != nil {
				h.done <- err
				return
			}
		}
	}
}

// unlock gives the lock up. An error means that it had been taken away from us.
func (h *held) unlock() error {
	var err error
	if h.dot != nil {
		close(h.stop)
		err = errors.Join(<-h.done, h.dot.Unlock())
	}
	return errors.Join(err, h.Lock.Unlock())
}
