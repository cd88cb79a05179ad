package message

import (
	"io"
	"math"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

const (
	pipeBuffer  = 4 << 10 // octets that a pipe reads at once, at most
	pipeSmall   = 1 << 10 // the same for previews, which seldom need more
	pipeMinimum = 128     // room that a transformer always has for its output
)

// pipe is a reader of what a transformer makes of src. Unlike a
// transform.Reader its buffer is no larger than what there is to read, it writes
// into that of its reader, and it can end before src does: there are messages of
// 10,000 parts with nothing in them.
type pipe struct {
	src io.Reader
	t   transform.Transformer

	left     int64  // octets that it may still make
	buf      []byte // octets of src
	pos, end int    // those that are not transformed yet
	err      error  // of src

	room  [pipeMinimum]byte // where a reader has too little
	ready []byte            // of room, not yet read
}

// newPipe returns a pipe with a buffer of size octets, which must be more than
// src has, or more than the transformer needs to see.
func newPipe(src io.Reader, t transform.Transformer, size int) *pipe {
	return &pipe{src: src, t: t, left: math.MaxInt64, buf: make([]byte, size)}
}

// pipeSize returns the size of the buffer for a body of n octets, within most.
func pipeSize(n int64, most int) int { return int(min(n+utf8.UTFMax, int64(most))) }

func (f *pipe) Read(p []byte) (int, error) {
	if len(f.ready) == 0 {
		if len(p) >= len(f.room) {
			return f.next(p)
		}
		if len(p) == 0 {
			return 0, nil
		}
		n, err := f.next(f.room[:])
		if err != nil {
			return 0, err
		}
		f.ready = f.room[:n]
	}
	n := copy(p, f.ready)
	f.ready = f.ready[n:]
	return n, nil
}

// next makes some octets, at least one if there is no error.
func (f *pipe) next(dst []byte) (int, error) {
	for f.left > 0 {
		n, used, err := f.t.Transform(dst, f.buf[f.pos:f.end], f.err == io.EOF)
		f.pos += used
		switch {
		case n > 0:
			if n = f.cut(dst[:n]); n > 0 {
				return n, nil
			}
		case err == transform.ErrShortDst:
			panic("message: a transformer wants more room")
		case err != nil && err != transform.ErrShortSrc:
			return 0, err
		case f.err != nil:
			return 0, f.err
		default:
			f.fill()
		}
	}
	return 0, io.EOF
}

// cut takes note of octets that were made, and returns how many of them are
// wanted: never a part of a character.
func (f *pipe) cut(b []byte) int {
	n := len(b)
	if int64(n) > f.left {
		n = int(f.left)
		for n > 0 && !utf8.RuneStart(b[n]) {
			n--
		}
		f.left = 0
		return n
	}
	f.left -= int64(n)
	return n
}

// fill reads more into the buffer.
func (f *pipe) fill() {
	f.end = copy(f.buf, f.buf[f.pos:f.end])
	f.pos = 0
	if f.end == len(f.buf) {
		panic("message: a transformer wants to see more")
	}
	for range 100 {
		var n int
		n, f.err = f.src.Read(f.buf[f.end:])
		f.end += n
		if n > 0 || f.err != nil {
			return
		}
	}
	f.err = io.ErrNoProgress
}
