package index

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"

	"fantail/internal/mail"
)

// Due reports whether the journal is so long that a Checkpoint is worth its time:
// longer than 256 kB and than a tenth of the snapshot, or the records that it
// changed are, which everybody who reads it holds in the heap.
func (l *Lock) Due() bool {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	x := l.f.cur
	return x != nil && x.matched && max(x.off, int64(x.changes)*recordSize) > x.limit()
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

// snapshotWriter writes a snapshot from front to back.
type snapshotWriter struct {
	sys  *sys
	file *os.File
	x    *Index
	move relocation
	h    header

	buf  []byte
	off  int64 // of buf in the file
	sums []byte

	sets    []uint32 // old numbers of the sets in use, by new number - 1
	renamed []uint32 // new numbers by old ones
	blocks  []byte
	table   []byte
	nameOff uint64
}

const writeSize = 1 << 20 // whole pages

func (w *snapshotWriter) write(vanished int) error {
	w.buf = make([]byte, pageSize, writeSize)
	w.h.meta = w.x.meta
	w.h.live = 0
	w.renamed = make([]uint32, len(w.x.words().sets.list))
	w.table = make([]byte, tableSize(w.x.Len())*tableEntry)
	var history []vanish
	history, w.h.floor = w.x.history(vanished)
	for i, section := range [...]func() error{
		secRecords:  w.records,
		secNames:    w.names,
		secBlocks:   func() error { return w.put(w.blocks) },
		secTable:    func() error { return w.put(w.table) },
		secWords:    w.words,
		secVanished: func() error { return w.vanished(history) },
		secSums:     func() error { return nil },
	} {
		w.h.sections[i].off = w.off + int64(len(w.buf))
		if err := section(); err != nil {
			return err
		}
		w.h.sections[i].len = w.off + int64(len(w.buf)) - w.h.sections[i].off
		if err := w.put(make([]byte, pad(w.h.sections[i].len)-w.h.sections[i].len)); err != nil {
			return err
		}
	}
	if err := w.x.Err(); err != nil {
		return err // what we read, we would now seal
	}
	return w.finish()
}

// finish writes the checksums and, last of all, the header: what has no header is
// no snapshot.
func (w *snapshotWriter) finish() error {
	if err := w.flush(); err != nil {
		return err
	}
	sums := &w.h.sections[secSums]
	sums.len = int64(len(w.sums))
	w.h.size = sums.off + sums.len
	w.h.sums = crc(w.sums)
	if err := w.sys.writeAt(w.file, w.sums, sums.off); err != nil {
		return err
	}
	return w.sys.writeAt(w.file, w.h.encode(), 0)
}

// room returns n octets to write into; n is at most a page.
func (w *snapshotWriter) room(n int) ([]byte, error) {
	if len(w.buf)+n > cap(w.buf) {
		if err := w.flush(); err != nil {
			return nil, err
		}
	}
	at := len(w.buf)
	w.buf = w.buf[:at+n]
	return w.buf[at:], nil
}

func (w *snapshotWriter) put(b []byte) error {
	for len(b) > 0 {
		n := min(len(b), pageSize)
		room, err := w.room(n)
		if err != nil {
			return err
		}
		copy(room, b[:n])
		b = b[n:]
	}
	return nil
}

// flush writes the whole pages of the buffer and keeps the rest.
func (w *snapshotWriter) flush() error {
	whole := len(w.buf) &^ (pageSize - 1)
	for at := 0; at < whole; at += pageSize {
		w.sums = le.AppendUint32(w.sums, crc(w.buf[at:at+pageSize]))
	}
	if err := w.sys.writeAt(w.file, w.buf[:whole], w.off); err != nil {
		return err
	}
	w.off += int64(whole)
	w.buf = w.buf[:copy(w.buf, w.buf[whole:])]
	return nil
}

// records writes the rows, and gathers the blocks and the sets in use.
func (w *snapshotWriter) records() error {
	x := w.x
	var first mail.UID
	var unseen, n int
	var highest mail.ModSeq
	endBlock := func() {
		w.blocks = le.AppendUint32(w.blocks, uint32(first))
		w.blocks = le.AppendUint32(w.blocks, uint32(unseen))
		w.blocks = le.AppendUint64(w.blocks, uint64(highest))
		n, unseen, highest = 0, 0, 0
	}
	var r Row
	for slot := range x.slots {
		if x.isDead(slot) {
			continue
		}
		r = x.at(slot)
		if n == 0 {
			first = r.UID
		}
		if !r.Flags.Has(mail.Seen) {
			unseen++
		}
		highest = max(highest, r.ModSeq)
		if err := w.record(slot, &r); err != nil {
			return err
		}
		if n++; n == perPage {
			endBlock()
		}
	}
	if n > 0 {
		endBlock()
	}
	return nil
}

func (w *snapshotWriter) record(slot int, r *Row) error {
	nameLen, baseLen := w.x.nameLen(slot)
	if w.nameOff+uint64(nameLen) > math.MaxUint32 {
		return ErrTooLarge
	}
	if r.set != 0 {
		r.set = w.renumber(r.set)
	}
	if w.move != nil {
		if err := w.move.move(w.x, r); err != nil {
			return err
		}
	}
	w.h.live += int64(r.cacheLen)
	b, err := w.room(recordSize)
	if err != nil {
		return err
	}
	encodeRecord(b, r, uint32(w.nameOff), nameLen, baseLen)
	w.nameOff += uint64(nameLen)
	return nil
}

// renumber leaves out the sets that no message has any more.
func (w *snapshotWriter) renumber(set uint32) uint32 {
	if w.renamed[set] == 0 {
		w.sets = append(w.sets, set)
		w.renamed[set] = uint32(len(w.sets))
	}
	return w.renamed[set]
}

// names writes the file names, and fills the table.
func (w *snapshotWriter) names() error {
	x := w.x
	row := uint32(0)
	var name []byte
	for slot := range x.slots {
		if x.isDead(slot) {
			continue
		}
		var base int
		name, base = x.appendName(name[:0], slot)
		if err := w.put(name); err != nil {
			return err
		}
		row++
		entries := uint32(len(w.table) / tableEntry)
		at := hash(name[:base]) & (entries - 1)
		for le.Uint32(w.table[at*tableEntry:]) != 0 {
			at = (at + 1) & (entries - 1)
		}
		le.PutUint32(w.table[at*tableEntry:], row)
	}
	return nil
}

func (w *snapshotWriter) words() error {
	v := w.x.words()
	w.h.words, w.h.sets = uint32(len(v.words.list)), uint32(len(w.sets))
	return w.put(v.encode(w.sets))
}

func (w *snapshotWriter) vanished(history []vanish) error {
	for v := range slices.Values(history) {
		b, err := w.room(vanishSize)
		if err != nil {
			return err
		}
		le.PutUint64(b, uint64(v.modseq))
		le.PutUint32(b[8:], uint32(v.lo))
		le.PutUint32(b[12:], uint32(v.hi))
	}
	return nil
}

// nameLen returns the lengths of a file name and its base.
func (x *Index) nameLen(slot int) (name, base int) {
	r := x.changed(slot)
	if r != nil && r.base != "" {
		return len(r.base) + len(r.info), len(r.base)
	}
	rec := x.snap.record(slot)
	if rec == nil {
		return 0, 0
	}
	name, base = int(rec[recNameLen]), int(rec[recBaseLen])
	runtime.KeepAlive(x.snap)
	if r != nil {
		name = base + len(r.info)
	}
	return name, base
}
