package store

import (
	"context"
	"errors"
	"os"
	"sync"

	"fantail/internal/mail"
	"fantail/internal/message"
	"fantail/internal/store/maildir"
	"fantail/internal/store/uidlist"
)

// Mailbox is an open mailbox, shared by everybody in the process who opened it.
// It is safe for use by many goroutines.
type Mailbox struct {
	acct *Account
	name string
	dir  *maildir.Dir
	self os.FileInfo // of the directory when it was opened
	refs int         // guarded by acct.mu

	mu    sync.Mutex // guards all below; held during disk I/O
	uids  *uidlist.File
	kw    *uidlist.Keywords
	state syncState
	stats map[mail.UID]Stat
	parts structures
}

func newMailbox(a *Account, name string, d *maildir.Dir) (*Mailbox, error) {
	self, err := os.Stat(d.Path())
	if err != nil {
		return nil, err
	}
	return &Mailbox{
		acct:  a,
		name:  name,
		dir:   d,
		self:  self,
		uids:  uidlist.Open(d.Path()),
		kw:    uidlist.OpenKeywords(d.Path()),
		stats: make(map[mail.UID]Stat),
		parts: structures{byUID: make(map[mail.UID]*message.Part)},
	}, nil
}

// Name returns the mailbox's name.
func (m *Mailbox) Name() string { return m.name }

// Close gives up the reference that Open returned.
func (m *Mailbox) Close() error { return fail("close", m.name, m.acct.closed(m)) }

// release closes what the mailbox holds open.
func (m *Mailbox) release() error { return m.dir.Close() }

// Current reports whether the directory that m has open is still the one of that
// name: it is not after a delete or rename by whatever program.
func (m *Mailbox) Current() bool {
	now, err := os.Stat(m.dir.Path())
	return err == nil && os.SameFile(now, m.self)
}

// Watch tells when something in the mailbox may have changed.
type Watch struct {
	C    <-chan struct{} // receives after a change; many changes may be one receive
	stop func() error
}

// Close ends the watch.
func (w *Watch) Close() error { return w.stop() }

// Watch begins to watch the mailbox. Changes between the caller's last Sync and
// this call are not told: watch first, then Sync.
func (m *Mailbox) Watch() (*Watch, error) {
	w, err := m.acct.watch.Add(m.dir.Path())
	if err != nil {
		return nil, fail("watch", m.name, err)
	}
	return &Watch{C: w.C, stop: w.Close}, nil
}

// entry returns the file of a message, or a Gone error.
func (m *Mailbox) entry(ctx context.Context, op string, uid mail.UID) (maildir.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.ready(ctx); err != nil {
		return maildir.Entry{}, err
	}
	e, ok := m.known(uid)
	if !ok {
		return maildir.Entry{}, &Error{Op: op, Mailbox: m.name, Kind: Gone, Err: errGone}
	}
	return e, nil
}

var errGone = errors.New("no message with this UID")
