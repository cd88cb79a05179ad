package store

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
	"fantail/internal/message"
	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
	"fantail/internal/store/uidlist"
)

// Mailbox is an open mailbox, shared by everybody in the process who opened it.
// It is safe for use by many goroutines.
type Mailbox struct {
	acct   *Account
	name   string
	folder string
	dir    *maildir.Dir
	self   *self
	index  *index.File
	refs   int // guarded by acct.mu

	learning atomic.Bool // learned.items has something

	queueMu sync.Mutex // guards queue; taken after mu, if both are
	queue   []*publishing
	texts   texts

	mu       sync.Mutex // guards all below; held during disk I/O
	uids     *uidlist.File
	kw       *uidlist.Keywords
	more     *uidlist.Overflow // keywords beyond the letters of kw
	names    *keywordNames     // what the letters mean, as far as it was read
	snap     *Snapshot         // what the last sync found, or nil
	aside    *index.Index      // what was found and could not be written
	parts    structures
	scanners []*message.Scanner // that nobody uses
	buffer   []byte             // for reading messages, or nil
	learned  learned
	derived  derived
	wrote    bool // something into the index
	tail     *tail
	noTail   bool // it cannot be had
}

func newMailbox(a *Account, name, folder string, d *maildir.Dir) (*Mailbox, error) {
	self, err := openSelf(d.Path())
	if err != nil {
		return nil, err
	}
	x, err := a.openIndex(d)
	if err != nil {
		return nil, errors.Join(err, self.close())
	}
	return &Mailbox{
		acct:   a,
		name:   name,
		folder: folder,
		dir:    d,
		self:   self,
		index:  x,
		uids:   uidlist.Open(d.Path()),
		kw:     uidlist.OpenKeywords(d.Path()),
		more:   uidlist.OpenOverflow(d.Path()),
		parts:  structures{byUID: make(map[mail.UID]*message.Part)},
	}, nil
}

// Name returns the mailbox's name.
func (m *Mailbox) Name() string { return m.name }

// Close gives up the reference that Open returned.
func (m *Mailbox) Close() error { return fail("close", m.name, m.acct.closed(m)) }

// release closes what the mailbox holds open.
func (m *Mailbox) release() error {
	m.texts.close()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tidy()
	m.summarize()
	return errors.Join(m.stopTail(), m.index.Close(), m.dir.Close(), m.self.close())
}

// rest tidies a mailbox that nobody uses for now.
func (m *Mailbox) rest() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tidy()
	m.summarize()
	m.drop()
	m.derived.age()
}

// Settle writes what was learned of messages, and lets go of what makes it faster to read
// them again: a user of the mailbox is going to wait, maybe for hours. Whoever has a
// Snapshot from before takes a newer one now, so that there are not two in memory.
func (m *Mailbox) Settle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flush()
	m.drop()
}

// ease gives back the memory of a mailbox whose users all wait. Work that takes long is
// left for rest: one of them may come back meanwhile.
func (m *Mailbox) ease() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flush()
	m.drop()
	m.derived = derived{}
	if m.snap != nil && m.aside == nil {
		m.uids = uidlist.Open(m.dir.Path())
		m.resume(m.snap.x) // what it knows need not be read again
	}
}

// drop forgets what makes it faster to read messages again; m.mu is held.
func (m *Mailbox) drop() {
	m.parts = structures{byUID: make(map[mail.UID]*message.Part)}
	m.scanners, m.buffer = nil, nil
}

// Current reports whether the directory that m has open is still the one of that
// name: it is not after a delete or rename by whatever program.
func (m *Mailbox) Current() bool {
	var now unix.Stat_t
	err := unix.Stat(m.dir.Path(), &now)
	return err == nil && now.Dev == m.self.dev && now.Ino == m.self.ino
}

// self is the directory of a mailbox. It is held open, since a file system may give
// the number of a removed directory to the next one that is made: what we remember of
// the one would become part of the other.
type self struct {
	dev, ino uint64
	fd       int
}

func openSelf(path string) (*self, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, errors.Join(&fs.PathError{Op: "stat", Path: path, Err: err}, unix.Close(fd))
	}
	return &self{dev: st.Dev, ino: st.Ino, fd: fd}, nil
}

func (s *self) close() error { return unix.Close(s.fd) }

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
	m.mu.Lock()
	m.startTail()
	m.mu.Unlock()
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
	i, ok := m.snap.Find(uid)
	if !ok {
		return maildir.Entry{}, &Error{Op: op, Mailbox: m.name, Kind: Gone, Err: errGone}
	}
	e, err := entryOf(m.snap.x, i)
	if damagedIndex(err) {
		if err = m.refresh(ctx); err == nil {
			if i, ok = m.snap.Find(uid); ok {
				e, err = entryOf(m.snap.x, i)
			}
		}
	}
	return e, fail(op, m.name, err)
}

var errGone = errors.New("no message with this UID")

// entryOf returns the file of message i as an index knows it.
func entryOf(x *index.Index, i int) (maildir.Entry, error) {
	file := x.Name(i)
	n, ok := maildir.ParseName(file)
	if !ok {
		if err := x.Err(); err != nil {
			return maildir.Entry{}, err
		}
		panic("store: the index holds a file that is no message: " + file)
	}
	return maildir.Entry{Name: n, File: file, New: x.Row(i).New()}, nil
}
