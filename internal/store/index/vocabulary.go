package index

import (
	"encoding/binary"
	"strings"

	"fantail/internal/mail"
)

// vocabulary is the keywords of a mailbox and the sets of them that messages
// have. Both are numbered in the order of their coming; set 0 is the empty one.
// A vocabulary never changes; adding makes a new one.
type vocabulary struct {
	words vector[mail.Keyword]
	sets  vector[[]mail.Keyword]
	ids   vector[[]uint32] // sets as numbers of words
}

func newVocabulary() *vocabulary {
	v := &vocabulary{}
	v.sets.append(nil)
	v.ids.append(nil)
	return v
}

// withWord adds a keyword.
func (v *vocabulary) withWord(w mail.Keyword) *vocabulary {
	c := *v
	c.words.append(w)
	return &c
}

// withSet adds a set of words; it reports false if one of them is not there.
func (v *vocabulary) withSet(ids []uint32) (*vocabulary, bool) {
	set := make([]mail.Keyword, len(ids))
	for i, id := range ids {
		if int64(id) >= int64(len(v.words.list)) {
			return v, false
		}
		set[i] = v.words.list[id]
	}
	c := *v
	c.sets.append(set)
	c.ids.append(ids)
	return &c, true
}

// set returns a set by its number; nil if there is none.
func (v *vocabulary) set(n uint32) []mail.Keyword {
	if int64(n) >= int64(len(v.sets.list)) {
		return nil
	}
	return v.sets.list[n]
}

// encode writes the words, and the sets whose numbers are given.
func (v *vocabulary) encode(sets []uint32) []byte {
	var b []byte
	for _, w := range v.words.list {
		b = appendText(b, []byte(w))
	}
	for _, n := range sets {
		b = appendIDs(b, v.ids.list[n])
	}
	return b
}

func decodeVocabulary(b []byte, words, sets uint32) (*vocabulary, bool) {
	v := newVocabulary()
	d := decoder{b: b}
	for i := uint32(0); i < words && d.ok(); i++ {
		v.words.append(mail.Keyword(d.text()))
	}
	for i := uint32(0); i < sets && d.ok(); i++ {
		var ok bool
		if v, ok = v.withSet(d.ids()); !ok {
			return nil, false
		}
	}
	return v, d.ok() && len(d.b) == 0
}

func appendText(b, s []byte) []byte {
	b = append(b, byte(len(s)))
	return append(b, s...)
}

func appendIDs(b []byte, ids []uint32) []byte {
	b = binary.AppendUvarint(b, uint64(len(ids)))
	for _, id := range ids {
		b = binary.AppendUvarint(b, uint64(id))
	}
	return b
}

// ids reads what appendIDs wrote. Each number is at least an octet, which bounds
// what is allocated.
func (d *decoder) ids() []uint32 {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.fail = true
		return nil
	}
	ids := make([]uint32, n)
	for i := range ids {
		ids[i] = d.uvarint32()
	}
	return ids
}

// validKeyword wants an IMAP atom (RFC 9051 section 9, flag-keyword) that fits.
func validKeyword(w mail.Keyword) bool {
	if w == "" || len(w) > mail.MaxKeyword {
		return false
	}
	for i := range len(w) {
		if c := w[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return true
}
