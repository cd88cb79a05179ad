package index

import (
	"errors"
	"fmt"
	"io"
	"math"

	"fantail/internal/mail"
)

// The journal begins with a header:
//
//	magic 8, version u32, CRC-32C of the header with this field zero u32,
//	generation u64, 1 if there is no snapshot below u32, UIDVALIDITY u32,
//	UIDNEXT u32, 0 u32, modseq u64, boot 16
//
// and goes on with frames, each the work of one transaction:
//
//	length of the payload u32, CRC-32C u32, payload: modseq u64, operations
//
// The checksum goes over the checksum of the frame before (or of the header), the
// length and the payload: a frame counts only where it was written.
const (
	journalHeader = 64
	frameHeader   = 8
	// maxFrame bounds what a reader allocates. A longer transaction becomes a
	// snapshot.
	maxFrame = 64 << 20
)

// tail is how far the journal has been read.
type tail struct {
	generation uint64
	matched    bool   // there is a journal that belongs to the snapshot
	off        int64  // end of the last frame
	last       int64  // its beginning; 0: there is none
	chain      uint32 // its checksum
	more       bool   // octets follow that are no frame, perhaps not yet
	boot       BootID // under which the last frame was written
	clean      bool   // it is on disk
	doubt      bool
	beside     FileID // the snapshot that lay beside the journal
}

func encodeJournalHeader(m *meta, generation uint64, alone bool, boot BootID) []byte {
	b := make([]byte, 0, journalHeader)
	b = append(b, journalMagic[:]...)
	b = le.AppendUint32(b, version)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, generation)
	b = le.AppendUint32(b, boolBit(alone))
	b = le.AppendUint32(b, uint32(m.validity))
	b = le.AppendUint32(b, uint32(m.next))
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, uint64(m.modseq))
	b = append(b, boot[:]...)
	le.PutUint32(b[12:], crc(b))
	return b
}

type journalHead struct {
	meta
	generation uint64
	alone      bool
	boot       BootID
	sum        uint32
}

// decodeJournalHeader reports false for everything that is no header of ours: such
// a file is as good as none.
func decodeJournalHeader(b []byte) (h journalHead, ok bool) {
	if len(b) != journalHeader || [8]byte(b[:8]) != journalMagic || le.Uint32(b[8:]) != version {
		return h, false
	}
	h.sum = le.Uint32(b[12:])
	copied := [journalHeader]byte(b)
	le.PutUint32(copied[12:], 0)
	if crc(copied[:]) != h.sum {
		return h, false
	}
	h.generation = le.Uint64(b[16:])
	h.alone = le.Uint32(b[24:]) == 1
	h.validity = mail.UIDValidity(le.Uint32(b[28:]))
	h.next = mail.UID(le.Uint32(b[32:]))
	h.modseq = mail.ModSeq(le.Uint64(b[40:]))
	h.floor, h.least = h.modseq, h.modseq
	copy(h.boot[:], b[48:])
	return h, h.validity != 0 && h.next != 0 && h.modseq < math.MaxInt64
}

func (h *journalHead) start(x *Index) {
	x.tail = tail{generation: h.generation, matched: true, off: journalHeader, chain: h.sum, boot: h.boot, clean: true}
}

// readHead reads the header of a journal of that size.
func readHead(f io.ReaderAt, size int64) (h journalHead, ok bool, err error) {
	if size < journalHeader {
		return h, false, nil
	}
	b := make([]byte, journalHeader)
	if _, err := f.ReadAt(b, 0); err != nil {
		if errors.Is(err, io.EOF) { // it got shorter
			return h, false, nil
		}
		return h, false, fmt.Errorf("read journal: %w", err)
	}
	h, ok = decodeJournalHeader(b)
	return h, ok, nil
}

// seal makes a frame of a payload that has frameHeader octets of room before it.
func seal(b []byte, chain uint32) uint32 {
	le.PutUint32(b, uint32(len(b)-frameHeader))
	le.PutUint32(b[4:], chain)
	sum := frameSum(b[:frameHeader], b[frameHeader:], chain)
	le.PutUint32(b[4:], sum)
	return sum
}

