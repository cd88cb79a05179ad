package index

import "encoding/binary"

// decoder takes values from the front of b. After the first that is not there
// every further one is zero, and ok is false.
type decoder struct {
	b    []byte
	fail bool
}

func (d *decoder) ok() bool { return !d.fail }

func (d *decoder) take(n int) []byte {
	if d.fail || n < 0 || n > len(d.b) {
		d.fail = true
		// Of zeros, and never longer than what a fixed field needs.
		return make([]byte, min(max(n, 0), StampsSize))
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) u8() uint8   { return d.take(1)[0] }
func (d *decoder) u32() uint32 { return le.Uint32(d.take(4)) }
func (d *decoder) u64() uint64 { return le.Uint64(d.take(8)) }

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if d.fail || n <= 0 {
		d.fail = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if d.fail || n <= 0 {
		d.fail = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

// uvarint32 refuses what does not fit into 32 bits.
func (d *decoder) uvarint32() uint32 {
	v := d.uvarint()
	if v > 1<<32-1 {
		d.fail = true
		return 0
	}
	return uint32(v)
}

// text is a string of at most 255 octets behind its length.
func (d *decoder) text() []byte {
	n := int(d.u8())
	if d.fail || n > len(d.b) {
		d.fail = true
		return nil
	}
	return d.take(n)
}
