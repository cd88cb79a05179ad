package search

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"fantail/internal/mail"
	"fantail/internal/message"
)

// The file of a columns is fantail.sort beside the mailbox's other files. It is
// written anew when a good part of the rows is not in it: by then loading these costs
// more. It can be deleted at any time; what is damaged or of another form counts for
// nothing. What a UID means never changes, and neither does what is computed of the
// message, so an old file says nothing wrong: it lacks rows, and has some of messages
// that have left.
//
// All numbers are little-endian:
//
//	magic 8, version u32, version of the keys u32, UIDVALIDITY u32, number of rows u32,
//	rows with links u32, subjects u32, octets of all subjects u32, references u32,
//	Message-IDs u32
//	of each row: UID u32; of each: sent date i64; of each: flags u8; of each: number of
//	the base subject u32
//	of each subject from 1 on: its end u32; then the subjects, one behind the other
//	of each row with links: number of its Message-ID u32; of each: end of its
//	references u32; of each reference: number u32
//	of each Message-ID from 1 on: digest 16
//	CRC-32C of all that u32
const (
	columnsMagic   = "fansort\n"
	columnsVersion = 1
	columnsHeader  = 44
)

const (
	rowGone = 1 << iota // flags of a row
	rowReply
)

// spareWrite is how many rows more than an eighth may be missing in the file.
const spareWrite = 1000

// worthWriting reports whether the file lacks so much that it is to be written.
func (c *columns) worthWriting() bool {
	lack := max(len(c.rows.uids)-c.written, len(c.rows.id)-c.writtenLinks)
	return lack > spareWrite && lack > len(c.rows.uids)/8
}

var le = binary.LittleEndian

func columnsSum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// encode returns the content of the file.
func (c *columns) encode() []byte {
	r := &c.rows
	octets := 0
	for _, t := range r.texts {
		octets += len(t)
	}
	size := columnsHeader + 17*len(r.uids) + 4*len(r.texts) + octets + 8*len(r.id) + 4*len(r.refs) + 16*len(c.ids.digests) + 4
	b := append(make([]byte, 0, size), columnsMagic...)
	for _, n := range [...]int{columnsVersion, message.KeysVersion, int(c.validity), len(r.uids), len(r.id),
		len(r.texts) - 1, octets, len(r.refs), len(c.ids.digests) - 1} {
		b = le.AppendUint32(b, uint32(n))
	}
	b = appendNumbers(b, r.uids)
	for _, sent := range r.sent {
		b = le.AppendUint64(b, uint64(sent))
	}
	for k := range r.uids {
		flags := byte(0)
		if r.gone[k] {
			flags |= rowGone
		}
		if r.reply[k] {
			flags |= rowReply
		}
		b = append(b, flags)
	}
	b = appendNumbers(b, r.subject)
	end := uint32(0)
	for _, t := range r.texts[1:] {
		end += uint32(len(t))
		b = le.AppendUint32(b, end)
	}
	for _, t := range r.texts[1:] {
		b = append(b, t...)
	}
	b = appendNumbers(appendNumbers(appendNumbers(b, r.id), r.refEnd), r.refs)
	for _, d := range c.ids.digests[1:] {
		b = le.AppendUint64(le.AppendUint64(b, d[0]), d[1])
	}
	return le.AppendUint32(b, columnsSum(b))
}

func appendNumbers[T ~int32 | ~uint32](b []byte, list []T) []byte {
	for _, n := range list {
		b = le.AppendUint32(b, uint32(n))
	}
	return b
}

// parseColumns reads what encode has written. It returns nil if there is nothing, or
// nothing of use for a mailbox with that UIDVALIDITY.
func parseColumns(b []byte, v mail.UIDValidity) *columns {
	if len(b) < columnsHeader+4 || string(b[:len(columnsMagic)]) != columnsMagic {
		return nil
	}
	body, sum := b[:len(b)-4], le.Uint32(b[len(b)-4:])
	var h [9]int64
	for k := range h {
		h[k] = int64(le.Uint32(b[len(columnsMagic)+4*k:]))
	}
	count, links, subjects, octets, refs, ids := h[3], h[4], h[5], h[6], h[7], h[8]
	if h[0] != columnsVersion || h[1] != message.KeysVersion || h[2] != int64(v) || links > count ||
		int64(len(body)) != columnsHeader+17*count+4*subjects+octets+8*links+4*refs+16*ids || columnsSum(body) != sum {
		return nil
	}
	in := columnReader{body[columnsHeader:]}
	c := newColumns(v)
	r := &c.rows
	r.uids = readNumbers[mail.UID](in.take(4 * count))
	r.sent = make([]int64, count)
	for k, raw := 0, in.take(8*count); k < len(r.sent); k++ {
		r.sent[k] = int64(le.Uint64(raw[8*k:]))
	}
	r.gone, r.reply = make([]bool, count), make([]bool, count)
	for k, flags := range in.take(count) {
		r.gone[k], r.reply[k] = flags&rowGone != 0, flags&rowReply != 0
	}
	r.subject = readNumbers[int32](in.take(4 * count))
	ends := readNumbers[int32](in.take(4 * subjects))
	text := slices.Clone(in.take(octets))
	r.id = readNumbers[int32](in.take(4 * links))
	r.refEnd = readNumbers[int32](in.take(4 * links))
	r.refs = readNumbers[int32](in.take(4 * refs))
	c.ids.digests = make([]digest, ids+1)
	for k, raw := 1, in.take(16*ids); k < len(c.ids.digests); k++ {
		c.ids.digests[k] = digest{le.Uint64(raw[16*(k-1):]), le.Uint64(raw[16*(k-1)+8:])}
	}
	r.ids = int32(len(c.ids.digests))
	if !ascending(r.uids) || !within(r.subject, subjects) || !rising(ends, octets) ||
		!within(r.id, ids) || !rising(r.refEnd, refs) || !within(r.refs, ids) {
		return nil
	}
	r.texts = make([][]byte, 1, subjects+1)
	from := int32(0)
	for _, end := range ends {
		r.texts = append(r.texts, text[from:end:end])
		from = end
	}
	c.written, c.writtenLinks = len(r.uids), len(r.id)
	return c
}

// columnReader takes off what is known to be there.
type columnReader struct{ b []byte }

func (r *columnReader) take(n int64) []byte {
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func readNumbers[T ~int32 | ~uint32](b []byte) []T {
	list := make([]T, len(b)/4)
	for k := range list {
		list[k] = T(le.Uint32(b[4*k:]))
	}
	return list
}

// ascending reports whether each UID is above the one before.
func ascending(uids []mail.UID) bool {
	last := mail.UID(0)
	for _, uid := range uids {
		if uid <= last {
			return false
		}
		last = uid
	}
	return true
}

// within reports whether no number is negative or above most.
func within(list []int32, most int64) bool {
	for _, n := range list {
		if n < 0 || int64(n) > most {
			return false
		}
	}
	return true
}

// rising reports whether ends are in order, up to the last, which is the end of all.
func rising(ends []int32, last int64) bool {
	at := int32(0)
	for _, end := range ends {
		if end < at {
			return false
		}
		at = end
	}
	return int64(at) == last
}

// numberSubjects completes the table of subjects, which the file does not have.
func (c *columns) numberSubjects() {
	for _, t := range c.rows.texts[len(c.subjects.digests):] {
		c.subjects.digests = append(c.subjects.digests, digestOf(t))
	}
}
