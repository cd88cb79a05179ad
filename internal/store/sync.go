package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
	"fantail/internal/store/uidlist"
)

// maxRounds is how often a sync looks again because programs that do not take our
// lock got in its way.
const maxRounds = 4

// softTime is how long stamps that were taken after changes of our own are
// believed. A change by another program between ours and the stamp would hide
// behind it; a scan finds it when this time is over.
const softTime = 2 * time.Second

// Sync returns what is in the mailbox now. While nothing changes it costs a few
// stat calls and returns the same snapshot.
func (m *Mailbox) Sync(ctx context.Context) (*Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refresh(ctx); err != nil {
		return nil, err
	}
	m.flushDue()
	return m.snap, nil
}

// ready makes sure that there is a snapshot; m.mu is held.
func (m *Mailbox) ready(ctx context.Context) error {
	if m.snap != nil {
		return nil
	}
	return m.refresh(ctx)
}

// refresh is a sync with its errors as the package shows them; m.mu is held. A
// program that writes the UID list without our lock gets out of the way when it
// is done, so what it broke is looked at again; and so are files that a file server
// took away from under us.
func (m *Mailbox) refresh(ctx context.Context) error {
	for try := 1; ; try++ {
		err := m.sync(ctx)
		if err == nil {
			return nil
		}
		if !errors.Is(err, uidlist.ErrRaced) && !errors.Is(err, syscall.ESTALE) || try == maxRounds {
			return m.syncError(err)
		}
	}
}

func (m *Mailbox) syncError(err error) error {
	if errors.Is(err, fs.ErrNotExist) && m.snap != nil {
		return &Error{Op: "sync", Mailbox: m.name, Kind: Gone, Err: err} // deleted under us
	}
	return fail("sync", m.name, err)
}

// sync makes m.snap what is in the mailbox now; m.mu is held. As long as the
// index is true no lock is taken.
func (m *Mailbox) sync(ctx context.Context) (err error) {
	x, err := m.index.Load()
	if err == nil {
		// Another mailbox that has got the name would have other directories.
		if ok, err := m.isTrueNow(x); ok || err != nil {
			return m.show(x, err)
		}
	} else if !unusable(err) {
		return err
	}
	if !m.Current() {
		return fmt.Errorf("the mailbox was deleted, renamed or replaced: %w", fs.ErrNotExist)
	}
	l, err := m.lock(ctx)
	if cannotWrite(err) {
		return m.lookOnly(ctx, err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.unlock()) }()
	err = m.catchUp(ctx, l)
	if cannotWrite(err) {
		return m.lookOnly(ctx, err)
	}
	m.aside = nil
	return err
}

// unusable reports whether err of index.File.Load calls for a new index.
func unusable(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || damagedIndex(err)
}

// show makes x what Sync returns. The same index stays the same snapshot.
func (m *Mailbox) show(x *index.Index, err error) error {
	if err != nil {
		return err
	}
	switch {
	case m.snap == nil:
	case m.snap.x == x:
		return nil
	case m.snap.x.UIDValidity() != x.UIDValidity():
		return fmt.Errorf("UIDVALIDITY changed from %d to %d: %w", m.snap.x.UIDValidity(), x.UIDValidity(), fs.ErrNotExist)
	default:
		m.parts.forget(x)
	}
	m.snap = &Snapshot{x, m.acct.opt.Coexist}
	return nil
}

// isTrue reports whether the index is proven to be what the files say.
func (m *Mailbox) isTrue(x *index.Index) (bool, error) {
	st := x.Stamps()
	if m.tail != nil && len(m.tail.left) > 0 || x.Doubtful() || !st.Hard && !m.soft(st) {
		return false, nil
	}
	// The directories last: what changed the other files changed them first.
	now, err := m.fileIDs()
	if err != nil || now.uids != st.UIDs || now.keywords != st.Keywords || now.overflow != st.Overflow {
		return false, err
	}
	cur, new, err := m.dir.Stamp()
	if err != nil {
		return false, err
	}
	if dirStamp(cur) != st.Cur || dirStamp(new) != st.New {
		return false, nil
	}
	return st.Hard || m.agrees(x), nil
}

// isTrueNow is isTrue for the index on disk, at which a tail may be anchored.
func (m *Mailbox) isTrueNow(x *index.Index) (bool, error) {
	ok, err := m.isTrue(x)
	if ok && m.tail != nil && !m.tail.anchored && x.Stamps().Hard {
		m.anchor(true)
	}
	return ok, err
}

