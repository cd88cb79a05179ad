package imapd

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"fantail/internal/deflate"
	"fantail/internal/imap/wire"
)

// Conn is a connection to a client: a net.Conn, or a pair of pipes. A stream
// that knows no deadlines answers os.ErrNoDeadline; its session has no
// time-outs.
type Conn interface {
	io.ReadWriter
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// stream is the two directions of a session's connection. What was answered is
// sent when the session would wait for the client: a pipeline of commands has
// its answers in one packet, and no answer waits for another packet's ACK.
type stream struct {
	conn Conn
	out  *bufio.Writer
	box  outbox          // below out
	pack *deflate.Writer // below box, once the client has asked for COMPRESS

	// waiting is set while a goroutine waits for input on behalf of IDLE. The
	// session writes and flushes itself then.
	waiting bool

	interrupted atomic.Bool
}

func (s *stream) Read(p []byte) (int, error) {
	if s.interrupted.Load() {
		return 0, errInterrupted
	}
	if !s.waiting {
		if err := s.flush(); err != nil {
			return 0, err
		}
		if err := deadline(s.conn.SetReadDeadline, autologout); err != nil {
			return 0, err
		}
	}
	return s.conn.Read(p)
}

// flush sends what was answered.
func (s *stream) flush() error {
	if err := s.out.Flush(); err != nil {
		return err
	}
	return s.flushBelow()
}

// flushBelow sends what lies between out and the connection.
func (s *stream) flushBelow() error {
	if err := s.box.Flush(); err != nil || s.pack == nil {
		return err
	}
	return s.pack.Flush()
}

func (s *stream) compressed() bool { return s.pack != nil }

// compress sends what was answered so far as it is, and puts the two compressors
// between the session and the connection. What in holds belongs to the client's
// compressed stream already.
func (s *stream) compress(in *bufio.Reader) error {
	if err := s.flush(); err != nil {
		return err
	}
	ahead, err := in.Peek(in.Buffered())
	if err != nil {
		return err
	}
	in.Reset(deflate.NewReader(io.MultiReader(bytes.NewReader(bytes.Clone(ahead)), s)))
	s.pack = deflate.NewWriter(sender{s.conn})
	s.box.to = s.pack
	return nil
}

// interrupt makes the read in progress, and every later one, fail.
func (s *stream) interrupt() {
	s.interrupted.Store(true)
	// A stream without deadlines goes on until its next octet.
	_ = s.conn.SetReadDeadline(time.Unix(1, 0))
}

// isGone reports whether an error of the connection says that the client went away,
// which is its affair.
func isGone(err error) bool {
	for _, gone := range []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, syscall.EPIPE, syscall.ECONNRESET} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// errInterrupted ends the reads of a session that was told to stop.
var errInterrupted = errors.New("session interrupted")

// sender is the part of a stream below its buffer.
type sender struct{ conn Conn }

func (s sender) Write(p []byte) (int, error) {
	if err := deadline(s.conn.SetWriteDeadline, writeTimeout); err != nil {
		return 0, err
	}
	return s.conn.Write(p)
}

// deadline sets a deadline where the stream has them.
func deadline(set func(time.Time) error, d time.Duration) error {
	if err := set(time.Now().Add(d)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
		return err
	}
	return nil
}

// The buffers that a session has all its life.
const (
	smallIn  = 4 << 10 // commands; a message that is appended goes past it
	smallOut = 1 << 10 // one response; the outbox gathers them
)

// limits are the budgets of one command; that of a message is an option.
var limits = wire.Limits{
	Line:     256 << 10, // RFC 7162 section 4: at least 8192; clients name 10,000 UIDs one by one
	Literal:  64 << 10,  // search strings, mailbox names
	Literals: 64,
	Depth:    32,
	Skip:     1 << 20,
}
