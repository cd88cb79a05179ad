package session

import (
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/quiet"
	"fantail/internal/daemon/sandbox"
	"fantail/internal/store"
	"fantail/internal/store/watch"
)

// mail is the account of some sessions: of all that the process has, or of all that
// the account has.
type mail struct {
	name     string // of the account
	maildir  string
	settings conf.MailSettings
	log      *slog.Logger
	watcher  *watch.Watcher // that it shares, or nil
	fence    *fence
	own      bool // the fence is its own
	cross    *crossings

	quiet *quiet.Watch // of its sessions, if the process has others; or nil
	refs  int          // guarded by accounts.mu, if it is one of these
	timer *time.Timer  // guarded by it too: closes it

	mu      sync.Mutex  // guards the rest
	self    os.FileInfo // the Maildir, as it was opened
	account *store.Account
}

// open opens the account if it is not open. After an error the next session tries
// again.
func (m *mail) open() (*store.Account, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fence.whole(); err != nil {
		return nil, err
	}
	if m.account != nil {
		return m.account, nil
	}
	o, err := store.Configured(&m.settings, m.name, m.log)
	if err != nil {
		return nil, err
	}
	o.Watcher = m.watcher
	o.Crossed = func() { m.cross.tell(m) }
	account, err := store.OpenAccount(m.maildir, o)
	if err != nil {
		return nil, err
	}
	if err := m.enclose(account); err != nil {
		return nil, errors.Join(err, account.Close())
	}
	if m.self, err = os.Stat(m.maildir); err != nil {
		return nil, errors.Join(err, account.Close())
	}
	m.account = account
	return account, nil
}

// enclose has a process that belongs to the account give up everything but the
// account's mail, which must be there for that.
func (m *mail) enclose(account *store.Account) error {
	if !m.own || m.fence.entered {
		return nil
	}
	places, err := account.Places()
	if err != nil {
		return err
	}
	if dir := m.cross.directory; dir != "" {
		places.Trees = append(places.Trees, dir)
	}
	return m.fence.enter(places)
}

// replaced reports whether the Maildir is another directory than the one that is open.
func (m *mail) replaced() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.account == nil {
		return false
	}
	now, err := os.Stat(m.maildir)
	return err == nil && !os.SameFile(now, m.self)
}

// opened returns the account if it is open, or nil.
func (m *mail) opened() *store.Account {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.account
}

// tidy is done when a session has ended and others go on.
func (m *mail) tidy() {
	if account := m.opened(); account != nil {
		account.Tidy()
	}
}

// rest is done when nothing happens in any session.
func (m *mail) rest() {
	if account := m.opened(); account != nil {
		account.Rest()
	}
}

func (m *mail) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.account == nil {
		return nil
	}
	account := m.account
	m.account = nil
	return account.Close()
}

// fence is the sandbox of the process, around one directory.
type fence struct {
	dir     string
	role    sandbox.Role
	leave   func()      // ends the program as a signal does
	entered bool        // or is not to be
	at      os.FileInfo // the directory that it is around; nil: none
}

// enter enters it, with what the process is to keep. It is called once, before
// connections are served or by the first of them.
func (f *fence) enter(p store.Places) (err error) {
	if f.at, err = os.Stat(f.dir); err != nil {
		return err
	}
	err = sandbox.Enter(f.role, sandbox.Options{Trees: p.Trees, Files: p.Files})
	f.entered = err == nil
	return err
}

// errReplaced says that the fence is around a directory that is not there any more:
// another one was restored from a backup perhaps.
var errReplaced = errors.New("the directory of mail is another one than when the program was started")

// whole finds out whether mail is where the fence is. If it is not, only another
// process can serve it: this one leaves.
func (f *fence) whole() error {
	if f.at == nil {
		return nil
	}
	if now, err := os.Stat(f.dir); err != nil || os.SameFile(now, f.at) {
		return nil // what there is no way to is told by who opens it
	}
	f.leave()
	return errReplaced
}