// soft reports whether stamps after changes of our own are young enough to be
// believed without a look. Those of an inconclusive scan are zero, and never are; nor
// are any against what the tail tells.
func (m *Mailbox) soft(st index.Stamps) bool {
	if m.tail != nil && len(m.tail.left) > 0 {
		return false
	}
	last := time.Unix(0, max(st.Cur.Ctime, st.New.Ctime))
	age := time.Since(last)
	return st.Cur.Ino != 0 && st.New.Ino != 0 && age >= 0 && age < softTime
}

// fileIDs are the states of the text files that an index was made from.
type fileIDs struct{ uids, keywords, overflow index.FileID }

func (m *Mailbox) fileIDs() (ids fileIDs, err error) {
	for _, f := range []struct {
		stat func() (uidlist.FileID, error)
		to   *index.FileID
	}{{m.uids.Stat, &ids.uids}, {m.kw.Stat, &ids.keywords}, {m.more.Stat, &ids.overflow}} {
		id, err := f.stat()
		if err != nil {
			return ids, err
		}
		*f.to = index.FileID(id)
	}
	return ids, nil
}

func dirStamp(s maildir.Stamp) index.DirStamp {
	return index.DirStamp{Dev: s.Dev, Ino: s.Ino, Mtime: s.Mtime, Ctime: s.Ctime}
}

func maildirStamp(s index.DirStamp) maildir.Stamp {
	return maildir.Stamp{Dev: s.Dev, Ino: s.Ino, Mtime: s.Mtime, Ctime: s.Ctime}
}

// catchUp makes the index true and shows it; the lock is held. What the index
// says is kept as far as possible: it alone knows modseqs and what vanished.
func (m *Mailbox) catchUp(ctx context.Context, l *held) error {
	x, err := m.index.Load()
	switch {
	case unusable(err):
		if !errors.Is(err, fs.ErrNotExist) {
			m.acct.opt.Log.Warn("index damaged, making it anew", "mailbox", m.name, "err", err)
		}
		x = nil
	case err != nil:
		return err
	default: // another process may have been here while we waited for the lock
		if ok, err := m.isTrueNow(x); ok || err != nil {
			return m.show(x, err)
		}
	}
	list, err := m.loadList(ctx, x)
	if err != nil {
		return err
	}
	ids, err := m.fileIDs()
	if err != nil {
		return err
	}
	ids.uids = m.listID()
	if x != nil && contradicts(list, x, ids.uids) {
		m.acct.opt.Log.Warn("index and UID list disagree, making the index anew", "mailbox", m.name)
		x = nil
	}
	m.wrote = true
	y, err := m.resurvey(ctx, l, x, list, ids)
	if damagedIndex(err) && x != nil {
		// Found out only when it was read.
		m.acct.opt.Log.Warn("index damaged, making it anew", "mailbox", m.name, "err", err)
		y, err = m.resurvey(ctx, l, nil, list, ids)
	}
	if err := m.show(y, err); err != nil {
		return err
	}
	m.compact(l, list)
	return nil
}

// resurvey enters what is in the Maildir into the index x, or into a new one if x is
// nil.
func (m *Mailbox) resurvey(ctx context.Context, l *held, x *index.Index, list *uidlist.List, ids fileIDs) (*index.Index, error) {
	var tx *index.Tx
	var err error
	if x == nil {
		m.anchor(false)
		if list, err = m.wholeList(list); err != nil {
			return nil, err
		}
		tx, err = l.Reset(list.Validity)
	} else {
		tx, err = l.Begin()
	}
	if err != nil {
		return nil, err
	}
	defer tx.Abort()
	return m.survey(ctx, tx, list, ids)
}

// wholeList returns the list with the part that an index knew and that was not read
// therefore: nobody knows it now.
func (m *Mailbox) wholeList(list *uidlist.List) (*uidlist.List, error) {
	if list.From <= 1 {
		return list, nil
	}
	m.uids = uidlist.Open(m.dir.Path())
	return m.uids.Load()
}

// contradicts reports whether the list gives a message of x to another file. That
// cannot be as long as the list is the file that x was made from.
func contradicts(list *uidlist.List, x *index.Index, now index.FileID) bool {
	if list.Validity != x.UIDValidity() {
		return true
	}
	if now.Ino == x.Stamps().UIDs.Ino {
		return false
	}
	for _, r := range list.Records {
		if i, ok := x.Find(r.UID); ok && x.Base(i) != r.Base {
			return true
		}
	}
	return false
}
