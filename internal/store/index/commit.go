package index

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// minJournal is the length up to which a journal is no reason for a new snapshot.
const minJournal = 256 << 10

// limit is how long the journal of an index may become.
func (x *Index) limit() int64 {
	if x.snap == nil {
		return minJournal
	}
	return max(minJournal, x.snap.h.size/10)
}

// put puts the transaction on disk; f.mu is held.
func (t *Tx) put() (*Index, error) {
	switch {
	case t.long:
		return t.l.checkpoint(t.e.done(), nil)
	case t.fresh, !t.base.matched:
		return t.restart()
	default:
		return t.append()
	}
}

// append adds the frame to the journal.
func (t *Tx) append() (*Index, error) {
	l, x := t.l, t.base
	s := &l.f.sys
	if x.more {
		if err := s.truncate(l.file, x.off); err != nil {
			return nil, err
		}
	}
	sum := finish(t.frame, t.e.x.modseq, x.chain)
	err := s.writeAt(l.file, t.frame, x.off)
	if err == nil && (x.clean || t.e.x.clean || l.f.opt.Networked) {
		// See "Power cuts" in the package comment.
		err = s.sync(l.file)
	}
	if err != nil {
		// So that nobody sees it later. If this fails too, the next writer does it.
		return nil, errors.Join(err, s.truncate(l.file, x.off))
	}
	t.e.x.step(sum, len(t.frame)-frameHeader)
	y := t.e.done()
	l.f.cur, l.f.logSize = y, y.off
	return y, nil
}

// restart puts a new journal in place, with the frame in it: of an index without
// a snapshot, or for a snapshot that has lost its journal.
func (t *Tx) restart() (*Index, error) {
	x, f := t.base, t.l.f
	if t.fresh {
		x.generation++
	}
	head := encodeJournalHeader(&x.meta, x.generation, x.snap == nil, f.boot)
	h, _ := decodeJournalHeader(head)
	e := t.e.x
	h.start(e)
	e.clean, e.doubt = false, false
	if !t.empty() {
		sum := finish(t.frame, e.modseq, h.sum)
		e.step(sum, len(t.frame)-frameHeader)
		head = append(head, t.frame...)
	} else {
		e.clean = true
	}
	if err := t.l.replaceJournal(head); err != nil {
		return nil, err
	}
	return f.adopt(t.e.done()), nil
}

// adopt makes y, which is what the new journal says, the current index; f.mu is
// held.
func (f *File) adopt(y *Index) *Index {
	f.forget()
	y.beside = f.snapshotID()
	log, st, err := openOld(f.path(journalName), os.O_RDONLY)
	if err != nil {
		return y // the next Load will try again, and tell
	}
	f.cur, f.log, f.logSize = y, log, st.Size()
	return y
}

// replaceJournal puts a new journal of these octets in place, whose lock l then
// holds.
func (l *Lock) replaceJournal(text []byte) error {
	f := l.f
	path := f.path(journalName)
	file, err := f.sys.create(path)
	if err != nil {
		return err
	}
	if err = f.sys.writeAt(file, text, 0); err == nil {
		// Whoever comes after the rename asks for the lock of this file.
		if err = flock(file, unix.LOCK_EX); err == nil {
			err = f.sys.sync(file)
		}
	}
	if err == nil {
		err = f.sys.place(path)
	}
	if err != nil {
		file.Close() // err says enough
		return err
	}
	// Closing the old one wakes those who wait for it; they look at the name again.
	l.file.Close()
	l.file, f.lockFile = file, file
	return f.sys.syncDir(f.dir)
}
