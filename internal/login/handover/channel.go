package handover

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
)

// Channel is a connection to a session program, as a front has it: one end of a
// Pair.
type Channel interface {
	net.Conn
	CloseWrite() error
	fdpass.Writer
}

// Ends returns the two ends of a channel: two connected stream sockets, neither of
// which any other program inherits by accident.
func Ends() (front, session *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "front"), os.NewFile(uintptr(fds[1]), "session"), nil
}

// Pair is Ends, of which the first is opened.
func Pair() (ours *net.UnixConn, theirs *os.File, err error) {
	front, theirs, err := Ends()
	if err != nil {
		return nil, nil, err
	}
	if ours, err = Open(front); err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return ours, theirs, nil
}

// Open makes an end a connection, and closes the file.
func Open(end *os.File) (*net.UnixConn, error) {
	defer end.Close() // the connection has a descriptor of its own
	conn, err := net.FileConn(end)
	if err != nil {
		return nil, fmt.Errorf("open a channel: %w", err)
	}
	channel, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("open a channel: it is another socket"), conn.Close())
	}
	return channel, nil
}

// Carry introduces a client whose octets the front is going to carry. Those in ahead
// it has carried already.
func (h Hello) Carry(channel io.Writer, ahead []byte) error {
	b, err := record{Hello: h}.append(nil)
	if err == nil {
		_, err = channel.Write(append(b, ahead...))
	}
	return err
}

// Give introduces a client and gives its socket, which stays the caller's to close.
// ahead is what was read from it behind the login. All is one message: the session
// gets nothing, or all.
func (h Hello) Give(channel fdpass.Writer, socket syscall.Conn, ahead []byte) error {
	b, err := record{Hello: h, socket: true, ahead: len(ahead)}.append(nil)
	if err == nil {
		err = fdpass.WriteFile(channel, append(b, ahead...), socket)
	}
	return err
}

// Counts are how many octets a session has read from the socket that it was given,
// those ahead of it included, and has written to it. On the wire they are two numbers
// of eight octets in network byte order.
type Counts struct{ In, Out uint64 }

const countsSize = 16

func (c Counts) write(w io.Writer) error {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, countsSize), c.In)
	_, err := w.Write(binary.BigEndian.AppendUint64(b, c.Out))
	return err
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
