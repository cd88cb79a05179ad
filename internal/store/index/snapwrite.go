package index

import (
	"math"
	"os"
	"runtime"

	"fantail/internal/mail"
)

// snapshotWriter writes a snapshot. Where the sections before the names lie is
// known from the number of messages, so it goes through the messages once and
// writes to all sections at the same time.
type snapshotWriter struct {
	sys     *sys
	file    *os.File
	x       *Index
	move    relocation
	h       header
	streams [secSums]*stream
	sums    []byte
	err     error // the first; nothing is written after it

	row     int         // number of the next message
	highest mail.ModSeq // in its block
	nameOff uint64
	known   int             // rows that are in the table before they come
	hashes  [perPage]uint32 // of the bases in the block
	table   []byte          // secTable
	fetched byte            // means nothing: see endBlock
	sets    []uint32        // old numbers of the sets in use, by new number - 1
	renamed []uint32        // new numbers by old ones
}

func (w *snapshotWriter) write(vanished int) error {
	x := w.x
	w.h.meta = x.meta
	w.h.live = 0
	w.renamed = make([]uint32, len(x.words().sets.list))
	var history []vanish
	history, w.h.floor = x.history(vanished)
	w.layOut()
	w.messages()
	w.streams[secTable].buf = w.table
	v := x.words()
	w.h.words, w.h.sets = uint32(len(v.words.list)), uint32(len(w.sets))
	end := w.endAll(secRecords, secNames)
	for sec, b := range [...][]byte{secWords: v.encode(w.sets), secVanished: encodeHistory(history)} {
		if sec >= secWords {
			w.begin(sec, end, b)
			end = w.endAll(sec, sec)
		}
	}
	if w.err != nil {
		return w.err
	}
	if err := x.Err(); err != nil {
		return err // what we read, we would now seal
	}
	return w.finish(end)
}

// layOut begins all sections whose place is known.
func (w *snapshotWriter) layOut() {
	n := w.x.Len()
	w.table = make([]byte, tableSize(n)*tableEntry, pad(int64(tableSize(n)*tableEntry)))
	w.oldTable()
	off := int64(pageSize)
	for sec, size := range [...]int{
		secRecords: n * recordSize,
		secUIDs:    n * uidSize,
		secFlags:   n,
		secBlocks:  (n + perPage - 1) / perPage * blockSize,
		secTable:   len(w.table),
		secNames:   0, // it is the last of them
	} {
		w.begin(sec, off, make([]byte, 0, min(pad(int64(size)), writeSize+pageSize)))
		off += pad(int64(size))
	}
}

// oldTable takes the table of bases over from the old snapshot, if its rows keep
// their numbers.
func (w *snapshotWriter) oldTable() {
	snap := w.x.snap
	if snap == nil || w.x.dead > 0 || snap.h.sections[secTable].len != int64(len(w.table)) {
		return
	}
	if snap.goodRange(secTable, 0, int64(len(w.table))) {
		w.known = snap.rows()
		copy(w.table, snap.section(secTable))
	}
	runtime.KeepAlive(snap)
}

// begin begins a section.
func (w *snapshotWriter) begin(sec int, off int64, buf []byte) {
	w.h.sections[sec].off = off
	w.streams[sec] = &stream{w: w, off: off, buf: buf}
}

// endAll ends some sections, and returns where the next one begins.
func (w *snapshotWriter) endAll(from, to int) (off int64) {
	for sec := from; sec <= to; sec++ {
		s := w.streams[sec]
		end := s.off + int64(len(s.buf))
		w.h.sections[sec].len = end - w.h.sections[sec].off
		s.buf = append(s.buf, make([]byte, pad(end)-end)...)
		s.flush()
		off = pad(end)
	}
	return off
}

// finish writes the checksums and, last of all, the header: what has no header is
// no snapshot. The header has a checksum of its own.
func (w *snapshotWriter) finish(off int64) error {
	w.h.sections[secSums] = section{off, int64(len(w.sums))}
	w.h.size = off + int64(len(w.sums))
	w.h.sums = crc(w.sums)
	if err := w.sys.writeAt(w.file, w.sums, off); err != nil {
		return err
	}
	return w.sys.writeAt(w.file, w.h.encode(), 0)
}

// stream is a section that is being written, from front to back.
type stream struct {
	w   *snapshotWriter
	buf []byte
	off int64 // of buf in the file
}

const writeSize = 1 << 20 // whole pages

func (s *stream) put(b []byte) {
	s.buf = append(s.buf, b...)
	if len(s.buf) >= writeSize {
		s.flush()
	}
}

// flush writes the whole pages of the buffer and keeps the rest.
func (s *stream) flush() {
	w := s.w
	whole := len(s.buf) &^ (pageSize - 1)
	if end := (s.off + int64(whole)) / pageSize * 4; end > int64(len(w.sums)) {
		w.sums = append(w.sums, make([]byte, end-int64(len(w.sums)))...)
	}
	for at := 0; at < whole; at += pageSize {
		le.PutUint32(w.sums[(s.off+int64(at))/pageSize*4:], crc(s.buf[at:at+pageSize]))
	}
	if w.err == nil && whole > 0 {
		w.err = w.sys.writeAt(w.file, s.buf[:whole], s.off)
	}
	s.off += int64(whole)
	s.buf = s.buf[:copy(s.buf, s.buf[whole:])]
}

