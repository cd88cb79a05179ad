package front

import (
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
	"syscall"
	"time"

	"fantail/internal/daemon/conf"
)

// client is one connection.
type client struct {
	front    *Server
	protocol protocol
	implicit bool // TLS from the first byte
	proxied  bool // it comes from a proxy, which has not said yet for whom
	addr     netip.Addr
	source   netip.Prefix
	near     bool // within this machine
	sid      string
	log      *slog.Logger
	began    time.Time

	raw  net.Conn // the socket
	conn net.Conn // raw, or the TLS connection over it

	bindings    map[string][]byte // of the TLS connection, by type
	certificate string            // the name in the client's, which was verified; "" if it has shown none

	named string // what the client says of itself: name and version, with a slash

	utf8 bool // a POP3 client has said UTF8

	commands int // of any kind
	mistakes int // refused commands
	attempts int // wrong passwords

	checked time.Time // when the last check of a login began

	mu          sync.Mutex // guards what follows, and orders deadlines of raw
	interrupted bool       // the server is stopping
	loggedIn    bool       // the dialogue is over: there are no deadlines any more
	lent        *lent      // raw is closed, and the session has the socket
}

func newClient(s *Server, conn net.Conn, p protocol, implicitTLS bool) *client {
	c := &client{front: s, protocol: p, implicit: implicitTLS, raw: conn, conn: conn, began: time.Now()}
	c.addr, c.source = address(conn)
	c.near = !c.addr.IsValid() || c.addr.IsLoopback()
	c.proxied = s.o.Proxies.Include(c.addr)
	var id [8]byte
	rand.Read(id[:]) // never fails
	c.sid = hex.EncodeToString(id[:])
	c.name()
	return c
}

// name gives the connection its log.
func (c *client) name() {
	c.log = c.front.o.Log.With("sid", c.sid, "proto", c.protocol.name, "remote", c.remote())
}

// remote is the client's address in logs and for the session.
func (c *client) remote() string {
	if !c.addr.IsValid() {
		return "local"
	}
	return c.addr.String()
}

// secure reports whether the connection is encrypted.
func (c *client) secure() bool { return c.conn != c.raw }

// mayLogIn reports whether a password may travel on this connection.
func (c *client) mayLogIn() bool {
	switch {
	case c.secure() || c.front.o.Plaintext == conf.PlaintextAlways:
		return true
	case c.front.o.Plaintext == conf.PlaintextLoopback:
		return c.near
	}
	return false
}

// errBroken says that the connection is over and nobody need be told: the client
// left, or cannot be reached.
var errBroken = errors.New("connection broken")

// serve is the life of a connection.
func (c *client) serve() {
	defer c.front.leave(c)
	defer c.abort()
	defer c.recovered()
	if c.proxied && !c.introduced() {
		return
	}
	if c.implicit && !c.handshake() {
		return
	}
	ses, err := c.protocol.dialogue(c)
	if err != nil {
		c.farewell(err)
	}
	if ses == nil {
		c.close()
		return
	}
	if ses.given {
		c.await(ses)
	} else {
		c.pump(ses)
	}
}

// recovered, deferred, ends a panic with the connection.
func (c *client) recovered() {
	if r := recover(); r != nil {
		c.log.Error("panic", "err", r, "stack", string(debug.Stack()))
		c.abort()
	}
}

// leavings are what a client is told whose dialogue ends by an error; the first
// that fits. A broken connection is not in the table.
var leavings = []struct {
	err  error
	text string
}{
	{errCommands, "Too many commands without a login."},
	{errMistakes, "Too many mistakes."},
	{errAttempts, "Too many wrong passwords."},
	{errBufferedTLS, "Commands behind the one that starts TLS are not accepted."},
	{errTooMuch, "That is more than is accepted before login."},
	{os.ErrDeadlineExceeded, "You took too long."},
}

var (
	errCommands = errors.New("too many commands")
	errMistakes = errors.New("too many mistakes")
	errAttempts = errors.New("too many wrong passwords")
	errTooMuch  = errors.New("too much input before login")
)

// farewell takes leave of a client that has not logged in.
func (c *client) farewell(err error) {
	text := ""
	for _, l := range leavings {
		if errors.Is(err, l.err) {
			text = l.text
			break
		}
	}
	c.mu.Lock()
	if c.interrupted {
		text = "The server is shutting down."
	}
	c.mu.Unlock()
	c.log.Debug("dialogue ended", "err", err)
	if text != "" {
		c.conn.Write(c.protocol.bye(text, false)) // whether it arrives makes no difference
	}
}

// count counts a command. There is little that one can do before login, and no
// reason to do it often.
func (c *client) count() error {
	if c.commands++; c.commands > maxCommands {
		return errCommands
	}
	return nil
}

// mistake counts a command that was refused: a client that makes nothing but
// mistakes speaks another protocol, or guesses.
func (c *client) mistake() error {
	if c.mistakes++; c.mistakes >= maxMistakes {
		return errMistakes
	}
	return nil
}

// Read reads from the client before login, with the deadlines of the dialogue.
func (c *client) Read(p []byte) (int, error) {
	if err := c.extend(c.front.limit.idle); err != nil {
		return 0, err
	}
	n, err := c.conn.Read(p)
	return n, left(err)
}

// Write writes to the client before login.
func (c *client) Write(p []byte) (int, error) {
	n, err := c.conn.Write(p)
	return n, left(err)
}

// left marks the errors of a client that is gone.
func left(err error) error {
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errBroken
	}
	return err
}

// extend gives the client until d from now for its next octets, but no more
// than the dialogue has left.
func (c *client) extend(d time.Duration) error {
	now := time.Now()
	read := now.Add(d)
	if end := c.deadline(); end.Before(read) {
		read = end
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.interrupted {
		read = now
	}
	return errors.Join(c.raw.SetReadDeadline(read), c.raw.SetWriteDeadline(now.Add(c.front.limit.write)))
}

// deadline is the end of the dialogue.
func (c *client) deadline() time.Time { return c.began.Add(c.front.limit.total) }

// interrupt ends the dialogue of a client that is not logged in. Its own
// goroutine finds its read timed out, and takes leave.
func (c *client) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.interrupted = true
	if !c.loggedIn {
		c.raw.SetReadDeadline(time.Now()) // an error says that it is closed already
	}
}

// unbound ends the time of deadlines.
func (c *client) unbound() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loggedIn = true
	return c.raw.SetDeadline(time.Time{})
}

// close closes a connection so that the last line arrives: a socket that is
// closed while there is something to read is reset, and takes with it what was
// not delivered.
func (c *client) close() {
	c.closeWrite()
	if c.raw.SetReadDeadline(time.Now().Add(min(c.front.limit.linger, time.Second))) != nil {
		return
	}
	io.CopyN(io.Discard, c.raw, mostDropped) // until the client closes, or sends too much, or takes too long
}

// mostDropped is how many octets of a client are dropped that is being left.
const mostDropped = 1 << 20

// closeWrite says that nothing more will come: in TLS, and on the socket.
func (c *client) closeWrite() {
	for _, conn := range []net.Conn{c.conn, c.raw} {
		if h, ok := conn.(interface{ CloseWrite() error }); ok {
			h.CloseWrite() // an error says that the client left first
		}
	}
}
