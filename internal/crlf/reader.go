package crlf

import (
	"bytes"
	"errors"
	"io"
)

// ErrLineTooLong says that a line was longer than the reader's limit. The
// whole line has been consumed: the next call reads the line after it.
var ErrLineTooLong = errors.New("line too long")

// ErrEndlessLine says that a line went on for more than a megabyte beyond the
// limit: the peer is not speaking in lines. Only closing the connection helps;
// every later ReadLine returns it again.
var ErrEndlessLine = errors.New("line without end")

const (
	initialBuffer = 4 << 10
	maxSkip       = 1 << 20 // octets of one too long line that are read over
	maxEmptyReads = 100     // as many as bufio tolerates
)

// Reader reads lines of limited length, and the octets between them. It reads
// ahead of the line it returns; what it has read ahead is given out by later
// calls of ReadLine and Read in order, and never lost.
type Reader struct {
	src   io.Reader
	limit int

	buf        []byte
	start, end int // unread octets are buf[start:end]

	skipping bool // inside a line that is too long
	skipped  int
}

// NewReader returns a Reader whose lines have at most limit octets, not
// counting the line end. Its buffer begins with 4 kB and grows only to limit,
// and only while a line of that length is being received.
func NewReader(r io.Reader, limit int) *Reader {
	lines := &Reader{src: r, buf: make([]byte, initialBuffer)}
	lines.SetLimit(limit)
	return lines
}

// SetLimit changes the limit for the lines that follow: a base64 response of
// an authentication may be longer than any command (RFC 5034 section 4).
func (r *Reader) SetLimit(limit int) {
	if limit < 1 {
		panic("crlf: line limit below 1")
	}
	r.limit = limit
}

// ReadLine returns the next line without its CRLF or LF. The slice is valid
// until the next call of any method.
//
// Errors: io.EOF between lines, io.ErrUnexpectedEOF inside one (half a command
// is no command), ErrLineTooLong, ErrEndlessLine, and those of the source. An
// error of the source that passes, such as a time-out, loses nothing: the next
// call goes on where this one stopped.
func (r *Reader) ReadLine() ([]byte, error) {
	searched := 0 // octets of the unread part known to hold no LF
	for !r.skipping {
		if i := bytes.IndexByte(r.buf[r.start+searched:r.end], '\n'); i >= 0 {
			line := r.buf[r.start : r.start+searched+i]
			r.start += len(line) + 1
			line = trimCR(line)
			if len(line) > r.limit {
				return nil, ErrLineTooLong
			}
			return line, nil
		}
		searched = r.end - r.start
		if len(trimCR(r.buf[r.start:r.end])) > r.limit {
			r.skipping, r.skipped = true, 0
			break
		}
		if err := r.fill(); err != nil {
			return nil, insideLine(err, r.end > r.start)
		}
	}
	return nil, r.skipLine()
}

// skipLine reads to the end of the present line and returns ErrLineTooLong, or
// the reason why it could not.
func (r *Reader) skipLine() error {
	for r.skipped <= maxSkip {
		if i := bytes.IndexByte(r.buf[r.start:r.end], '\n'); i >= 0 {
			r.start += i + 1
			r.skipping = false
			return ErrLineTooLong
		}
		r.skipped += r.end - r.start
		r.start = r.end
		if err := r.fill(); err != nil {
			return insideLine(err, true)
		}
	}
	return ErrEndlessLine
}

// Read reads the octets after the last line: first those already buffered,
// then, in another call, from the source.
func (r *Reader) Read(p []byte) (int, error) {
	if r.start == r.end {
		return r.src.Read(p)
	}
	n := copy(p, r.buf[r.start:r.end])
	r.start += n
	return n, nil
}

// Buffered returns how many octets have been read from the source and not been
// given out. Before a TLS handshake it must be 0: what came in the clear must
// not be interpreted afterwards (RFC 2595 section 4, RFC 9051 section 6.2.1).
func (r *Reader) Buffered() int { return r.end - r.start }

// Reserve makes the buffer one of n octets at least, for what comes in larger pieces than
// lines.
func (r *Reader) Reserve(n int) {
	if len(r.buf) >= n {
		return
	}
	buf := make([]byte, n)
	r.end = copy(buf, r.buf[r.start:r.end])
	r.start, r.buf = 0, buf
}

// Ahead returns these octets, and leaves them. The slice is valid until the next call
// of any other method.
func (r *Reader) Ahead() []byte { return r.buf[r.start:r.end] }

// fill reads at least one octet more, moving or growing the buffer when it is
// full. A caller with a full buffer of the largest size has a line above the
// limit and never comes here.
func (r *Reader) fill() error {
	switch {
	case r.start == r.end:
		r.start, r.end = 0, 0
	case r.end == len(r.buf) && r.start > 0:
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	case r.end == len(r.buf):
		grown := make([]byte, min(2*len(r.buf), r.limit+len("\r\n")))
		copy(grown, r.buf)
		r.buf = grown
	}
	for range maxEmptyReads {
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		if n > 0 {
			// An error that came with data comes again without it.
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

func insideLine(err error, inside bool) error {
	if err == io.EOF && inside {
		return io.ErrUnexpectedEOF
	}
	return err
}

func trimCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}
