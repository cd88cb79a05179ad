package imapd

import (
	"bufio"
	"fmt"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/message"
	"fantail/internal/store"
)

// What FETCH sends of a message's structure is computed once for everybody, in
// one form: that for a client which has not enabled UTF-8. It is right for the
// others too, since a literal may have any octet, and quoted strings in it are
// ASCII.

// maxKept is how large the buffer for kept values may stay between messages.
const maxKept = 256 << 10

// maxKeptFields is from how many octets on header fields are not worth keeping.
const maxKeptFields = 8 << 10

// allKept reports whether the store has all that lookUp wants, or need not have it.
func (m *fetched) allKept() bool {
	f := m.f
	if err := f.s.box.mbox.LoadItems(&m.items, m.now.snap, m.now.i); err != nil {
		return false // load will tell
	}
	m.looked = true
	for i := range f.items {
		if kind := f.items[i].kept; kind != 0 && !f.items[i].Lazy && !m.items.Has(kind) {
			return false
		}
	}
	return true
}

// lookUp finds the values that the store has, and computes those that it has not
// for the next who asks.
func (m *fetched) lookUp() error {
	f, mbox := m.f, m.f.s.box.mbox
	if cap(m.kept) > maxKept {
		m.kept = nil
	}
	m.kept, m.ends, m.fresh, m.lacks = m.kept[:0], m.ends[:0], m.fresh[:0], false
	if !m.looked {
		if err := mbox.LoadItems(&m.items, m.now.snap, m.now.i); err != nil {
			return err
		}
	}
	m.looked = false
	for i := range f.items {
		if kind := f.items[i].kept; kind != 0 {
			if err := m.appendItem(kind, f.items[i].Lazy); err != nil {
				return err
			}
		}
		m.ends = append(m.ends, len(m.kept))
	}
	if len(m.fresh) > 0 {
		mbox.KeepItems(m.row.UID, m.fresh...)
	}
	return nil
}

// appendItem appends a value to kept. One that is lazy is not computed.
func (m *fetched) appendItem(kind store.Item, lazy bool) error {
	at := len(m.kept)
	var ok bool
	if m.kept, ok = m.items.Append(m.kept, kind); ok && readable(kind, m.kept[at:]) {
		return nil
	}
	m.kept = m.kept[:at]
	for _, f := range m.fresh {
		if f.Kind == kind { // two sections of the same header
			m.kept = append(m.kept, f.Data...)
			return nil
		}
	}
	if lazy {
		m.lacks = true
		return nil
	}
	if err := m.compute(kind); err != nil {
		return err
	}
	if kind != store.HeaderFields || len(m.kept)-at <= maxKeptFields {
		m.fresh = append(m.fresh, store.KeptItem{Kind: kind, Data: m.kept[at:]})
	}
	return nil
}

// readable reports whether a value that the store has is of the form that we know.
func readable(kind store.Item, value []byte) bool {
	return kind != store.HeaderFields || len(value) >= keptPrefix && value[0] == keptVersion
}

// value returns the value of item i of the command.
func (m *fetched) value(i int) []byte {
	if i == 0 {
		return m.kept[:m.ends[0]]
	}
	return m.kept[m.ends[i-1]:m.ends[i]]
}

// compute appends a value to kept that the store does not have.
func (m *fetched) compute(kind store.Item) (err error) {
	switch kind {
	case store.HeaderFields:
		return m.appendListFields()
	case store.Preview:
		return m.appendPreview()
	}
	if err := m.structure(); err != nil {
		return err
	}
	if m.toKept == nil {
		m.toKept = bufio.NewWriterSize((*octets)(&m.kept), 1024)
	}
	e := wire.NewEncoder(m.toKept)
	switch kind {
	case store.Envelope:
		imap.WriteEnvelope(e, m.root.Envelope())
	case store.Body:
		imap.WriteBody(e, m.root, false)
	case store.BodyStructure:
		imap.WriteBody(e, m.root, true)
	}
	return e.Flush()
}

// appendPreview appends the preview, as UTF-8, to kept.
func (m *fetched) appendPreview() (err error) {
	if err := m.structure(); err != nil {
		return err
	}
	if err := m.openFile(); err != nil {
		return err
	}
	text, err := message.Preview(m.root, m.source)
	if err != nil {
		return fmt.Errorf("preview message %d: %w", m.row.UID, err)
	}
	m.kept = append(m.kept, text...)
	return nil
}

// octets is a slice to write to.
type octets []byte

func (o *octets) Write(p []byte) (int, error) {
	*o = append(*o, p...)
	return len(p), nil
}
