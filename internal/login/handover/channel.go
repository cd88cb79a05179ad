package handover

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
)

// Channel is a connection to a session, as its front has it: one end of a socketpair
// that the front has made.
type Channel interface {
	net.Conn
	syscall.Conn
	CloseWrite() error
}

// Introduction is what a front says of a client to its session.
type Introduction struct {
	Hello
	// Socket is the descriptor of the client's own socket, which stays the caller's to
	// close; 0 if the front is going to carry what the client says.
	Socket int
	// Ahead is what the client has said behind its login, at most MaxAhead octets.
	Ahead []byte
}

// Open makes a channel, and says on it what the client has said already. What it returns
// besides is for a starter of sessions; Sent closes what only the session is to have.
func (in Introduction) Open() (Channel, Passage, error) {
	r := record{Hello: in.Hello, socket: in.Socket > 0, ahead: len(in.Ahead)}
	text, err := r.append(make([]byte, 0, usualHello))
	if err != nil {
		return nil, Passage{}, err
	}
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, Passage{}, fmt.Errorf("make a channel: %w", err)
	}
	p := Passage{Record: string(text), Files: fdpass.Descriptors{ends[1]}}
	front := open(ends[0])
	if len(in.Ahead) > 0 {
		if _, err := front.Write(in.Ahead); err != nil { // there is room for more than that
			return nil, Passage{}, errors.Join(fmt.Errorf("make a channel: %w", err), front.Close(), p.Sent())
		}
	}
	if r.socket {
		p.Files = append(p.Files, in.Socket)
	}
	return front, p, nil
}

// adoptTime is how long the descriptors may stay open of a process that is just ending.
const adoptTime = time.Second

// Adopted reports whether a program has the other end of a channel, of which the one who
// was to bring it there has died. The program may have ended since.
func Adopted(c Channel) bool {
	s, ok := c.(socket)
	if !ok || s.SetReadDeadline(time.Now().Add(adoptTime)) != nil {
		return true
	}
	defer s.SetReadDeadline(time.Time{}) // an error says that it is closed
	raw, err := s.SyscallConn()
	if err != nil {
		return true
	}
	var n int
	var b [1]byte
	err = raw.Read(func(fd uintptr) bool {
		n, _, err = unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return err != unix.EAGAIN
	})
	return err != nil || n > 0
}

// Counts are how many octets a session has read from the socket that it was given,
// those ahead of it included, and has written to it. On the wire they are two numbers
// of eight octets in network byte order.
type Counts struct{ In, Out uint64 }

const countsSize = 16

// write tells the front, if there is room: a front that does not read need not know.
func (c Counts) write(fd int) {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, countsSize), c.In)
	b = binary.BigEndian.AppendUint64(b, c.Out)
	_, _ = unix.SendmsgN(fd, b, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

// Await returns when the session has ended to which a socket was given, or the channel
// is closed. The counts are the last that the session has told: it does at its end, unless
// it crashes. No session is to be trusted with numbers that matter.
func Await(channel io.Reader) Counts {
	var last Counts
	var b [countsSize]byte
	for {
		if _, err := io.ReadFull(channel, b[:]); err != nil {
			return last
		}
		last = Counts{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
	}
}
