package message

import (
	"encoding/binary"
	"errors"
)

// KeysVersion changes when the encoding or the values of sort keys or thread keys
// change. They are kept by caches, of a million messages at a time. Encoded they begin
// with it, and have no other redundancy: who stores them checks that they are whole.
const KeysVersion = 1

var errKeys = errors.New("malformed or of another version")

// keyReader takes encoded keys apart. After an error everything is empty.
type keyReader struct {
	b   []byte
	bad bool
}

// octet reads one octet.
func (r *keyReader) octet() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// number reads a signed number.
func (r *keyReader) number() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// key reads a key, of which it returns the octets in place.
func (r *keyReader) key() []byte {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > maxKey || v > uint64(len(r.b)-n) {
		r.b, r.bad = nil, true
		return nil
	}
	end := n + int(v)
	k := r.b[n:end:end]
	r.b = r.b[end:]
	return k
}

// appendEncoded appends a key in the form in which keyReader reads it.
func appendEncoded(dst, key []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(key))), key...)
}
