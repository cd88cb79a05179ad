package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/quiet"
	"fantail/internal/login/handover"
	"fantail/internal/store"
	"fantail/internal/store/watch"
)

// accountIdle is how long an account stays open that has no session, so that a client
// which looks again soon finds it so.
const accountIdle = 30 * time.Second

// accounts are those of a process that serves several. An account is
//
//	open     while it has a session, and accountIdle longer; in the table
//	stale    when its Maildir has been replaced by another one; not in the table
//	closed   after accountIdle without a session, when it is stale without one, or when
//	         the process ends
type accounts struct {
	settings conf.MailSettings
	log      *slog.Logger
	fence    *fence
	watcher  *watch.Watcher
	cross    *crossings

	mu   sync.Mutex // guards the table, and of each mail what it says
	open map[handover.Account]*mail
}

func newAccounts(a arguments, f *fence, cross *crossings, log *slog.Logger) *accounts {
	f.dir = a.fence
	return &accounts{settings: a.mail, log: log, fence: f, watcher: watch.New(), cross: cross, open: make(map[handover.Account]*mail)}
}

// enter puts the process behind its fence.
func (a *accounts) enter() error {
	if a.fence.entered {
		return nil
	}
	return a.fence.enter(store.PlacesIn(a.fence.dir))
}

// begin returns the mail of an account for a session, which ends with end.
func (a *accounts) begin(of handover.Account) (*mail, error) {
	if !strings.HasPrefix(of.Mail, a.fence.dir+"/") || filepath.Clean(of.Mail) != of.Mail {
		return nil, fmt.Errorf("the mail of %q is not in %s", of.Name, a.fence.dir)
	}
	m, err := a.refer(of)
	if err != nil {
		return nil, err
	}
	if m.replaced() { // which may wait for a file server: not under the lock
		a.forget(of, m)
		a.end(of, m)
		m, err = a.refer(of)
	}
	return m, err
}

// refer returns what the table has, or a new entry.
func (a *accounts) refer(of handover.Account) (*mail, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := a.open[of]
	if m == nil {
		settings, err := a.settings.ForAccount(of.Quota)
		if err != nil {
			return nil, err
		}
		m = &mail{
			name: of.Name, maildir: of.Mail, settings: settings, watcher: a.watcher, fence: a.fence, cross: a.cross,
			log: a.log.With("user", of.Name),
		}
		m.quiet = &quiet.Watch{Rest: m.rest, Part: true}
		a.open[of] = m
	}
	m.refs++
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
	}
	return m, nil
}

// forget takes an account out of the table, if it is still there.
func (a *accounts) forget(of handover.Account, m *mail) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open[of] == m {
		delete(a.open, of)
	}
}

// end ends what begin began.
func (a *accounts) end(of handover.Account, m *mail) {
	a.mu.Lock()
	m.refs--
	unused := m.refs == 0
	stale := unused && a.open[of] != m
	if unused && !stale {
		m.timer = time.AfterFunc(accountIdle, func() { a.closeIdle(of, m) })
	}
	a.mu.Unlock()
	if stale {
		a.close(m)
	}
}

// closeIdle closes an account that has no session, unless one has begun.
func (a *accounts) closeIdle(of handover.Account, m *mail) {
	a.mu.Lock()
	idle := m.refs == 0 && a.open[of] == m
	if idle {
		delete(a.open, of)
	}
	a.mu.Unlock()
	if idle {
		a.close(m)
	}
}

func (a *accounts) close(m *mail) {
	if err := m.close(); err != nil {
		m.log.Error("close account", "err", err)
	}
}

// closeAll closes what is open when no sessions are left.
func (a *accounts) closeAll() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	for of, m := range a.open {
		if m.timer != nil {
			m.timer.Stop()
		}
		errs = append(errs, m.close())
		delete(a.open, of)
	}
	return errors.Join(append(errs, a.watcher.Close())...)
}

// serveAccounts serves the sessions of several accounts that are handed over.
func (p Program) serveAccounts(ctx context.Context, control *os.File, all Session, a *accounts) error {
	if err := a.enter(); err != nil {
		return err
	}
	q := quiet.Watch{Alone: true}
	err := handover.Receive(ctx, control, func(ctx context.Context, of handover.Account, passage handover.Passage) {
		s := all
		s.User, s.Log = of.Name, all.Log.With("user", of.Name)
		m, err := a.begin(of)
		if err == nil {
			s.mail = m
			err = p.serveHanded(ctx, passage, &s, []*quiet.Watch{&q, m.quiet})
			a.end(of, m)
		} else {
			err = errors.Join(err, passage.Close())
		}
		if err != nil {
			s.Log.Error("session failed", "err", err)
		}
	})
	return errors.Join(err, a.closeAll())
}
