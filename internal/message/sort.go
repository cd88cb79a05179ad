package message

import (
	"encoding/binary"
	"fmt"
)

// SortKeys are the values by which SORT compares messages, as far as they come
// from the header (RFC 5256 section 3, RFC 5957 section 3). The keys are those of
// i;unicode-casemap, of at most 512 octets: bytes.Compare has the order, and
// bytes.Equal of two Subjects tells what THREAD wants to know. A key without
// octets is that of the empty string, which comes first.
type SortKeys struct {
	// Sent is the sent date (RFC 5256 section 2.2) in seconds since 1970 UTC, if
	// Dated: else the message has no Date that can be read, and its INTERNALDATE
	// counts.
	Sent  int64
	Dated bool
	// Reply tells that the subject is that of a reply or a forwarded message
	// (RFC 5256 section 3, REFERENCES).
	Reply bool

	Subject      []byte // the base subject
	From, To, Cc []byte // the mailbox of the first address
	DisplayFrom  []byte // what a reader sees of it (RFC 5957 section 3)
	DisplayTo    []byte
}

// SortKeys returns the envelope's sort keys.
//
// An address with a missing part has that part as NIL in them, and the first
// address of a group is the group's name: RFC 5957 section 3.
func (e *Envelope) SortKeys() SortKeys {
	var k SortKeys
	if e.Date != nil {
		if t, ok := ParseDate(*e.Date); ok {
			k.Sent, k.Dated = t.Unix(), true
		}
	}
	b := make([]byte, 0, 256) // all keys of most messages
	key := func(s string) []byte {
		start := len(b)
		b = appendKey(b, s)
		return b[start:len(b):len(b)]
	}
	if e.Subject != nil {
		base, reply := ReplySubject(*e.Subject)
		k.Subject, k.Reply = key(base), reply
	}
	k.From, k.To, k.Cc = key(sortMailbox(e.From)), key(sortMailbox(e.To)), key(sortMailbox(e.Cc))
	k.DisplayFrom, k.DisplayTo = key(sortDisplay(e.From)), key(sortDisplay(e.To))
	return k
}

// SortKeys returns what Envelope().SortKeys() does, without reading those fields and
// addresses that do not matter for it.
func (p *Part) SortKeys() SortKeys {
	var e Envelope
	limit := min(p.maxAddresses(), 1)
	var ap addressParser
	for i := range p.Fields {
		f := &p.Fields[i]
		var list *[]Address
		switch len(f.Name) {
		case 2, 4: // To, Cc, From; Date
			list = e.list(f.Name)
		case 7: // Subject
		default:
			continue
		}
		switch {
		case list == nil:
			e.setText(f)
		case len(*list) < limit:
			ap = addressParser{s: f.Value(), words: ap.words}
			*list = ap.list(*list, limit)
		}
	}
	return e.SortKeys()
}

// sortMailbox returns the addr-mailbox of the first address.
func sortMailbox(list []Address) string {
	if len(list) == 0 || list[0].Mailbox == MissingMailbox {
		return ""
	}
	return DecodeHeader(list[0].Mailbox) // RFC 5255 section 4.6
}

// sortDisplay returns the sort value of the first address that RFC 5957 section
// 3 defines.
func sortDisplay(list []Address) string {
	if len(list) == 0 {
		return ""
	}
	a := list[0]
	if name := trim(DecodeHeader(a.Name)); name != "" {
		return name
	}
	if a.Valid() {
		return DecodeHeader(a.Addr())
	}
	return sortMailbox(list)
}

const (
	sortDated = 1 << iota // flags of encoded sort keys
	sortReply
)

// Append appends the encoded keys to b, for ParseSortKeys: some 100 octets
// usually, 3100 at most.
//
//	version u8, flags u8, Sent varint if Dated,
//	Subject, From, To, Cc, DisplayFrom, DisplayTo: length uvarint, octets
func (k SortKeys) Append(b []byte) []byte {
	var flags byte
	if k.Dated {
		flags |= sortDated
	}
	if k.Reply {
		flags |= sortReply
	}
	b = append(b, KeysVersion, flags)
	if k.Dated {
		b = binary.AppendVarint(b, k.Sent)
	}
	for _, key := range [...][]byte{k.Subject, k.From, k.To, k.Cc, k.DisplayFrom, k.DisplayTo} {
		b = appendEncoded(b, key)
	}
	return b
}

// ParseSortKeys reads what Append has written. The keys are parts of b.
func ParseSortKeys(b []byte) (SortKeys, error) {
	r := keyReader{b: b}
	version, flags := r.octet(), r.octet()
	k := SortKeys{Dated: flags&sortDated != 0, Reply: flags&sortReply != 0}
	if k.Dated {
		k.Sent = r.number()
	}
	k.Subject, k.From, k.To, k.Cc = r.key(), r.key(), r.key(), r.key()
	k.DisplayFrom, k.DisplayTo = r.key(), r.key()
	if r.bad || len(r.b) > 0 || version != KeysVersion || flags&^(sortDated|sortReply) != 0 {
		return SortKeys{}, fmt.Errorf("parse sort keys: %w", errKeys)
	}
	return k, nil
}
