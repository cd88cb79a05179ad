package index

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"

	"fantail/internal/mail"
)

// Names of the files, in the mailbox's directory.
const (
	snapshotName = "fantail.index"
	journalName  = "fantail.log"
	cacheName    = "fantail.cache"
	tmpSuffix    = ".tmp"
)

const (
	version    = 1
	pageSize   = 4096
	recordSize = 64
	uidSize    = 4
	perPage    = pageSize / recordSize // rows in a page: also the bits of a word and the slots of a leaf
	blockSize  = 8
	vanishSize = 16
	tableEntry = 4
	// maxSlots keeps row numbers and their +1 in 32 bits, and the hash table's
	// size too.
	maxSlots = 1 << 30
	// maxName is the longest file name, in octets: that of Linux.
	maxName = 255
)

var (
	snapshotMagic = [8]byte{'F', 'A', 'N', 'T', 'A', 'I', 'L', 'i'}
	journalMagic  = [8]byte{'F', 'A', 'N', 'T', 'A', 'I', 'L', 'j'}
	cacheMagic    = [8]byte{'F', 'A', 'N', 'T', 'A', 'I', 'L', 'c'}
)

// The processor computes this polynomial; a table in memory does not. To prepare that
// takes a fifth of a millisecond, the first time, and not every program needs it.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func crc(b []byte) uint32 { return crc32.Checksum(b, castagnoli()) }

func crcUpdate(sum uint32, b []byte) uint32 { return crc32.Update(sum, castagnoli(), b) }

// le is the byte order of every file on every machine. On most it costs nothing.
var le = binary.LittleEndian

// DirStamp tells one state of a directory from another, as maildir.Stamp does.
type DirStamp struct {
	Dev, Ino     uint64
	Mtime, Ctime int64 // nanoseconds since 1970
}

// FileID tells one state of a file from another.
type FileID struct {
	Ino   uint64
	Size  int64
	Mtime int64 // nanoseconds since 1970
}

// Stamps say which state of the truth the index was made from.
type Stamps struct {
	New, Cur DirStamp
	Hard     bool   // equal stamps prove that nothing changed
	UIDs     FileID // the UID list
	Lines    uint32 // record lines in the UID list
	Keywords FileID // the keyword letters
	Overflow FileID // the keywords beyond the letters
}

// StampsSize is what Append appends, in octets.
const StampsSize = 2*32 + 3*24 + 4

// Append appends the stamps, but for Hard, in StampsSize octets.
func (s Stamps) Append(b []byte) []byte {
	for _, d := range [...]DirStamp{s.New, s.Cur} {
		b = le.AppendUint64(b, d.Dev)
		b = le.AppendUint64(b, d.Ino)
		b = le.AppendUint64(b, uint64(d.Mtime))
		b = le.AppendUint64(b, uint64(d.Ctime))
	}
	for _, f := range [...]FileID{s.UIDs, s.Keywords, s.Overflow} {
		b = le.AppendUint64(b, f.Ino)
		b = le.AppendUint64(b, uint64(f.Size))
		b = le.AppendUint64(b, uint64(f.Mtime))
	}
	return le.AppendUint32(b, s.Lines)
}

// ReadStamps reads what Append wrote.
func ReadStamps(b []byte) (s Stamps) {
	u := func(i int) uint64 { return le.Uint64(b[8*i:]) }
	s.New = DirStamp{u(0), u(1), int64(u(2)), int64(u(3))}
	s.Cur = DirStamp{u(4), u(5), int64(u(6)), int64(u(7))}
	s.UIDs = FileID{u(8), int64(u(9)), int64(u(10))}
	s.Keywords = FileID{u(11), int64(u(12)), int64(u(13))}
	s.Overflow = FileID{u(14), int64(u(15)), int64(u(16))}
	s.Lines = le.Uint32(b[8*17:])
	return s
}

// Counts are sums over all messages.
type Counts struct {
	Messages int
	Unseen   int
	Deleted  int
	New      int   // still in new/
	Virtual  int64 // octets with CRLF line ends, of the messages whose size is known
	Unsized  int   // messages whose virtual size is not known
}

func (c *Counts) add(r *Row, n int) {
	c.Messages += n
	if !r.Flags.Has(mail.Seen) {
		c.Unseen += n
	}
	if r.Flags.Has(mail.Deleted) {
		c.Deleted += n
	}
	if r.bits&inNew != 0 {
		c.New += n
	}
	if v, ok := r.Virtual(); ok {
		c.Virtual += int64(n) * v
	} else {
		c.Unsized += n
	}
}

