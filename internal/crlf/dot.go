package crlf

import (
	"bytes"
	"io"
)

// DotWriter writes the lines of a multi-line response: a line that begins with
// a dot gets another one, and Close writes the dot that ends it (RFC 1939
// section 3, RFC 5321 section 4.5.2). Its input has CRLF line ends.
//
// It writes through without a buffer; give it a buffered writer.
type DotWriter struct {
	w    io.Writer
	last byte // the last octet written; LF before the first one
}

// NewDotWriter returns a DotWriter that writes to w.
func NewDotWriter(w io.Writer) *DotWriter { return &DotWriter{w: w, last: '\n'} }

// Write writes p with its dots stuffed. n counts octets of p.
func (d *DotWriter) Write(p []byte) (n int, err error) {
	for n < len(p) {
		if d.last == '\n' && p[n] == '.' {
			if _, err := d.w.Write([]byte{'.'}); err != nil {
				return n, err
			}
		}
		end := n + beforeDotLine(p[n:])
		m, err := d.w.Write(p[n:end])
		if m > 0 {
			d.last = p[n+m-1]
			n += m
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// beforeDotLine returns how many octets of p come before the next line that
// begins with a dot; the first octet of p counts as being inside a line.
func beforeDotLine(p []byte) int {
	at := 0
	for {
		i := bytes.IndexByte(p[at:], '\n')
		if i < 0 {
			return len(p)
		}
		at += i + 1
		if at == len(p) || p[at] == '.' {
			return at
		}
	}
}

// Close ends the response with ".CRLF", after a CRLF if the last line has
// none. It does not close or flush the writer below.
func (d *DotWriter) Close() error {
	end := ".\r\n"
	if d.last != '\n' {
		end = "\r\n.\r\n"
	}
	_, err := io.WriteString(d.w, end)
	return err
}

// DotReader is the reverse of DotWriter: it reads to the line that is a single
// dot and then returns io.EOF, having consumed that line and nothing after it.
//
// Only CRLF "." CRLF ends a message. Neither a bare LF nor a lone CR can take
// the place of a CRLF there (RFC 5321 section 2.3.8), because two programs on
// the way of a message that disagree on where it ends let one message smuggle
// in another. Such octets are data and pass unchanged.
type DotReader struct {
	r     *Reader
	state dotState
}

type dotState uint8

const (
	lineStart dotState = iota // at the start, or after a CRLF
	inLine
	afterCR    // a CR inside a line, already given out
	afterDot   // a dot at the start of a line, not given out
	afterDotCR // that dot and a CR, neither given out
	putBackCR  // the dot was stuffing; its CR is still to be given out
	ended
)

// NewDotReader returns a DotReader that reads from r.
func NewDotReader(r *Reader) *DotReader { return &DotReader{r: r} }

// Read reads octets without their stuffing into p. A source that ends before
// the dot gives io.ErrUnexpectedEOF.
func (d *DotReader) Read(p []byte) (n int, err error) {
	for n < len(p) && d.state != ended {
		if d.state == putBackCR {
			p[n] = '\r'
			n++
			d.state = afterCR
			continue
		}
		if d.r.Buffered() == 0 {
			if n > 0 {
				return n, nil
			}
			if err := d.r.fill(); err != nil {
				return 0, insideLine(err, true)
			}
		}
		data := d.r.buf[d.r.start:d.r.end]
		if d.state == inLine {
			n += d.copyLine(p[n:], data)
			continue
		}
		if d.step(data[0]) {
			p[n] = data[0]
			n++
		}
	}
	if n == 0 && d.state == ended {
		return 0, io.EOF
	}
	return n, nil
}

// copyLine gives out data up to and with its next CR.
func (d *DotReader) copyLine(p, data []byte) int {
	if i := bytes.IndexByte(data, '\r'); i >= 0 {
		data = data[:i+1]
	}
	n := copy(p, data)
	if n > 0 && p[n-1] == '\r' {
		d.state = afterCR
	}
	d.r.start += n
	return n
}

// step handles one octet at or near the start of a line, and reports whether
// it is to be given out. An octet that needs the CR before it first is left in
// the buffer.
func (d *DotReader) step(c byte) (give bool) {
	switch d.state {
	case afterDotCR:
		if c != '\n' {
			d.state = putBackCR
			return false
		}
		d.state = ended
	case afterDot:
		d.state = next(c)
		if c == '\r' {
			d.state = afterDotCR
		}
		give = c != '\r'
	case lineStart:
		d.state, give = next(c), true
		if c == '.' {
			d.state, give = afterDot, false
		}
	case afterCR:
		d.state, give = next(c), true
		if c == '\n' {
			d.state = lineStart
		}
	}
	d.r.start++
	return give
}

func next(c byte) dotState {
	if c == '\r' {
		return afterCR
	}
	return inLine
}
