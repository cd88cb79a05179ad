package store

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"fantail/internal/store/index"
)

// cannotWrite reports whether err says that no file can be written: everything that
// is there can be read all the same.
func cannotWrite(err error) bool {
	for _, e := range []error{fs.ErrPermission, syscall.EROFS, syscall.ENOSPC, syscall.EDQUOT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// lookOnly is catchUp for files that cannot be written: what is found stays in
// memory, and a message without a UID is not shown. cause says what is wrong.
func (m *Mailbox) lookOnly(ctx context.Context, cause error) error {
	if m.aside != nil {
		if ok, err := m.isTrue(m.aside); ok || err != nil {
			return m.show(m.aside, err)
		}
	} else {
		m.acct.opt.Log.Warn("mailbox cannot be written", "mailbox", m.name, "err", cause)
	}
	x, err := m.index.Load()
	if err != nil && !unusable(err) {
		return err
	}
	list, err := m.uids.Load()
	if errors.Is(err, fs.ErrNotExist) {
		return cause // there is nothing to show
	}
	if err != nil {
		return errors.Join(cause, err)
	}
	ids, err := m.fileIDs()
	if err != nil {
		return err
	}
	l := m.index.Aside()
	var tx *index.Tx
	if x == nil || contradicts(list, x, ids.uids) {
		if list, err = m.wholeList(list); err != nil {
			return err
		}
		tx, err = l.Reset(list.Validity)
	} else {
		tx, err = l.Begin()
	}
	if err != nil {
		return err
	}
	defer tx.Abort()
	s := newSurvey(m, tx, list, ids)
	s.aside = true
	m.anchor(false)
	if err := s.run(ctx); err != nil {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	m.anchor(false)
	y, err := tx.Detach()
	if err == nil {
		m.aside = y
	}
	return m.show(y, err)
}
