package dialogue

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// maxLine is the longest line that a dialogue reads, in octets.
const maxLine = 16 << 20

var errNoMore = errors.New("the server has closed the connection")

// conn is one connection of a running dialogue.
type conn struct {
	server  *Server
	r       *bufio.Reader
	timeout time.Duration
	proto   Protocol
	pushed  *string  // a line read but not consumed
	said    bool     // the client has spoken
	packing *packing // not nil: what is said is compressed
	literal int64    // octets of the current IMAP literal still to come
	after   bool     // a literal has just ended: what follows must be SP, ")" or CRLF
	ended   bool
	log     string
	err     error
}

func newConn(s *Server, p Protocol, timeout time.Duration) *conn {
	return &conn{server: s, r: bufio.NewReaderSize(s.Conn, 64<<10), timeout: timeout, proto: p}
}

func (c *conn) send(data []byte) error {
	if err := c.server.Conn.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return err
	}
	if c.packing != nil {
		var err error
		if data, err = c.packing.pack(data); err != nil {
			return err
		}
	}
	_, err := c.server.Conn.Write(data)
	return err
}

// line reads one line and gives it without its CRLF. A partial line comes
// with its error.
func (c *conn) line() (string, error) {
	if c.pushed != nil {
		l := *c.pushed
		c.pushed = nil
		return l, nil
	}
	if err := c.server.Conn.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return "", err
	}
	var b []byte
	for len(b) == 0 || b[len(b)-1] != '\n' {
		part, err := c.r.ReadSlice('\n')
		b = append(b, part...)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return string(b), c.readError(err)
		}
		if len(b) > maxLine {
			return string(b[:100]), errors.New("a line without end")
		}
	}
	if err := c.track(b); err != nil {
		return string(b), err
	}
	text, ok := bytes.CutSuffix(b, []byte("\r\n"))
	if !ok {
		return string(b), errors.New("a line that ends in a bare LF")
	}
	return string(text), nil
}

// exactly reads n octets.
func (c *conn) exactly(n int) ([]byte, error) {
	if c.pushed != nil {
		return nil, errors.New("raw bytes directly after S*")
	}
	if err := c.server.Conn.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	got, err := io.ReadFull(c.r, b)
	if err != nil {
		return b[:got], c.readError(err)
	}
	return b, c.track(b)
}

func (c *conn) readError(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the server has said nothing for %v", c.timeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errNoMore
	}
	return err
}

// track follows the literals of IMAP through what was read, so that a literal
// whose announced size is wrong is found even where the dialogue does not
// state the size.
func (c *conn) track(b []byte) error {
	if c.proto != IMAP {
		return nil
	}
	for len(b) > 0 {
		if c.literal > 0 {
			n := min(c.literal, int64(len(b)))
			c.literal -= n
			b = b[n:]
			c.after = c.literal == 0
			continue
		}
		if c.after && !strings.ContainsRune(" )\r", rune(b[0])) {
			return fmt.Errorf("a literal is followed by %.20q", b)
		}
		c.after = false
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			return nil // raw bytes within a line
		}
		c.literal = announced(b[:end])
		c.after = c.literal == 0 && bytes.HasSuffix(b[:end], []byte("{0}\r"))
		b = b[end+1:]
	}
	return nil
}

// announced gives the size of the literal that a line ends with, else 0.
func announced(line []byte) int64 {
	line, ok := bytes.CutSuffix(line, []byte("}\r"))
	i := bytes.LastIndexByte(line, '{')
	if !ok || i < 0 {
		return 0
	}
	n, err := strconv.ParseInt(string(line[i+1:]), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// finish waits for the server's end; it kills one that does not come to it.
func (c *conn) finish() error {
	if c.ended {
		return c.err
	}
	c.ended = true
	late := time.AfterFunc(c.timeout, c.server.Kill)
	c.log, c.err = c.server.Wait()
	if !late.Stop() && c.err != nil {
		c.err = fmt.Errorf("the server did not end within %v of its connection: %w", c.timeout, c.err)
	} else if c.err != nil {
		c.err = fmt.Errorf("the server ended badly: %w", c.err)
	}
	return c.err
}