// messages writes what there is of each message.
func (w *snapshotWriter) messages() {
	x := w.x
	defer runtime.KeepAlive(x)
	for s := range x.spans {
		switch {
		case w.err != nil:
			return
		case s.l == nil && w.move == nil:
			for from := s.from; from < s.from+s.n; from += perPage {
				w.page(from, min(perPage, s.from+s.n-from))
			}
		case s.l == nil:
			for bit := range s.n {
				w.message(s.from + bit)
			}
		default:
			for bit := range s.slots {
				w.message(s.from + bit)
			}
		}
	}
	if n := w.row % perPage; n != 0 {
		w.endBlock(n)
	}
}

// page writes a page of messages that are what they were in the old snapshot.
func (w *snapshotWriter) page(from, n int) {
	snap := w.x.snap
	old, uids, flags := snap.page(from), snap.uids(from, n), snap.flags(from, n)
	if old == nil || uids == nil || flags == nil {
		return // the index has an error now
	}
	old = old[:n*recordSize]
	last := old[len(old)-recordSize:]
	nameOff := le.Uint32(old[recNameOff:])
	nameEnd := le.Uint32(last[recNameOff:]) + uint32(last[recNameLen])
	if !snap.goodRange(secNames, int64(nameOff), int64(nameEnd)) {
		return
	}
	names := snap.section(secNames)[nameOff:nameEnd]
	w.streams[secUIDs].put(uids)
	w.streams[secFlags].put(flags)
	w.streams[secNames].put(names)
	out := &w.streams[secRecords].buf
	at := len(*out)
	*out = append(*out, old...)
	delta := uint32(w.nameOff) - nameOff
	for b := (*out)[at:]; len(b) > 0; b = b[recordSize:] {
		off, length := le.Uint32(b[recNameOff:]), uint32(b[recBaseLen])
		le.PutUint32(b[recNameOff:], off+delta)
		if set := le.Uint32(b[recSet:]); set != 0 {
			le.PutUint32(b[recSet:], w.renumber(set))
		}
		modseq := max(mail.ModSeq(le.Uint64(b[recModSeq:])), w.x.least)
		le.PutUint64(b[recModSeq:], uint64(modseq))
		w.count(modseq, le.Uint32(b[recCacheLen:]), names[off-nameOff:off-nameOff+length])
	}
	w.streams[secRecords].put(nil)
	w.named(len(names))
}

// message writes the message in a slot.
func (w *snapshotWriter) message(slot int) {
	r := w.x.at(slot)
	name, base, info := w.x.nameAt(slot)
	if r.set != 0 {
		r.set = w.renumber(r.set)
	}
	if w.move != nil && w.err == nil {
		w.err = w.move.move(w.x, &r)
	}
	var b [recordSize]byte
	encodeRecord(b[:], &r, uint32(w.nameOff), len(name)+len(info), base)
	w.streams[secRecords].put(b[:])
	w.streams[secUIDs].put(b[recUID : recUID+uidSize])
	w.streams[secFlags].put(b[recFlags : recFlags+1])
	w.streams[secNames].put(name)
	w.streams[secNames].put(info)
	w.count(r.ModSeq, r.cacheLen, name[:base])
	w.named(len(name) + len(info))
}

// named counts the octets of names.
func (w *snapshotWriter) named(n int) {
	if w.nameOff += uint64(n); w.nameOff > math.MaxUint32 && w.err == nil {
		w.err = ErrTooLarge
	}
}

// count adds a message to the sums and to the table of bases.
func (w *snapshotWriter) count(modseq mail.ModSeq, cacheLen uint32, base []byte) {
	w.h.live += int64(cacheLen)
	w.highest = max(w.highest, modseq)
	if w.row >= w.known {
		w.hashes[w.row%perPage] = hash(base)
	}
	w.row++
	if w.row%perPage == 0 {
		w.endBlock(perPage)
	}
}

// endBlock ends a block of n messages.
func (w *snapshotWriter) endBlock(n int) {
	b := &w.streams[secBlocks].buf
	*b = le.AppendUint64(*b, uint64(w.highest))
	w.highest = 0
	// The table does not fit into the processor's cache, and each entry waits for
	// memory. Looking at all places first lets them wait together.
	mask := uint32(len(w.table)/tableEntry - 1)
	first := min(max(w.row-n, w.known), w.row)
	hashes := w.hashes[n-(w.row-first) : n]
	for _, h := range hashes {
		w.fetched |= w.table[(h&mask)*tableEntry]
	}
	for i, h := range hashes {
		at := h & mask
		for le.Uint32(w.table[at*tableEntry:]) != 0 {
			at = (at + 1) & mask
		}
		le.PutUint32(w.table[at*tableEntry:], uint32(first+i+1))
	}
}

// renumber leaves out the sets that no message has any more.
func (w *snapshotWriter) renumber(set uint32) uint32 {
	if w.renamed[set] == 0 {
		w.sets = append(w.sets, set)
		w.renamed[set] = uint32(len(w.sets))
	}
	return w.renamed[set]
}

func encodeHistory(history []vanish) []byte {
	b := make([]byte, 0, len(history)*vanishSize)
	for _, v := range history {
		b = le.AppendUint64(b, uint64(v.modseq))
		b = le.AppendUint32(b, uint32(v.lo))
		b = le.AppendUint32(b, uint32(v.hi))
	}
	return b
}