// What is known of a message, in row.bits.
const (
	inNew = 1 << iota
	hasStored
	hasVirtual
	hasInternal
	hasSaved

	allBits = 1<<iota - 1
)

// Row is one message, without its name and keywords.
type Row struct {
	UID    mail.UID
	Flags  mail.Flags
	bits   uint8
	set    uint32 // of keywords
	ModSeq mail.ModSeq

	stored          int64
	grow            uint32 // virtual - stored: the number of bare LFs
	cacheLen        uint32
	internal, saved int64 // microseconds since 1970
	cacheOff        uint64
}

// New reports whether the message lies in new/, where no session has claimed it.
func (r Row) New() bool { return r.bits&inNew != 0 }

// Stored returns the octets of the message as stored, if they are known.
func (r Row) Stored() (int64, bool) { return r.stored, r.bits&hasStored != 0 }

// Virtual returns the octets of the message once every line ends in CRLF, if they
// are known.
func (r Row) Virtual() (int64, bool) { return r.stored + int64(r.grow), r.bits&hasVirtual != 0 }

// Internal returns the internal date (RFC 9051 section 2.3.3), if it is known.
func (r Row) Internal() (time.Time, bool) { return time.UnixMicro(r.internal), r.bits&hasInternal != 0 }

// Saved returns the save date (RFC 8514), if it is known.
func (r Row) Saved() (time.Time, bool) { return time.UnixMicro(r.saved), r.bits&hasSaved != 0 }

// Set identifies the message's set of keywords: within one Index, messages with
// equal numbers have the same keywords. 0 is none.
func (r Row) Set() uint32 { return r.set }

// Offsets in a record of the snapshot.
const (
	recUID      = 0  // u32
	recFlags    = 4  // u8
	recBits     = 5  // u8
	recNameLen  = 6  // u8, of the whole file name
	recBaseLen  = 7  // u8, of its base
	recModSeq   = 8  // u64
	recSet      = 16 // u32
	recNameOff  = 20 // u32, in the section of names
	recStored   = 24 // u64
	recGrow     = 32 // u32
	recCacheLen = 36 // u32
	recInternal = 40 // i64
	recSaved    = 48 // i64
	recCacheOff = 56 // u64
)

func decodeRecord(b []byte) Row {
	_ = b[recordSize-1]
	return Row{
		UID:      mail.UID(le.Uint32(b[recUID:])),
		Flags:    mail.Flags(b[recFlags]),
		bits:     b[recBits],
		set:      le.Uint32(b[recSet:]),
		ModSeq:   mail.ModSeq(le.Uint64(b[recModSeq:])),
		stored:   int64(le.Uint64(b[recStored:])),
		grow:     le.Uint32(b[recGrow:]),
		cacheLen: le.Uint32(b[recCacheLen:]),
		internal: int64(le.Uint64(b[recInternal:])),
		saved:    int64(le.Uint64(b[recSaved:])),
		cacheOff: le.Uint64(b[recCacheOff:]),
	}
}

func encodeRecord(b []byte, r *Row, nameOff uint32, nameLen, baseLen int) {
	_ = b[recordSize-1]
	le.PutUint32(b[recUID:], uint32(r.UID))
	b[recFlags] = byte(r.Flags)
	b[recBits] = r.bits
	b[recNameLen] = byte(nameLen)
	b[recBaseLen] = byte(baseLen)
	le.PutUint64(b[recModSeq:], uint64(r.ModSeq))
	le.PutUint32(b[recSet:], r.set)
	le.PutUint32(b[recNameOff:], nameOff)
	le.PutUint64(b[recStored:], uint64(r.stored))
	le.PutUint32(b[recGrow:], r.grow)
	le.PutUint32(b[recCacheLen:], r.cacheLen)
	le.PutUint64(b[recInternal:], uint64(r.internal))
	le.PutUint64(b[recSaved:], uint64(r.saved))
	le.PutUint64(b[recCacheOff:], r.cacheOff)
}

// sane reports whether a row's values can have been written by us.
func (r *Row) sane() bool {
	return r.UID != 0 && r.UID != math.MaxUint32 && r.Flags&^mail.AllFlags == 0 && r.bits&^allBits == 0 &&
		r.stored >= 0 && r.stored < math.MaxInt64-math.MaxUint32 && r.ModSeq < math.MaxInt64
}
