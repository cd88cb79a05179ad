package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// walker is a writer or a reader of fields, so that a message's fields are listed
// once for both.
type walker interface {
	octet(*uint8)
	flag(*bool)
	number(*uint32)
	addr(*netip.Addr)
	fixed([]byte)
	octets(b *[]byte, most int)
	text(s *string, most int)
	// count is the length of a list: n when it is written, and as it was written
	// when it is read.
	count(n, most int) int
	fail(why string)
}

// Append appends a message to b. It is an error if a field is beyond its limit; then
// nothing is appended.
func Append(b []byte, id uint32, m Message) ([]byte, error) {
	w := &writer{b: append(b, byte(m.Kind()))}
	w.number(&id)
	m.fields(w)
	if w.err == nil && len(w.b)-len(b) > MaxMessage {
		w.fail("too long")
	}
	if w.err != nil {
		return b, fmt.Errorf("write %T: %w", m, w.err)
	}
	return w.b, nil
}

// Parse reads a message.
func Parse(b []byte) (id uint32, m Message, err error) {
	if len(b) == 0 || len(b) > MaxMessage {
		return 0, nil, fmt.Errorf("%w: %d octets", ErrMessage, len(b))
	}
	empty, ok := types[Kind(b[0])]
	if !ok {
		return 0, nil, fmt.Errorf("%w: of no kind", ErrMessage)
	}
	m = empty()
	r := &reader{b: b[1:]}
	r.number(&id)
	m.fields(r)
	if r.err == nil && len(r.b) > 0 {
		r.fail("longer than its fields")
	}
	if r.err != nil {
		return 0, nil, fmt.Errorf("read %T: %w", m, r.err)
	}
	return id, m, nil
}

// writer appends fields.
type writer struct {
	b   []byte
	err error
}

func (w *writer) fail(why string) {
	if w.err == nil {
		w.err = fmt.Errorf("%w: %s", ErrMessage, why)
	}
}

func (w *writer) octet(v *uint8)   { w.b = append(w.b, *v) }
func (w *writer) number(v *uint32) { w.b = binary.BigEndian.AppendUint32(w.b, *v) }
func (w *writer) fixed(v []byte)   { w.b = append(w.b, v...) }

func (w *writer) flag(v *bool) {
	if *v {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
}

func (w *writer) addr(v *netip.Addr) {
	b := v.Unmap().WithZone("").AsSlice()
	w.octets(&b, 16)
}

func (w *writer) octets(v *[]byte, most int) {
	w.count(len(*v), most)
	w.b = append(w.b, *v...)
}

func (w *writer) text(v *string, most int) {
	w.count(len(*v), most)
	w.b = append(w.b, *v...)
}

func (w *writer) count(n, most int) int {
	if n > most {
		w.fail("a field is too long")
	}
	w.b = binary.BigEndian.AppendUint16(w.b, uint16(n))
	return n
}

// reader takes fields from b. After an error all are zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMessage, why)
	}
	r.b = nil
}

// take returns the next n octets, or nil if they are not there.
func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.fail("shorter than its fields")
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) octet(v *uint8) {
	if b := r.take(1); b != nil {
		*v = b[0]
	}
}

func (r *reader) flag(v *bool) {
	var o uint8
	if r.octet(&o); o > 1 {
		r.fail("a flag is neither 0 nor 1")
	}
	*v = o == 1
}

func (r *reader) number(v *uint32) {
	if b := r.take(4); b != nil {
		*v = binary.BigEndian.Uint32(b)
	}
}

func (r *reader) addr(v *netip.Addr) {
	var b []byte
	if r.octets(&b, 16); len(b) == 0 {
		return
	}
	a, ok := netip.AddrFromSlice(b)
	if !ok || a.Is4In6() {
		r.fail("not an address")
		return
	}
	*v = a
}

func (r *reader) fixed(v []byte) { copy(v, r.take(len(v))) }

func (r *reader) octets(v *[]byte, most int) {
	if n := r.count(0, most); n > 0 {
		*v = append([]byte(nil), r.take(n)...)
	}
}

func (r *reader) text(v *string, most int) {
	if n := r.count(0, most); n > 0 {
		*v = string(r.take(n))
	}
}

func (r *reader) count(_, most int) int {
	b := r.take(2)
	if b == nil {
		return 0
	}
	n := int(binary.BigEndian.Uint16(b))
	if n > most || n > len(r.b) { // no element is shorter than an octet
		r.fail("a field is too long")
		return 0
	}
	return n
}
