package index

import (
	"math"

	"fantail/internal/mail"
)

// meta is what an index says of the mailbox as a whole.
type meta struct {
	validity mail.UIDValidity
	next     mail.UID
	modseq   mail.ModSeq // the highest
	least    mail.ModSeq // every message has at least this one
	floor    mail.ModSeq // expunges up to this one are not remembered one by one
	counts   Counts
	stamps   Stamps
	checked  int64    // seconds since 1970: the last housekeeping; 0: never
	guid     [16]byte // zero: not known
	live     int64    // octets of the cache that messages refer to
}

// Sections of a snapshot, each beginning on a page.
const (
	secRecords  = iota
	secUIDs     // once more, u32: whoever wants all of them need not read all records
	secFlags    // and these, u8
	secBlocks   // per page of records: highest modseq u64
	secTable    // hash of bases: open addressing, row number + 1 or 0, u32
	secNames    // file names, without separators, in the order of the records
	secWords    // keywords and their sets
	secVanished // expunged: modseq u64, first UID u32, last UID u32
	secSums     // CRC-32C of every page before this section, u32
	sections
)

type section struct{ off, len int64 }

// header is the first page of a snapshot.
type header struct {
	generation uint64
	size       int64
	boot       BootID // under which it was written
	sums       uint32 // CRC-32C of secSums
	meta
	words, sets uint32
	sections    [sections]section
}

const (
	sectionsAt = 296                      // where the header lists the sections
	headerUsed = sectionsAt + 16*sections // octets of the first page that mean something
)

func (h *header) encode() []byte {
	b := make([]byte, 0, pageSize)
	b = append(b, snapshotMagic[:]...)
	b = le.AppendUint32(b, version)
	b = le.AppendUint32(b, 0) // CRC-32C of the page with this field zero
	b = le.AppendUint64(b, h.generation)
	b = le.AppendUint64(b, uint64(h.size))
	b = append(b, h.boot[:]...)
	b = le.AppendUint32(b, h.sums)
	b = le.AppendUint32(b, uint32(h.validity))
	b = le.AppendUint32(b, uint32(h.next))
	b = le.AppendUint32(b, boolBit(h.stamps.Hard))
	b = le.AppendUint64(b, uint64(h.modseq))
	b = le.AppendUint64(b, uint64(h.least))
	b = le.AppendUint64(b, uint64(h.floor))
	b = le.AppendUint32(b, uint32(h.counts.Messages))
	b = le.AppendUint32(b, uint32(h.counts.Unseen))
	b = le.AppendUint32(b, uint32(h.counts.Deleted))
	b = le.AppendUint32(b, uint32(h.counts.New))
	b = le.AppendUint64(b, uint64(h.counts.Virtual))
	b = le.AppendUint32(b, uint32(h.counts.Unsized))
	b = le.AppendUint32(b, h.words)
	b = le.AppendUint64(b, uint64(h.live))
	b = le.AppendUint32(b, h.sets)
	b = h.stamps.Append(b)
	b = le.AppendUint64(b, uint64(h.checked))
	b = append(b, h.guid[:]...)
	for _, s := range h.sections {
		b = le.AppendUint64(b, uint64(s.off))
		b = le.AppendUint64(b, uint64(s.len))
	}
	b = append(b, make([]byte, pageSize-len(b))...)
	le.PutUint32(b[12:], crc(b))
	return b
}

func boolBit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// decodeHeader reads the first page of a file of that size, and makes sure that
// everything it says of the file's own shape is true.
func decodeHeader(page []byte, size int64) (h header, kind Kind, ok bool) {
	switch {
	case len(page) < pageSize:
		return h, Truncated, false
	case [8]byte(page[:8]) != snapshotMagic:
		return h, Foreign, false
	case le.Uint32(page[8:]) != version:
		return h, Version, false
	}
	copied := [pageSize]byte(page)
	le.PutUint32(copied[12:], 0)
	if crc(copied[:]) != le.Uint32(page[12:]) {
		return h, Checksum, false
	}
	d := decoder{b: page[16:headerUsed]}
	h.generation = d.u64()
	h.size = int64(d.u64())
	copy(h.boot[:], d.take(len(h.boot)))
	h.sums = d.u32()
	h.validity = mail.UIDValidity(d.u32())
	h.next = mail.UID(d.u32())
	hard := d.u32()
	h.modseq = mail.ModSeq(d.u64())
	h.least = mail.ModSeq(d.u64())
	h.floor = mail.ModSeq(d.u64())
	h.counts.Messages = int(d.u32())
	h.counts.Unseen = int(d.u32())
	h.counts.Deleted = int(d.u32())
	h.counts.New = int(d.u32())
	h.counts.Virtual = int64(d.u64())
	h.counts.Unsized = int(d.u32())
	h.words = d.u32()
	h.live = int64(d.u64())
	h.sets = d.u32()
	h.stamps = ReadStamps(d.take(StampsSize))
	h.stamps.Hard = hard == 1
	h.checked = int64(d.u64())
	copy(h.guid[:], d.take(len(h.guid)))
	for i := range h.sections {
		h.sections[i] = section{int64(d.u64()), int64(d.u64())}
	}
	if h.size != size {
		return h, Truncated, false
	}
	return h, Inconsistent, d.ok() && h.sane()
}

// sane reports whether the sections lie within the file, one behind the other,
// and have the sizes that the counts want.
func (h *header) sane() bool {
	end := int64(pageSize)
	for i, s := range h.sections {
		if s.off != end || s.len < 0 || s.len > h.size-s.off {
			return false
		}
		if end = s.off + pad(s.len); i == secSums {
			end = s.off + s.len
		}
	}
	n, pages := int64(h.counts.Messages), h.sections[secSums].off/pageSize
	table := h.sections[secTable].len / tableEntry
	return end == h.size && n <= maxSlots && h.modseq < math.MaxInt64 && h.least <= h.modseq && h.floor <= h.modseq &&
		h.next != 0 && h.validity != 0 &&
		h.sections[secRecords].len == n*recordSize &&
		h.sections[secUIDs].len == n*uidSize &&
		h.sections[secFlags].len == n &&
		h.sections[secNames].len <= math.MaxUint32 &&
		h.sections[secBlocks].len == (n+perPage-1)/perPage*blockSize &&
		h.sections[secTable].len%tableEntry == 0 && table&(table-1) == 0 && table >= n && (n == 0 || table > n) &&
		h.sections[secVanished].len%vanishSize == 0 &&
		h.sections[secSums].len == pages*4
}

// pad rounds up to whole pages.
func pad(n int64) int64 { return (n + pageSize - 1) &^ (pageSize - 1) }
