package handover

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
)

// Client is the connection to a client, as its session has it: the client's own
// socket, if the front has given that, or else the channel. One goroutine may read
// while another one writes.
//
// The socket is only read, written and closed. To close it ends nothing, for the
// front has it, too: when the channel is closed the front takes leave of the client.
type Client struct {
	stream  io.ReadWriter
	times   timed
	channel *net.UnixConn
	socket  *os.File // nil: the front carries
	ahead   []byte   // what comes before what stream reads

	in, out atomic.Uint64
}

// timed is what has deadlines.
type timed interface {
	SetDeadline(time.Time) error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// Accept reads the record at the beginning of a channel, and returns the client.
// The channel is closed with it; after an error it stays the caller's to close.
func Accept(channel *net.UnixConn) (Hello, *Client, error) {
	hello, rest, socket, err := receiveRecord(channel)
	if err == nil && hello.socket != (socket != nil) {
		err = fmt.Errorf("%w: the socket", ErrHello)
	}
	if err == nil && hello.socket {
		rest, err = readAhead(channel, rest, hello.ahead)
		err = errors.Join(err, checkSocket(socket))
	}
	if err != nil {
		if socket != nil {
			socket.Close() // nothing was written
		}
		return Hello{}, nil, fmt.Errorf("read hello: %w", err)
	}
	c := &Client{stream: channel, times: channel, channel: channel, socket: socket}
	if socket != nil {
		c.stream, c.times = socket, socket
	}
	if len(rest) > 0 {
		c.ahead = rest
	}
	return hello.Hello, c, nil
}

// receiveRecord reads the record, the descriptor that came with its first octet, and
// some of what follows it.
func receiveRecord(channel *net.UnixConn) (h record, rest []byte, socket *os.File, err error) {
	buf := make([]byte, MaxHello+MaxAhead)
	n, socket, err := fdpass.ReadFile(channel, buf)
	for err == nil {
		var ok bool
		if h, rest, ok, err = scanRecord(buf[:n]); ok || err != nil {
			break
		}
		var more int
		more, err = channel.Read(buf[n:]) // which drops descriptors that come now
		n += more
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return h, append([]byte(nil), rest...), socket, err
}

// readAhead reads what is still missing of the octets ahead of the socket.
func readAhead(channel io.Reader, have []byte, want int) ([]byte, error) {
	if len(have) > want {
		return nil, fmt.Errorf("%w: more than it says", ErrHello)
	}
	all := make([]byte, want)
	n := copy(all, have)
	_, err := io.ReadFull(channel, all[n:])
	return all, err
}

// checkSocket wants a connection of TCP: the session writes to it with rights that
// the front does not have.
func checkSocket(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var protocol int
	var optErr error
	err = raw.Control(func(fd uintptr) {
		protocol, optErr = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PROTOCOL)
	})
	switch err := errors.Join(err, optErr); {
	case err != nil:
		return fmt.Errorf("%w: the socket is none: %w", ErrHello, err)
	case protocol != unix.IPPROTO_TCP && protocol != unix.IPPROTO_MPTCP:
		return fmt.Errorf("%w: the socket is not of TCP", ErrHello)
	}
	return nil
}

// Read implements net.Conn.
func (c *Client) Read(p []byte) (n int, err error) {
	if len(c.ahead) > 0 {
		n = copy(p, c.ahead)
		if c.ahead = c.ahead[n:]; len(c.ahead) == 0 {
			c.ahead = nil
		}
	} else {
		n, err = c.stream.Read(p)
	}
	c.in.Add(uint64(n))
	return n, err
}

// Write implements net.Conn.
func (c *Client) Write(p []byte) (int, error) {
	n, err := c.stream.Write(p)
	c.out.Add(uint64(n))
	return n, err
}

// tell tells the front how many octets there were. A front that is gone need not
// know.
func (c *Client) tell() {
	if c.socket != nil {
		_ = Counts{c.in.Load(), c.out.Load()}.write(c.channel)
	}
}

// Close implements net.Conn. The front hears of it last.
func (c *Client) Close() error {
	var err error
	if c.socket != nil {
		if err = c.socket.Close(); err == nil {
			c.tell()
		}
	}
	return errors.Join(err, c.channel.Close())
}

// SetDeadline implements net.Conn.
func (c *Client) SetDeadline(t time.Time) error { return c.times.SetDeadline(t) }

// SetReadDeadline implements net.Conn.
func (c *Client) SetReadDeadline(t time.Time) error { return c.times.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (c *Client) SetWriteDeadline(t time.Time) error { return c.times.SetWriteDeadline(t) }

// LocalAddr implements net.Conn. It is the channel's: Hello has the client's.
func (c *Client) LocalAddr() net.Addr { return c.channel.LocalAddr() }

// RemoteAddr implements net.Conn, as LocalAddr does.
func (c *Client) RemoteAddr() net.Addr { return c.channel.RemoteAddr() }
