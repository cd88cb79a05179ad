package lmtpfront

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"fantail/internal/crlf"
	"fantail/internal/daemon/processors"
	"fantail/internal/deliver/lmtp"
)

// client is one connection.
type client struct {
	server *Server
	raw    net.Conn // the socket
	conn   net.Conn // raw, or the TLS connection over it
	in     *crlf.Reader
	out    []byte // replies that are not sent
	sid    string
	log    *slog.Logger

	addr    netip.Addr // of the socket; the zero Addr if it has none
	origin  origin     // who is at its other end
	greeted bool       // LHLO was said
	mail    *envelope  // nil: there was no MAIL
	count   int        // of messages
	wrong   int        // commands in a row that were refused
	quit    bool

	mu          sync.Mutex // guards what follows, and orders deadlines
	interrupted bool
	waits       bool // for a command
}

// origin is whose messages come on a connection: the client, or the one whose it relays.
type origin struct {
	hello string     // the argument of LHLO
	name  string     // of the host, if somebody said it
	addr  netip.Addr // the zero Addr if it is not known
	proto string     // that it speaks with a proxy; "" without one
}

func newClient(s *Server, conn net.Conn) *client {
	c := &client{server: s, raw: conn, conn: conn}
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		c.addr = tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	var id [8]byte
	rand.Read(id[:]) // never fails
	c.sid = hex.EncodeToString(id[:])
	c.forget()
	return c
}

// forget makes the client one of whom nothing is known but its address.
func (c *client) forget() {
	c.in = crlf.NewReader(c, lmtp.MaxLine)
	c.origin = origin{addr: c.addr}
	c.greeted = false
	c.reset()
	c.name()
}

// name gives the connection its log.
func (c *client) name() {
	c.log = c.server.o.Log.With("sid", c.sid, "proto", "lmtp", "remote", c.origin.remote())
}

func (o origin) remote() string {
	if !o.addr.IsValid() {
		return "local"
	}
	return o.addr.String()
}

// secure reports whether the connection is encrypted.
func (c *client) secure() bool { return c.conn != c.raw }

// serve is the life of a connection.
func (c *client) serve() {
	defer c.server.leave(c)
	defer c.raw.Close()
	defer c.reset()
	defer func() {
		if r := recover(); r != nil {
			c.log.Error("panic", "err", r, "stack", string(debug.Stack()))
		}
	}()
	c.say(c.server.greeting())
	var err error
	for err == nil && !c.quit {
		err = c.next()
	}
	c.farewell(err)
}

// leavings are what a client is told whose connection ends by an error.
var leavings = []struct {
	err   error
	reply *lmtp.Reply
}{
	{errStopping, replyStopping},
	{errMistakes, replyMistakes},
	{crlf.ErrEndlessLine, replyEndless},
	{os.ErrDeadlineExceeded, replyIdle},
}

var (
	errStopping = errors.New("the server is shutting down")
	errMistakes = errors.New("too many mistakes")
	errClosed   = errors.New("the connection cannot go on") // the client was told why
)

func (c *client) farewell(err error) {
	c.mu.Lock()
	if c.interrupted && errors.Is(err, os.ErrDeadlineExceeded) {
		err = errStopping
	}
	c.mu.Unlock()
	for _, l := range leavings {
		if errors.Is(err, l.err) {
			c.say(l.reply)
			break
		}
	}
	if err != nil {
		c.log.Debug("connection ended", "err", err)
	}
	if c.flush() != nil { // the client is gone
		return
	}
	// What was said last arrives: a socket that is closed while there is something to
	// read is reset.
	if h, ok := c.raw.(interface{ CloseWrite() error }); ok && h.CloseWrite() == nil {
		if c.raw.SetReadDeadline(time.Now().Add(time.Second)) == nil {
			io.CopyN(io.Discard, c.raw, 1<<20)
		}
	}
}

// say adds a reply to what is sent when the client has nothing more to say for now.
func (c *client) say(r *lmtp.Reply) { c.out = r.Append(c.out) }

// mostUnsent is how much is said at once.
const mostUnsent = 32 << 10

// flush sends the replies.
func (c *client) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	if err := c.raw.SetWriteDeadline(time.Now().Add(c.server.limit.write)); err != nil {
		return err
	}
	_, err := c.conn.Write(c.out)
	c.out = c.out[:0]
	if cap(c.out) > 2*mostUnsent {
		c.out = nil
	}
	return err
}

// Read reads from the client, who has first got what was said to it (RFC 2920 section
// 3.2: replies are sent when there is no more input).
func (c *client) Read(p []byte) (int, error) {
	if err := c.flush(); err != nil {
		return 0, err
	}
	if err := c.await(true); err != nil {
		return 0, err
	}
	n, err := c.conn.Read(p)
	processors.Stir()
	if n > 0 {
		c.await(false)
	}
	c.server.quiet.Stir()
	return n, err
}

// await sets the time for what comes next. A client that waits for us may go at once when
// the server stops; one that is in the midst of a message may end it.
func (c *client) await(yes bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !yes {
		c.waits = false
		return nil
	}
	c.waits = c.mail == nil
	if c.interrupted && c.waits {
		return errStopping
	}
	return c.raw.SetReadDeadline(time.Now().Add(c.server.limit.idle))
}

// interrupt says that the server stops.
func (c *client) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interrupted = true
	if c.waits {
		c.raw.SetReadDeadline(time.Unix(1, 0)) // an error says that it has ended
	}
}

func (c *client) sever() { c.raw.Close() }

// next serves one command. An error ends the connection.
func (c *client) next() error {
	line, err := c.in.ReadLine()
	var refused *lmtp.Reply
	switch {
	case errors.Is(err, crlf.ErrLineTooLong):
		refused = &lmtp.Reply{Code: 500, Status: lmtp.Status{Class: 5, Subject: 5, Detail: 6}, Text: "The line is too long."}
	case err != nil:
		return err
	default:
		err = c.command(lmtp.ParseCommand(line))
		if err != nil && !errors.As(err, &refused) {
			return err
		}
	}
	if len(c.out) > mostUnsent {
		if err := c.flush(); err != nil {
			return err
		}
	}
	if refused == nil {
		return nil
	}
	c.say(refused)
	return nil
}

// within is a context for what has its own time: an answer is of use to a client that is
// gone, too, since it was promised nothing else.
func within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}
