package index

import (
	"fmt"
)

// dueJournal is the length from which reading a journal takes noticeably longer
// than mapping a snapshot: some hundred messages.
const dueJournal = 32 << 10

// Due reports whether the journal is so long that a Checkpoint is worth its time
// when nobody waits: longer than 32 kB and than a tenth of the snapshot, or the
// records that it changed are, which everybody who reads it holds in the heap.
func (l *Lock) Due() bool {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	x := l.f.cur
	if x == nil || !x.matched {
		return false
	}
	due := int64(dueJournal)
	if x.snap != nil {
		due = max(due, x.snap.h.size/10)
	}
	return max(x.off, int64(x.changes)*recordSize) > due
}

// Checkpoint writes a new snapshot and an empty journal.
func (l *Lock) Checkpoint() (*Index, error) {
	f := l.f
	f.mu.Lock()
	defer f.mu.Unlock()
	x, err := f.loadLocked()
	if err == nil {
		x, err = l.checkpoint(x, nil)
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return x, nil
}

// relocation gives rows a new place in the cache.
type relocation interface {
	move(x *Index, r *Row) error
	place() error // before the snapshot is
}

// checkpoint makes x the snapshot of the next generation; f.mu is held. Until the
// first rename nothing has happened; between the two the old journal is older
// than the snapshot and counts for nothing.
func (l *Lock) checkpoint(x *Index, move relocation) (*Index, error) {
	if l.aside {
		return nil, ErrAside
	}
	f := l.f
	path := f.path(snapshotName)
	file, err := f.sys.create(path)
	if err != nil {
		return nil, err
	}
	w := &snapshotWriter{sys: &f.sys, file: file, x: x, move: move}
	w.h.generation = x.generation + 1
	w.h.boot = f.boot
	err = w.write(f.opt.Vanished)
	if err == nil {
		err = f.sys.sync(file)
	}
	if cerr := f.sys.close(file); err == nil {
		err = cerr
	}
	if err == nil && move != nil {
		err = move.place()
	}
	if err == nil {
		err = f.sys.place(path)
	}
	if err != nil {
		return nil, err
	}
	head := encodeJournalHeader(&w.h.meta, w.h.generation, false, f.boot)
	if err := l.replaceJournal(head); err != nil {
		return nil, err
	}
	snap, err := openImage(path, f.opt.Networked)
	if err != nil {
		return nil, err
	}
	h, _ := decodeJournalHeader(head)
	y := newIndex(snap)
	h.start(y)
	return f.adopt(y), nil
}
