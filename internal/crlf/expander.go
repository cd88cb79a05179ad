package crlf

import (
	"bytes"
	"io"
	"slices"
)

const expanderBuffer = 32 << 10

// Expander is a reader that gives every bare LF of its source as CRLF. A CRLF
// stays as it is, and so does a lone CR.
type Expander struct {
	src        io.Reader
	buf        []byte
	start, end int // octets read from the source and not yet given out

	cr  bool  // the last octet given out was a CR of the source
	lf  bool  // a CR was put in; its LF comes next
	err error // of the source, given out after its data
}

// NewExpander returns an Expander that reads from r.
func NewExpander(r io.Reader) *Expander {
	return &Expander{src: r, buf: make([]byte, expanderBuffer)}
}

// Reset makes e read from r from its beginning, so that one buffer serves many
// messages.
func (e *Expander) Reset(r io.Reader) { *e = Expander{src: r, buf: e.buf} }

// Read reads expanded octets into p. Its errors are those of the source.
func (e *Expander) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if e.lf {
			p[n] = '\n'
			n++
			e.lf, e.cr = false, false
			continue
		}
		if e.start == e.end {
			if n > 0 {
				break
			}
			if err := e.fill(); err != nil {
				return 0, err
			}
		}
		chunk := e.buf[e.start:min(e.end, e.start+len(p)-n)]
		plain := beforeBareLF(chunk, e.cr)
		n += copy(p[n:], chunk[:plain])
		e.start += plain
		if plain > 0 {
			e.cr = chunk[plain-1] == '\r'
		}
		if plain < len(chunk) {
			p[n] = '\r'
			n++
			e.start++
			e.lf = true
		}
	}
	return n, nil
}

// beforeBareLF returns how many octets of p come before its first bare LF. cr
// tells whether the octet before p was a CR.
func beforeBareLF(p []byte, cr bool) int {
	at := 0
	for {
		i := bytes.IndexByte(p[at:], '\n')
		if i < 0 {
			return len(p)
		}
		at += i
		if at > 0 {
			cr = p[at-1] == '\r'
		}
		if !cr {
			return at
		}
		at++
	}
}

func (e *Expander) fill() error {
	for range maxEmptyReads {
		if e.err != nil {
			return e.err
		}
		e.start = 0
		e.end, e.err = e.src.Read(e.buf)
		if e.end > 0 {
			return nil
		}
	}
	return io.ErrNoProgress
}

// AppendExpanded appends src to dst with every bare LF as CRLF, as an Expander gives
// it.
func AppendExpanded(dst, src []byte) []byte {
	dst = slices.Grow(dst, len(src)+bytes.Count(src, []byte{'\n'}))
	cr := false // the octet before src is a CR
	for {
		n := beforeBareLF(src, cr)
		dst = append(dst, src[:n]...)
		if n == len(src) {
			return dst
		}
		dst = append(dst, '\r', '\n')
		src, cr = src[n+1:], false
	}
}
