package text

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"fantail/internal/mail"
)

// The file begins with a header; all numbers in it are little-endian:
//
//	magic 8, version u32, UIDVALIDITY u32, how text is made u32,
//	CRC-32C of these u32
//
// and goes on with frames. A frame is a head and the sections of some messages, of each
// the signature, and packed by zstd all texts one behind the other:
//
//	CRC-32C of the header and the rest of the head u32, length of the head u32,
//	number of messages u32,
//	of each section: length of its signature u32, CRC-32C of that u32,
//	length as packed u32, CRC-32C of that u32
//	of each message: UID minus the one before varint, and of each section the
//	length of its text uvarint, that of the body times four, plus what lacks
const (
	magic       = "fantext\n"
	version     = 3
	headerSize  = 24
	frameFixed  = 12 + 16*int(sections)
	maxMessages = 512     // of a frame
	maxSection  = 4 << 20 // octets of a section, unpacked
	maxHead     = frameFixed + maxMessages*binary.MaxVarintLen32*(1+int(sections))
)

// extraction is how text is made of a message, apart from the versions of Unicode:
// whoever changes what a Reader makes of any message counts it up.
const extraction = 1

var le = binary.LittleEndian

// castagnoli takes a fifth of a millisecond, the first time, and not every program needs
// it.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func sum(b []byte) uint32 { return crc32.Checksum(b, castagnoli()) }

// sumAfter is the sum of b and what has that sum, before it.
func sumAfter(seed uint32, b []byte) uint32 { return crc32.Update(seed, castagnoli(), b) }

// header returns the header of a file. It is the same for the same kind of
// content, so frames may be copied from one such file to another.
func header(v mail.UIDValidity) []byte {
	made := fmt.Sprint(extraction, unicode.Version, norm.Version)
	h := le.AppendUint32([]byte(magic), version)
	h = le.AppendUint32(h, uint32(v))
	h = le.AppendUint32(h, sum([]byte(made)))
	return le.AppendUint32(h, sum(h))
}

// errFrame says that what was read is no frame: the file ends before it.
var errFrame = errors.New("no frame")

// head is what the head of a frame says.
type head struct {
	size   int             // octets of the head
	signed [sections]piece // signatures
	packed [sections]piece // texts
	uids   []mail.UID
	ends   [sections][]uint32 // where the text of each message ends in the section
	lacks  []Lack
}

// piece is some octets of a frame, behind its head.
type piece struct {
	size int
	sum  uint32
}

// total is how many octets the frame has.
func (h *head) total() int64 {
	n := int64(h.size)
	for s := range sections {
		n += int64(h.signed[s].size + h.packed[s].size)
	}
	return n
}

// at is where in the frame the signature of a section begins; its text is behind that.
func (h *head) at(s Section) int {
	n := h.size
	for before := range s {
		n += h.signed[before].size + h.packed[before].size
	}
	return n
}

// raw is how many octets a section has, unpacked.
func (h *head) raw(s Section) int {
	if n := len(h.ends[s]); n > 0 {
		return int(h.ends[s][n-1])
	}
	return 0
}

func (h *head) reset() {
	h.uids, h.lacks = h.uids[:0], h.lacks[:0]
	for s := range h.ends {
		h.ends[s] = h.ends[s][:0]
	}
}

// add enters a message with texts of these lengths.
func (h *head) add(uid mail.UID, lengths [sections]int, lacks Lack) {
	for s, n := range lengths {
		h.ends[s] = append(h.ends[s], uint32(h.raw(Section(s))+n))
	}
	h.uids, h.lacks = append(h.uids, uid), append(h.lacks, lacks)
}

// append appends the head's octets to dst. seed is the checksum of the header.
func (h *head) append(dst []byte, seed uint32) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, 8)...)
	dst = le.AppendUint32(dst, uint32(len(h.uids)))
	for s := range sections {
		for _, p := range []piece{h.signed[s], h.packed[s]} {
			dst = le.AppendUint32(dst, uint32(p.size))
			dst = le.AppendUint32(dst, p.sum)
		}
	}
	var last mail.UID
	var at [sections]uint32
	for i, uid := range h.uids {
		dst = binary.AppendVarint(dst, int64(uid)-int64(last))
		last = uid
		for s := range sections {
			n := uint64(h.ends[s][i] - at[s])
			at[s] = h.ends[s][i]
			if s == Body {
				n = n<<2 | uint64(h.lacks[i])
			}
			dst = binary.AppendUvarint(dst, n)
		}
	}
	h.size = len(dst) - start
	le.PutUint32(dst[start+4:], uint32(h.size))
	le.PutUint32(dst[start:], sumAfter(seed, dst[start+4:]))
	return dst
}

// headSize returns the length of the head that b begins with.
func headSize(b []byte) (int, error) {
	if len(b) < frameFixed {
		return 0, errFrame
	}
	n := int64(le.Uint32(b[4:]))
	if n < int64(frameFixed) || n > int64(maxHead) {
		return 0, errFrame
	}
	return int(n), nil
}

// parse reads a head of that size.
func (h *head) parse(b []byte, seed uint32) error {
	h.reset()
	if size, err := headSize(b); err != nil || size != len(b) || le.Uint32(b) != sumAfter(seed, b[4:]) {
		return errFrame
	}
	h.size = len(b)
	count := le.Uint32(b[8:])
	if count == 0 || count > maxMessages {
		return errFrame
	}
	b = b[12:]
	for s := range sections {
		signed, packed := le.Uint32(b), le.Uint32(b[8:])
		if packed > 2*maxSection || !isSignatureSize(signed) {
			return errFrame
		}
		h.signed[s], h.packed[s] = piece{int(signed), le.Uint32(b[4:])}, piece{int(packed), le.Uint32(b[12:])}
		b = b[16:]
	}
	var uid int64
	for range count {
		step, w := binary.Varint(b)
		if w <= 0 || step < -math.MaxUint32 || step > math.MaxUint32 {
			return errFrame
		}
		if uid += step; uid < 1 || uid > math.MaxUint32 {
			return errFrame
		}
		b = b[w:]
		var lengths [sections]int
		var lacks Lack
		for s := range sections {
			var n uint64
			n, b = uvarint(b)
			if s == Body {
				n, lacks = n>>2, Lack(n&3)
			}
			if lacks > AllButOwn || n > maxSection || h.raw(s)+int(n) > maxSection {
				return errFrame
			}
			lengths[s] = int(n)
		}
		if b == nil {
			return errFrame
		}
		h.add(mail.UID(uid), lengths, lacks)
	}
	if len(b) > 0 {
		return errFrame
	}
	return nil
}

// uvarint takes a number off b. Where there is none it returns nil for the rest.
func uvarint(b []byte) (uint64, []byte) {
	n, w := binary.Uvarint(b)
	if w <= 0 {
		return 0, nil
	}
	return n, b[w:]
}
