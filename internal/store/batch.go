package store

import (
	"context"
	"errors"

	"fantail/internal/mail"
	"fantail/internal/store/index"
	"fantail/internal/store/maildir"
)

// batch is a set of changes of ours to the files of a mailbox. It holds the lock,
// and ends by entering into the index what was done and the stamps that the
// directories have then.
type batch struct {
	m       *Mailbox
	lock    *held
	tx      *index.Tx
	x       *index.Index  // as it was when the batch began
	st      index.Stamps  // what it will be true of
	cur     bool          // the index was right about the directory when the batch began
	touched bool          // something was done
	lost    bool          // what was done cannot be entered
	did     map[file]bool // the last state of each file that it changed
	// more holds the keywords beyond the letters that messages get, by base, until
	// writeFurther.
	more map[string][]mail.Keyword
}

// batch runs do as a batch of so many changes; m.mu is held. If the index turns out to be damaged it is
// made anew, and do runs once more, with what is left to be done.
func (m *Mailbox) batch(ctx context.Context, changes int, do func(*batch) error) error {
	for try := 1; ; try++ {
		b, err := m.begin(ctx, changes)
		if err == nil {
			err = b.end(do(b))
		}
		if try > 1 || !damagedIndex(err) {
			return err
		}
	}
}

func damagedIndex(err error) bool {
	var damaged *index.DamagedError
	return errors.As(err, &damaged)
}

// begin takes the lock and begins a batch of so many changes; m.mu is held. The
// index exists afterwards, and has all that the UID list has.
func (m *Mailbox) begin(ctx context.Context, changes int) (*batch, error) {
	if !m.Current() {
		return nil, errGoneBox
	}
	if err := m.tailFor(changes); err != nil {
		return nil, err
	}
	l, err := m.lock(ctx)
	if err != nil {
		return nil, err
	}
	b := &batch{m: m, lock: l}
	if err := b.open(ctx); err != nil {
		return nil, errors.Join(err, l.unlock())
	}
	return b, nil
}

// fewChanges are watched in a mailbox of any size.
const fewChanges = 256

// tailFor begins to watch if that is worth it. To be told of a change of our own
// costs as much as to scan several messages later, so a batch that changes a large
// part of the mailbox is not watched, and leaves soft stamps.
func (m *Mailbox) tailFor(changes int) error {
	size := 0
	if m.snap != nil {
		size = m.snap.Len()
	}
	if changes > max(fewChanges, size/4) {
		return m.stopTail()
	}
	m.startTail()
	return nil
}

func (b *batch) open(ctx context.Context) error {
	m := b.m
	ids, err := m.fileIDs()
	if err != nil {
		return err
	}
	b.tx, err = b.lock.Begin()
	if err == nil {
		b.x = b.tx.Index()
		b.st = b.x.Stamps()
		if !b.x.Doubtful() && b.st.UIDs == ids.uids && b.st.Keywords == ids.keywords && b.st.Overflow == ids.overflow {
			return b.look(ids)
		}
		b.tx.Abort()
	} else if !unusable(err) {
		return err
	}
	l := b.lock.Lock
	err = m.catchUp(ctx, b.lock)
	full := err
	if cannotWrite(err) {
		// On a full disk one must be able to remove messages.
		err, l = m.lookOnly(ctx, err), m.index.Aside()
	}
	if err != nil {
		return err
	}
	if ids, err = m.fileIDs(); err != nil {
		return err
	}
	b.tx, err = l.Begin()
	if unusable(err) && full != nil {
		return full // there is no index yet, and none can be made
	}
	if err != nil {
		return err
	}
	b.x = b.tx.Index()
	b.st = b.x.Stamps()
	return b.look(ids)
}

// look compares the directories with the index.
func (b *batch) look(ids fileIDs) error {
	b.m.resume(b.x)
	if err := b.m.show(b.x, b.m.loadKeywords(ids)); err != nil {
		b.tx.Abort()
		return err
	}
	cur, new, err := b.m.dir.Stamp()
	if err != nil {
		b.tx.Abort()
		return err
	}
	b.cur = dirStamp(cur) == b.st.Cur
	if t := b.m.tail; t != nil && !t.anchored && b.cur && dirStamp(new) == b.st.New && b.st.Hard {
		b.m.anchor(true)
	}
	return nil
}

// end commits what was done, whatever err says of the rest, and gives the lock up.
// The files are the truth: if the index cannot be written (a full disk) the
// operation has still been done, and the next sync finds it.
func (b *batch) end(err error) error {
	log := b.m.acct.opt.Log
	if err := b.commit(); err != nil {
		log.Warn("index not written", "mailbox", b.m.name, "err", err)
	}
	if err := b.lock.unlock(); err != nil {
		log.Error("lock lost", "mailbox", b.m.name, "err", err)
	}
	return err
}

// enterNothing gives up what would be entered: the next sync looks at the files.
func (b *batch) enterNothing() {
	b.lost = true
	b.m.anchor(false)
}

// forget removes files again that were made.
func (b *batch) forget(made []maildir.Entry) error {
	b.enterNothing()
	var errs []error
	for _, e := range made {
		// Not the caller's context: it may be what ended the operation.
		errs = append(errs, b.m.dir.Remove(context.Background(), e))
	}
	return errors.Join(errs...)
}

func (b *batch) commit() error {
	defer b.tx.Abort()
	if !b.touched || b.lost {
		return nil
	}
	// Without a tail the stamp of new is left alone: a delivery, which takes no lock,
	// may have come in between. If it differs, the next sync reads new, which is
	// small. cur is large, and its new stamp is believed for a while; but only if the
	// old one was right.
	cur, new, err := b.m.dir.Stamp()
	if err != nil {
		return err
	}
	switch alone, known := b.alone(); {
	case alone:
		b.st.Cur, b.st.New, b.st.Hard = dirStamp(cur), dirStamp(new), settled(cur, new)
	case known: // another program did something: the next sync looks
	case b.cur && dirStamp(cur) != b.st.Cur:
		b.st.Cur, b.st.Hard = dirStamp(cur), false
	}
	if err := b.tx.SetStamps(b.st); err != nil {
		return err
	}
	b.m.wrote = true
	x, err := b.tx.Commit()
	if err != nil {
		b.m.anchor(false)
	}
	return b.m.show(x, err)
}
