package message

import (
	"bytes"
	"io"
)

const (
	firstBuffer = 4 << 10  // a small message costs no more than this
	lineBuffer  = 64 << 10 // what larger ones are read with
	maxBoundary = 1000     // octets of a boundary that are compared: fewer than firstBuffer
)

// mark is a place in the message: the octets, the line ends, and the line ends
// that are a bare LF before it.
type mark struct{ off, lf, bare int64 }

// size returns the octets between two marks with every line end as CRLF.
func (m mark) size(from mark) int64 { return m.off - from.off + m.bare - from.bare }

// lines cuts a stream into lines, and lines longer than its buffer into
// fragments of which the first has at least maxBoundary octets.
type lines struct {
	src      io.Reader
	buf      []byte
	pos, end int  // what of buf is still to be returned
	seen     int  // octets behind pos that are known to hold no LF
	eof      bool // src has ended

	at, next mark  // where the current fragment begins and where it ends
	searched int64 // octets searched for line ends or moved: what tests watch
	first    bool  // the current fragment begins a line
	whole    bool  // the current fragment ends a line
}

func (l *lines) reset(src io.Reader) {
	buf := l.buf
	if buf == nil {
		buf = make([]byte, firstBuffer)
	}
	*l = lines{src: src, buf: buf, whole: true}
}

// read returns the next fragment, nil at the end. It is valid until the next
// call.
func (l *lines) read() ([]byte, error) {
	l.at, l.first = l.next, l.whole
	for {
		i := bytes.IndexByte(l.buf[l.pos+l.seen:l.end], '\n')
		if i >= 0 {
			l.searched += int64(i + 1)
			return l.line(l.seen + i + 1), nil
		}
		l.searched += int64(l.end - l.pos - l.seen)
		l.seen = l.end - l.pos
		if l.eof || l.seen == len(l.buf) {
			return l.fragment(), nil
		}
		if err := l.fill(); err != nil {
			return nil, err
		}
	}
}

// pass takes whole lines, as many as are in the buffer, and returns the end of
// the last one. With boundaries, it stops at a line that begins with "--".
func (l *lines) pass(boundaries bool) (last []byte) {
	if !l.whole || l.seen > 0 {
		return nil
	}
	b := l.buf[l.pos:l.end]
	if !boundaries && bytes.IndexByte(b, '\r') < 0 {
		return l.passBare(b)
	}
	begin, n := 0, 0 // of the last line; behind it
	for !boundaries || n+1 < len(b) && (b[n] != '-' || b[n+1] != '-') {
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			break
		}
		begin, n = n, n+i+1
		l.next.lf++
		if i == 0 || b[n-2] != '\r' {
			l.next.bare++
		}
	}
	l.advance(n)
	return b[begin:n]
}

// passBare takes the whole lines in b, where there are no CRs.
func (l *lines) passBare(b []byte) (last []byte) {
	n := bytes.LastIndexByte(b, '\n') + 1
	count := int64(bytes.Count(b[:n], []byte{'\n'}))
	l.next.lf += count
	l.next.bare += count
	l.advance(n)
	return b[max(0, n-1):n]
}

// advance takes n octets that have been searched.
func (l *lines) advance(n int) {
	l.searched += int64(n)
	l.pos += n
	l.next.off += int64(n)
}

// line takes n octets, of which the last is an LF.
func (l *lines) line(n int) []byte {
	b := l.buf[l.pos : l.pos+n]
	l.pos += n
	l.seen = 0
	l.next.off += int64(n)
	l.next.lf++
	if n < 2 || b[n-2] != '\r' {
		l.next.bare++
	}
	l.whole = true
	return b
}

// fragment takes what there is, which has no LF. A CR at its end is left for
// the next fragment, where its LF may be.
func (l *lines) fragment() []byte {
	b := l.buf[l.pos:l.end]
	if !l.eof && b[len(b)-1] == '\r' {
		b = b[:len(b)-1]
	}
	l.pos += len(b)
	l.seen -= len(b)
	l.next.off += int64(len(b))
	l.whole = false
	return b
}

// lineEnd returns the length of the line end at the end of b.
func lineEnd(b []byte) int {
	n := len(b)
	switch {
	case n == 0 || b[n-1] != '\n':
		return 0
	case n > 1 && b[n-2] == '\r':
		return 2
	}
	return 1
}

// fill reads more into the buffer.
func (l *lines) fill() error {
	if l.end == len(l.buf) {
		if len(l.buf) < lineBuffer {
			buf := make([]byte, lineBuffer)
			l.end = copy(buf, l.buf[l.pos:l.end])
			l.buf = buf
		} else {
			l.end = copy(l.buf, l.buf[l.pos:l.end])
		}
		l.pos = 0
		l.searched += int64(l.end)
	}
	for range 100 {
		n, err := l.src.Read(l.buf[l.end:])
		if n < 0 || n > len(l.buf)-l.end {
			panic("message: reader returned an impossible count")
		}
		l.end += n
		if err == io.EOF {
			l.eof = true
			return nil
		}
		if n > 0 || err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}