func frameSum(head, payload []byte, chain uint32) uint32 {
	var first [frameHeader]byte
	copy(first[:], head)
	le.PutUint32(first[4:], chain)
	return crcUpdate(crc(first[:]), payload)
}

// readFrames applies the frames from x.off on, and returns the index after the
// last good one: x itself if there is none. size is that of the file.
func readFrames(f io.ReaderAt, size int64, x *Index) (*Index, error) {
	r := frameReader{f: f, off: x.off, size: size}
	e := newEdit(x)
	n := 0
	for {
		head, payload, err := r.next()
		if err != nil {
			return nil, err
		}
		if payload == nil || frameSum(head, payload, e.x.chain) != le.Uint32(head[4:]) {
			break
		}
		if !e.frame(payload) {
			return nil, &DamagedError{journalName, Inconsistent, e.x.off}
		}
		e.x.step(le.Uint32(head[4:]), len(payload))
		n++
	}
	e.x.more = e.x.off < size
	if n == 0 && e.x.more == x.more {
		return x, nil
	}
	return e.done(), nil
}

// step moves the tail behind a frame.
func (t *tail) step(sum uint32, payload int) {
	t.last, t.chain = t.off, sum
	t.off += frameHeader + int64(payload)
	t.more = false
}

// frame carries out the operations of a frame.
func (e *edit) frame(payload []byte) bool {
	d := decoder{b: payload}
	modseq := mail.ModSeq(d.u64())
	if modseq < e.x.modseq || modseq >= math.MaxInt64 {
		return false
	}
	e.x.modseq = modseq
	e.x.clean = false
	for d.ok() && len(d.b) > 0 {
		if !d.op(&e.op) || !e.do(&e.op) {
			return false
		}
	}
	return d.ok()
}

// frameReader takes frames out of a file, with a buffer that is never longer than
// a frame must be and the rest of the file is.
type frameReader struct {
	f         io.ReaderAt
	off, size int64
	buf       []byte // of the file from off on
}

const readAhead = 64 << 10

// next returns the next frame, or nil at the end of what can be one.
func (r *frameReader) next() (head, payload []byte, err error) {
	head, err = r.peek(frameHeader)
	if head == nil {
		return nil, nil, err
	}
	n := int64(le.Uint32(head))
	if n == 0 || n > maxFrame {
		return nil, nil, nil
	}
	b, err := r.peek(frameHeader + int(n))
	if b == nil {
		return nil, nil, err
	}
	r.buf, r.off = r.buf[len(b):], r.off+int64(len(b))
	return b[:frameHeader], b[frameHeader:], nil
}

// peek returns the next n octets, or nil if the file has not so many.
func (r *frameReader) peek(n int) ([]byte, error) {
	if len(r.buf) >= n {
		return r.buf[:n], nil
	}
	if int64(n) > r.size-r.off {
		return nil, nil
	}
	buf := make([]byte, min(int64(max(n, readAhead)), r.size-r.off))
	have := copy(buf, r.buf)
	m, err := r.f.ReadAt(buf[have:], r.off+int64(have))
	r.buf = buf[:have+m]
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	if len(r.buf) < n {
		return nil, nil // it got shorter
	}
	return r.buf[:n], nil
}

// continues reports whether the journal still is what x was read from: its last
// frame, or the header, has the same checksum.
func (x *Index) continues(f io.ReaderAt) bool {
	at := x.last + 4
	if x.last == 0 {
		at = 12
	}
	var b [4]byte
	_, err := f.ReadAt(b[:], at)
	return err == nil && le.Uint32(b[:]) == x.chain
}

// newFrame begins a frame: room for its header and the modseq.
func newFrame() []byte { return make([]byte, frameHeader+8, 128) }

// finish completes a frame and returns its checksum.
func finish(b []byte, modseq mail.ModSeq, chain uint32) uint32 {
	le.PutUint64(b[frameHeader:], uint64(modseq))
	return seal(b, chain)
}
