package index

import (
	"fmt"
	"io"
	"math/bits"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"fantail/internal/mail"

	"golang.org/x/sys/unix"
)

// image is a snapshot in memory: mapped, or read into the heap. Its pages are
// checked when they are first looked at. Where one is not what was written, the
// image is damaged for good, and what is read from the page is zero.
//
// A mapping lives until nobody can reach the image any more; each method that
// looks at data keeps it reachable to its end.
type image struct {
	path    string
	data    []byte
	h       header
	checked []atomic.Uint64 // a bit for each page before secSums
	damage  atomic.Pointer[DamagedError]

	once  sync.Once
	vocab *vocabulary
}

// openImage opens the snapshot at path.
func openImage(path string, heap bool) (*image, error) {
	f, st, err := openOld(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := st.Size()
	if size < pageSize || int64(int(size)) != size {
		return nil, &DamagedError{path, Truncated, size}
	}
	if heap {
		data := make([]byte, size)
		if _, err := io.ReadFull(f, data); err != nil {
			return nil, fmt.Errorf("read snapshot: %w", err)
		}
		return newImage(path, data)
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	m, err := newImage(path, data)
	if err != nil {
		unmap(data)
		return nil, err
	}
	runtime.AddCleanup(m, unmap, data)
	return m, nil
}

// unmap can only fail for a slice that is no mapping.
func unmap(data []byte) {
	if err := unix.Munmap(data); err != nil {
		panic("index: unmap: " + err.Error())
	}
}

// newImage checks the header and the list of checksums.
func newImage(path string, data []byte) (*image, error) {
	h, kind, ok := decodeHeader(data[:min(len(data), pageSize)], int64(len(data)))
	if !ok {
		return nil, &DamagedError{path, kind, 0}
	}
	m := &image{path: path, data: data, h: h}
	if sums := m.section(secSums); crc(sums) != h.sums {
		return nil, &DamagedError{path, Checksum, h.sections[secSums].off}
	}
	pages := int(h.sections[secSums].off / pageSize)
	m.checked = make([]atomic.Uint64, (pages+63)/64)
	m.checked[0].Store(1) // the header
	return m, nil
}

func (m *image) section(i int) []byte {
	s := m.h.sections[i]
	return m.data[s.off : s.off+s.len : s.off+s.len]
}

func (m *image) rows() int { return m.h.counts.Messages }

func (m *image) broken(kind Kind, off int64) {
	m.damage.CompareAndSwap(nil, &DamagedError{m.path, kind, off})
}

// good reports whether a page is as it was written.
func (m *image) good(page int) bool {
	return m.checked[page/64].Load()&(1<<(page%64)) != 0 || m.check(page)
}

func (m *image) check(page int) bool {
	off := page * pageSize
	b := m.data[off : off+pageSize]
	switch sums := m.section(secSums); {
	case crc(b) != le.Uint32(sums[page*4:]):
		m.broken(Checksum, int64(off))
		return false
	case !m.sane(page, b):
		m.broken(Inconsistent, int64(off))
		return false
	}
	m.checked[page/64].Or(1 << (page % 64))
	return true
}

// goodRange is good for every page of a part of a section.
func (m *image) goodRange(sec int, from, to int64) bool {
	off := m.h.sections[sec].off
	for p := (off + from) / pageSize; p*pageSize < off+to; p++ {
		if !m.good(int(p)) {
			return false
		}
	}
	return true
}

// record returns the bytes of a row, or nil from a damaged page.
func (m *image) record(slot int) []byte {
	off := int(m.h.sections[secRecords].off) + slot*recordSize
	if !m.good(off / pageSize) {
		return nil
	}
	return m.data[off : off+recordSize : off+recordSize]
}

func (m *image) row(slot int) (r Row) {
	if rec := m.record(slot); rec != nil {
		r = decodeRecord(rec)
		r.ModSeq = max(r.ModSeq, m.h.least)
	}
	runtime.KeepAlive(m)
	return r
}

// uids returns that column of n rows, or nil if a page is damaged. The caller
// keeps the image alive.
func (m *image) uids(from, n int) []byte {
	at, end := int64(from)*uidSize, int64(from+n)*uidSize
	if !m.goodRange(secUIDs, at, end) {
		return nil
	}
	return m.section(secUIDs)[at:end]
}

// flags is uids for the other column.
func (m *image) flags(from, n int) []byte {
	if !m.goodRange(secFlags, int64(from), int64(from+n)) {
		return nil
	}
	return m.section(secFlags)[from : from+n]
}

// blocks returns what is said of the pages of n records from the beginning of one
// on, or nil.
func (m *image) blocks(from, n int) []byte {
	at, end := int64(from/perPage)*blockSize, int64((from+n+perPage-1)/perPage)*blockSize
	if !m.goodRange(secBlocks, at, end) {
		return nil
	}
	return m.section(secBlocks)[at:end]
}

func (m *image) flagsOf(slot int) (f mail.Flags) {
	off := int(m.h.sections[secFlags].off) + slot
	if m.good(off / pageSize) {
		f = mail.Flags(m.data[off])
	}
	runtime.KeepAlive(m)
	return f
}

func (m *image) uid(slot int) (uid mail.UID) {
	off := int(m.h.sections[secUIDs].off) + slot*uidSize
	if m.good(off / pageSize) {
		uid = mail.UID(le.Uint32(m.data[off:]))
	}
	runtime.KeepAlive(m)
	return uid
}

// name returns a row's file name and how much of it is the base. The bytes are
// the image's: the caller copies them and keeps the image alive.
func (m *image) name(slot int) (name []byte, base int) {
	rec := m.record(slot)
	if rec == nil {
		return nil, 0
	}
	off := int64(le.Uint32(rec[recNameOff:]))
	end := off + int64(rec[recNameLen])
	if !m.goodRange(secNames, off, end) {
		return nil, 0
	}
	return m.section(secNames)[off:end], int(rec[recBaseLen])
}

// block returns the highest modseq in a page of records, or zero from a damaged
// page.
func (m *image) block(i int) (modseq mail.ModSeq) {
	off := int(m.h.sections[secBlocks].off) + i*blockSize
	if m.good(off / pageSize) {
		modseq = mail.ModSeq(le.Uint64(m.data[off:]))
	}
	runtime.KeepAlive(m)
	return modseq
}

// find returns the first row whose UID is not below uid.
func (m *image) find(uid mail.UID) int {
	n := m.rows()
	first, last := m.uid(0), m.uid(n-1)
	switch {
	case uid <= first:
		return 0
	case uid > last:
		return n
	}
	// UIDs ascend: before it stand at most as many as there are numbers between,
	// and so behind it. Where few are missing that is all.
	lo := max(0, n-1-int(last-uid))
	hi := min(n-1, int(uid-first))
	for lo < hi {
		if mid := int(uint(lo+hi) / 2); m.uid(mid) < uid {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// findBase returns the row of the file with that base name, or -1.
func (m *image) findBase(base string) int {
	entries := int(m.h.sections[secTable].len / tableEntry)
	if entries == 0 {
		return -1
	}
	defer runtime.KeepAlive(m)
	table := m.section(secTable)
	at := hash(unsafe.Slice(unsafe.StringData(base), len(base))) & uint32(entries-1) // only read
	for range entries {
		off := int64(at) * tableEntry
		if !m.goodRange(secTable, off, off+tableEntry) {
			return -1
		}
		slot := int(le.Uint32(table[off:])) - 1
		if slot < 0 {
			return -1
		}
		if slot >= m.rows() {
			m.broken(Inconsistent, m.h.sections[secTable].off+off)
			return -1
		}
		if name, n := m.name(slot); string(name[:n]) == base {
			return slot
		}
		at = (at + 1) & uint32(entries-1)
	}
	return -1
}

// hash places a base name in secTable. The names are the user's own: nobody gains
// by collisions.
func hash(base []byte) uint32 { return crc(base) }

// tableSize is the number of entries for so many rows.
func tableSize(rows int) int {
	if rows == 0 {
		return 0
	}
	return 2 << bits.Len(uint(rows-1))
}

// vanished returns the i-th entry of the history.
func (m *image) vanished(i int) (v vanish) {
	at := int64(i * vanishSize)
	if m.goodRange(secVanished, at, at+vanishSize) {
		b := m.section(secVanished)[at:]
		v = vanish{mail.ModSeq(le.Uint64(b)), mail.UID(le.Uint32(b[8:])), mail.UID(le.Uint32(b[12:]))}
	}
	runtime.KeepAlive(m)
	return v
}

func (m *image) vanishedLen() int { return int(m.h.sections[secVanished].len / vanishSize) }

// words returns the keywords and their sets, read when they are first wanted.
func (m *image) words() *vocabulary {
	m.once.Do(func() {
		m.vocab = newVocabulary()
		s := m.h.sections[secWords]
		if !m.goodRange(secWords, 0, s.len) {
			return
		}
		v, ok := decodeVocabulary(m.section(secWords), m.h.words, m.h.sets)
		if !ok {
			m.broken(Inconsistent, s.off)
			return
		}
		m.vocab = v
	})
	runtime.KeepAlive(m)
	return m.vocab
}

// verify looks at every page.
func (m *image) verify() error {
	for p := range int(m.h.sections[secSums].off / pageSize) {
		if !m.good(p) {
			break
		}
	}
	m.words()
	runtime.KeepAlive(m)
	return m.err()
}

func (m *image) err() error {
	if d := m.damage.Load(); d != nil {
		return d
	}
	return nil
}

// page returns the page of records in which a row stands, or nil if it is
// damaged. The caller keeps the image alive.
func (m *image) page(slot int) []byte {
	off := int(m.h.sections[secRecords].off) + slot/perPage*pageSize
	if !m.good(off / pageSize) {
		return nil
	}
	return m.data[off : off+pageSize : off+pageSize]
}
