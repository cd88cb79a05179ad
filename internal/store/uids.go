package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"fantail/internal/mail"
	"fantail/internal/store/index"
	"fantail/internal/store/uidlist"
)

// loadList reads the UID list, and creates or repairs it; the mailbox's lock is
// held. x is the index, or nil: what it knows stands in for a list that is lost.
// A list of another UIDVALIDITY than before means another mailbox.
func (m *Mailbox) loadList(ctx context.Context, x *index.Index) (*uidlist.List, error) {
	if x != nil {
		m.resume(x)
	}
	list, err := m.uids.Load()
	var damaged *uidlist.DamagedError
	switch {
	case err == nil:
	case errors.As(err, &damaged):
		m.acct.opt.Log.Error("UID list damaged, repairing", "mailbox", m.name, "err", err)
		list, err = m.uids.Repair(uidlist.RepairOptions{Now: m.acct.opt.Clock(), Index: m.remembered(x), Fresh: m.freshValidity})
	case errors.Is(err, fs.ErrNotExist):
		list, err = m.makeList(ctx, x)
	}
	if err != nil {
		return nil, err
	}
	if s := m.snap; s != nil && s.x.UIDValidity() != list.Validity {
		return nil, fmt.Errorf("UIDVALIDITY changed from %d to %d: %w", s.x.UIDValidity(), list.Validity, fs.ErrNotExist)
	}
	if x == nil || x.UIDValidity() != list.Validity || list.Next >= x.UIDNext() {
		return list, nil
	}
	// Somebody put an older list in its place. UIDs that clients have seen must
	// not be given again.
	if err := m.uids.RaiseNext(x.UIDNext()); err != nil {
		return nil, err
	}
	return m.uids.Load()
}

// resume spares us the part of the UID list that the index knows.
func (m *Mailbox) resume(x *index.Index) {
	st := x.Stamps()
	// An append makes it longer; what else was done to it must be read.
	if now, err := m.uids.Stat(); err == nil && index.FileID(now) != st.UIDs && now.Size <= st.UIDs.Size {
		return
	}
	m.uids.Resume(uidlist.Mark{
		FileID:   uidlist.FileID(st.UIDs),
		Validity: x.UIDValidity(),
		Next:     x.UIDNext(),
		Lines:    int(st.Lines),
	})
}

// makeList makes a list for a mailbox that has none: of what the index knows, if
// somebody removed the list, or of what Courier knew, so that what its clients know
// goes on.
func (m *Mailbox) makeList(ctx context.Context, x *index.Index) (*uidlist.List, error) {
	if known := m.remembered(x); known != nil {
		m.acct.opt.Log.Warn("UID list is gone, writing it anew", "mailbox", m.name)
		return m.uids.Import(known)
	}
	if list, err := m.importCourier(ctx); list != nil || err != nil {
		return list, err
	}
	v, err := m.freshValidity()
	if err != nil {
		return nil, err
	}
	return m.uids.Create(v, nil)
}

func (m *Mailbox) freshValidity() (mail.UIDValidity, error) {
	return uidlist.NextValidity(m.acct.root, m.acct.opt.Clock())
}

// remembered is what an index, or the last snapshot, knows of the UID list; nil if
// there is neither.
func (m *Mailbox) remembered(x *index.Index) *uidlist.List {
	if x == nil && m.snap != nil {
		x = m.snap.x
	}
	return Remembered(x)
}

// Remembered is what an index knows of the UID list: enough to write it anew. It is nil
// if there is no index, or a damaged one.
func Remembered(x *index.Index) *uidlist.List {
	if x == nil || x.Verify() != nil {
		return nil
	}
	l := &uidlist.List{Validity: x.UIDValidity(), Next: x.UIDNext(), Records: make([]uidlist.Record, 0, x.Len())}
	if id := x.GUID(); id != [16]byte{} {
		l.GUID = hex.EncodeToString(id[:])
	}
	for i := range x.Len() {
		l.Records = append(l.Records, uidlist.Record{UID: x.UID(i), Base: x.Base(i)})
	}
	return l
}

// guid returns the mailbox's identity as the list has it.
func guid(l *uidlist.List) (id [16]byte, ok bool) {
	n, err := hex.Decode(id[:], []byte(l.GUID))
	return id, err == nil && n == len(id)
}

// madeUpGUID is the identity of a mailbox whose list has none. It is the same as long
// as name, without the prefix of the account, and UIDVALIDITY are.
func madeUpGUID(name string, v mail.UIDValidity) [16]byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint32([]byte(name), uint32(v)))
	return [16]byte(sum[:16])
}

// minStale is how many records of vanished files a UID list must hold before a
// rewrite is worth its fsync.
const minStale = 64

// compact rewrites a UID list of which too much are files that are gone; the lock
// is held. It is housekeeping: if it fails, the list stays as it was.
func (m *Mailbox) compact(l *held, list *uidlist.List) {
	x := m.snap.x
	if x.UIDNext() < list.Next || list.Lines < x.Len()+minStale || !list.Wasteful(x.Len()) {
		return
	}
	// To a damaged index messages would look gone.
	err := x.Verify()
	if err == nil {
		err = m.uids.Compact(func(base string) bool {
			_, ok := x.FindBase(base)
			return ok
		})
	}
	if err == nil {
		err = m.restamp(l)
	}
	if err != nil {
		m.acct.opt.Log.Warn("compact UID list", "mailbox", m.name, "err", err)
	}
}

// restamp tells the index that the UID list, as we have rewritten it, says what
// the index knows.
func (m *Mailbox) restamp(l *held) error {
	tx, err := l.Begin()
	if err != nil {
		return err
	}
	defer tx.Abort()
	list, err := m.uids.Load()
	if err != nil {
		return err
	}
	st := tx.Index().Stamps()
	st.UIDs, st.Lines = m.listID(), uint32(list.Lines)
	if err := tx.SetStamps(st); err != nil {
		return err
	}
	x, err := tx.Commit()
	return m.show(x, err)
}

// listID is the state of the UID list as it was loaded or written last.
func (m *Mailbox) listID() index.FileID {
	mark, ok := m.uids.Mark()
	if !ok {
		return index.FileID{}
	}
	return index.FileID(mark.FileID)
}
