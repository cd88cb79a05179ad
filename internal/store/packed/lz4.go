package packed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Dovecot's frame around LZ4 blocks:
//
//	file  = magic max *chunk
//	magic = "Dovecot-LZ4" 0D 2A 9B C5
//	max   = 32 bits, big-endian: the most octets that a chunk unpacks to
//	chunk = size block
//	size  = 32 bits, big-endian: the octets of block
//
// It has no end and no checksum: a file that was cut between two chunks can only
// be told by the size in its name.
const lz4Magic = "Dovecot-LZ4\x0d\x2a\x9b\xc5"

// maxChunk is the largest chunk that Dovecot reads, packed or not; those that it
// writes are of 64 KiB.
const maxChunk = 1 << 20

var errLZ4 = errors.New("lz4: corrupt block")

// lz4Reader unpacks Dovecot's LZ4 files.
type lz4Reader struct {
	src    io.Reader
	begun  bool
	max    int          // octets that a chunk may unpack to
	packed bytes.Buffer // the chunk, as it is in the file
	chunk  []byte       // the chunk, unpacked
	rest   []byte       // what is not read of it
	err    error
}

func (r *lz4Reader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.err == nil {
			r.err = r.next()
		}
		if r.err != nil {
			return 0, r.err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// next unpacks one chunk; io.EOF behind the last.
func (r *lz4Reader) next() error {
	if !r.begun {
		if err := r.header(); err != nil {
			return err
		}
		r.begun = true
	}
	var size [4]byte
	if _, err := io.ReadFull(r.src, size[:]); err != nil {
		return err // io.EOF if there is not one octet
	}
	n := binary.BigEndian.Uint32(size[:])
	if n == 0 || n > maxChunk {
		return fmt.Errorf("lz4: chunk of %d octets", n)
	}
	// Grows with what is read, not by what the chunk claims.
	r.packed.Reset()
	if _, err := io.CopyN(&r.packed, r.src, int64(n)); err != nil {
		return unexpected(err)
	}
	var err error
	r.chunk, err = unpackBlock(r.chunk[:0], r.packed.Bytes(), r.max)
	r.rest = r.chunk
	return err
}

func (r *lz4Reader) header() error {
	var b [len(lz4Magic) + 4]byte
	if _, err := io.ReadFull(r.src, b[:]); err != nil {
		return unexpected(err)
	}
	n := binary.BigEndian.Uint32(b[len(lz4Magic):])
	if string(b[:len(lz4Magic)]) != lz4Magic || n == 0 || n > maxChunk {
		return fmt.Errorf("lz4: chunks of %d octets", n)
	}
	r.max = int(n)
	return nil
}

// unexpected makes the end of the file an error where it may not be.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// unpackBlock appends what an LZ4 block unpacks to, at most limit octets, to dst,
// which is empty:
//
//	block    = 1*sequence
//	sequence = token [more] literals [offset [more]]
//	token    = 4 bits: number of literals, 4 bits: length of the match less 4
//	more     = *FF octet      ; added to a number of 15 in the token
//	offset   = 16 bits, little-endian: how far back the match begins
//
// The last sequence ends with its literals.
func unpackBlock(dst, src []byte, limit int) ([]byte, error) {
	for len(src) > 0 {
		token := src[0]
		n, rest, ok := lz4Length(int(token>>4), src[1:])
		if !ok || n > len(rest) || n > limit-len(dst) {
			return nil, errLZ4
		}
		dst, src = append(dst, rest[:n]...), rest[n:]
		if len(src) == 0 && len(dst) > 0 {
			return dst, nil
		}
		if len(src) < 2 {
			return nil, errLZ4
		}
		back := int(binary.LittleEndian.Uint16(src))
		n, src, ok = lz4Length(int(token&15), src[2:])
		n += 4
		if !ok || back == 0 || back > len(dst) || n > limit-len(dst) {
			return nil, errLZ4
		}
		// The match may reach into what it makes: each round doubles what can
		// be copied at once.
		for from := len(dst) - back; n > 0; {
			part := dst[from:min(len(dst), from+n)]
			dst = append(dst, part...)
			n -= len(part)
		}
	}
	return nil, errLZ4 // a match is not the end
}

// lz4Length adds to a number of 15 the octets that follow.
func lz4Length(n int, src []byte) (int, []byte, bool) {
	if n < 15 {
		return n, src, true
	}
	for i, c := range src {
		n += int(c)
		if c < 255 {
			return n, src[i+1:], true
		}
	}
	return 0, nil, false
}
