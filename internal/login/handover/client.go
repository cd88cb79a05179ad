package handover

import (
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Client is the connection to a client, as its session has it: the client's own
// socket, if the front has given that, or else the channel. One goroutine may read
// while another one writes.
//
// The client's socket is only read, written and closed. To close it ends nothing, for the
// front has it, too: when the channel is closed the front takes leave of the client.
type Client struct {
	socket
	channel int    // what else is to be closed, if the socket is the client's own; or -1
	ahead   []byte // what comes before what the socket has

	in, out atomic.Uint64
}

// Accept returns the client of a connection that was passed, which has its descriptors
// then. After an error they are closed, and nothing was written.
func Accept(p Passage) (Hello, *Client, error) {
	hello, c, err := accept(p)
	if err != nil {
		return Hello{}, nil, errors.Join(fmt.Errorf("accept a client: %w", err), p.Close())
	}
	return hello, c, nil
}

func accept(p Passage) (Hello, *Client, error) {
	r, err := parseRecord(p.Record)
	if err != nil {
		return Hello{}, nil, err
	}
	if r.socket == p.Carried() {
		return Hello{}, nil, fmt.Errorf("%w: the socket", ErrHello)
	}
	c := &Client{channel: -1}
	fd := p.Files[0]
	if r.socket {
		c.channel, fd = p.Files[0], p.Files[1]
		if err := checkSocket(fd); err != nil {
			return Hello{}, nil, err
		}
		if c.ahead, err = readAhead(c.channel, r.ahead); err != nil {
			return Hello{}, nil, err
		}
	}
	if err := checkMode(fd); err != nil {
		return Hello{}, nil, fmt.Errorf("%w: %w", ErrHello, err)
	}
	c.socket = open(fd)
	return r.Hello, c, nil
}

// readAhead reads what the front has written to the channel before it was passed.
func readAhead(fd, want int) ([]byte, error) {
	if want == 0 {
		return nil, nil
	}
	all := make([]byte, want)
	for got := 0; got < want; {
		n, _, err := unix.Recvfrom(fd, all[got:], unix.MSG_DONTWAIT)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, fmt.Errorf("%w: less ahead than it says: %w", ErrHello, err)
		case n == 0:
			return nil, fmt.Errorf("%w: less ahead than it says", ErrHello)
		}
		got += max(n, 0)
	}
	return all, nil
}

// checkSocket wants a connection of TCP: the session writes to it with rights that
// the front does not have.
func checkSocket(fd int) error {
	protocol, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	switch {
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
		n, err = c.socket.Read(p)
	}
	c.in.Add(uint64(n))
	return n, err
}

// Write implements net.Conn.
func (c *Client) Write(p []byte) (int, error) {
	n, err := c.socket.Write(p)
	c.out.Add(uint64(n))
	return n, err
}

// Close implements net.Conn. The front hears of it last, and how many octets there were.
func (c *Client) Close() error {
	if err := c.socket.Close(); err != nil || c.channel < 0 {
		return err
	}
	Counts{c.in.Load(), c.out.Load()}.write(c.channel)
	return unix.Close(c.channel)
}
