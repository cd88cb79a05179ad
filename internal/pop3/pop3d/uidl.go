package pop3d

import (
	"cmp"
	"strconv"

	"fantail/internal/daemon/conf"
	"fantail/internal/mail"
	"fantail/internal/pop3"
	"fantail/internal/store"
)

// Unique-ids (RFC 1939 section 7) are, in this order,
//
//   - what a predecessor told clients, if the list of UIDs has it;
//   - what the setting pop3.uidl_format makes of the message.
//
// One that is too long, or has characters that it may not have, gives way to its hash:
// it is as lasting as what it is made of. If several messages have the same, which only
// copies can with a format that makes sense, all but the one with the lowest UID get
// their UIDs behind it.
//
// Most formats take UIDs alone. Then nothing is kept, and nothing compared.

// name gives every message its unique-id. bases are the names of the messages' files,
// in their order, or nil if no unique-id is made of them.
func (d *drop) name(legacy map[mail.UID]store.Legacy, bases []string) {
	d.named = true
	var b []byte
	for i := range d.messages {
		m := &d.messages[i]
		l := legacy[m.uid]
		if pop3.ValidUIDL(l.UIDL) {
			m.uidl = l.UIDL
			continue
		}
		from := conf.UIDLSource{UID: uint32(m.uid), UIDValidity: uint32(d.validity)}
		if bases != nil {
			from.Filename, from.GUID = bases[i], cmp.Or(l.GUID, bases[i])
		}
		b = pop3.LegalUIDL(d.set.UIDLFormat.Append(b[:0], &from), 0)
		m.uidl = string(b)
	}
	if d.set.UIDLDuplicates == conf.UIDLRename {
		d.rename()
	}
}

// rename makes unique-ids unique. The messages are in the order of their UIDs.
func (d *drop) rename() {
	taken := make(map[string]bool, len(d.messages))
	var again []*message
	for i := range d.messages {
		if m := &d.messages[i]; taken[m.uidl] {
			again = append(again, m)
		} else {
			taken[m.uidl] = true
		}
	}
	for _, m := range again {
		b := []byte(m.uidl)
		for taken[string(b)] {
			b = strconv.AppendUint(append(b, '-'), uint64(m.uid), 10)
			b = pop3.LegalUIDL(b, 0)
		}
		m.uidl = string(b)
		taken[m.uidl] = true
	}
}

// appendUIDL appends the unique-id of a message.
func (d *drop) appendUIDL(b []byte, m *message) []byte {
	if d.named {
		return append(b, m.uidl...)
	}
	start := len(b)
	from := conf.UIDLSource{UID: uint32(m.uid), UIDValidity: uint32(d.validity)}
	return pop3.LegalUIDL(d.set.UIDLFormat.Append(b, &from), start)
}
