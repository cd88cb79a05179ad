package pop3d

import (
	"bufio"
	"context"
	"errors"
	"io"
	"time"

	"fantail/internal/crlf"
	"fantail/internal/pop3"
)

// Conn is the stream that a session speaks on; a net.Conn is one.
type Conn interface {
	io.Reader
	io.Writer
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// outputBuffer is the size from which a response is more than one write.
const outputBuffer = 32 << 10

// wire is both directions of a connection. Nothing is written before the
// session waits for input, or a buffer is full.
type wire struct {
	conn  Conn
	lines *crlf.Reader
	out   *bufio.Writer
}

func newWire(c Conn) *wire {
	w := &wire{conn: c, out: bufio.NewWriterSize(stallingWriter{c}, outputBuffer)}
	w.lines = crlf.NewReader(flushingReader{w}, pop3.MaxLine)
	return w
}

// readLine reads one command. The time for it begins now, so that sending it
// octet by octet does not keep a session alive.
func (w *wire) readLine(ctx context.Context) ([]byte, error) {
	if err := w.conn.SetReadDeadline(time.Now().Add(autologout)); err != nil {
		return nil, err
	}
	// If ctx ended before that, interrupt was in vain.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return w.lines.ReadLine()
}

// interrupt ends the read or write that is in progress. It may be called from
// another goroutine.
func (w *wire) interrupt() error {
	past := time.Unix(1, 0)
	return errors.Join(w.conn.SetReadDeadline(past), w.conn.SetWriteDeadline(past))
}

// flushingReader sends what was answered so far before it waits for more.
type flushingReader struct{ w *wire }

func (r flushingReader) Read(p []byte) (int, error) {
	if err := r.w.out.Flush(); err != nil {
		return 0, err
	}
	return r.w.conn.Read(p)
}

// stallingWriter gives each write its time.
type stallingWriter struct{ conn Conn }

func (s stallingWriter) Write(p []byte) (int, error) {
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeStall)); err != nil {
		return 0, err
	}
	return s.conn.Write(p)
}
