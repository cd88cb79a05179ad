package index

import "fantail/internal/mail"

// sane checks what the readers of a page rely on.
func (m *image) sane(page int, b []byte) bool {
	at := int64(page) * pageSize
	for sec, sane := range [...]func(at int, b []byte) bool{
		secRecords: m.saneRecords,
		secUIDs:    m.saneUIDs,
		secFlags:   m.saneFlags,
	} {
		if s := m.h.sections[sec]; at >= s.off && at < s.off+s.len {
			at -= s.off
			return sane(int(at), b[:min(pageSize, s.len-at)])
		}
	}
	return true
}

// saneRecords wants of a page of records that names and sets exist, that names lie
// in the order of the records, and that columns and blocks say the same.
func (m *image) saneRecords(at int, b []byte) bool {
	from := at / recordSize
	n := len(b) / recordSize
	uids, flags := m.uids(from, n), m.flags(from, n)
	if uids == nil || flags == nil {
		return false
	}
	names := uint64(m.h.sections[secNames].len)
	end := uint64(le.Uint32(b[recNameOff:]))
	highest := mail.ModSeq(0)
	for i := range n {
		rec := b[i*recordSize : (i+1)*recordSize]
		r := decodeRecord(rec)
		if !r.sane() || uint32(r.UID) != le.Uint32(uids[i*uidSize:]) || rec[recFlags] != flags[i] ||
			r.ModSeq > m.h.modseq || r.set > m.h.sets ||
			rec[recBaseLen] == 0 || rec[recNameLen] < rec[recBaseLen] || uint64(le.Uint32(rec[recNameOff:])) != end {
			return false
		}
		if end += uint64(rec[recNameLen]); end > names {
			return false
		}
		highest = max(highest, r.ModSeq)
	}
	return m.block(at/pageSize) == highest
}

// saneUIDs wants UIDs to ascend, from the page before and up to UIDNext.
func (m *image) saneUIDs(at int, b []byte) bool {
	last := uint32(0)
	if at > 0 {
		last = le.Uint32(m.section(secUIDs)[at-uidSize:])
	}
	for ; len(b) >= uidSize; b = b[uidSize:] {
		uid := le.Uint32(b)
		if uid <= last {
			return false
		}
		last = uid
	}
	return last < uint32(m.h.next)
}

func (m *image) saneFlags(_ int, b []byte) bool {
	all := byte(0)
	for _, f := range b {
		all |= f
	}
	return mail.Flags(all)&^mail.AllFlags == 0
}
