// Package fdpass carries short messages between two processes, each with a few file
// descriptors at most: SCM_RIGHTS over a pair of unix sockets (unix(7)).
//
// The sockets are of the type SOCK_SEQPACKET: a message arrives whole and in
// order or not at all, and the end of the other process is an end of file.
//
// Invariants: what arrives is no longer than the receiver has room for, and at most
// MostDescriptors; a message with more of either is an error, and every descriptor
// that came with it is closed. A descriptor that arrives is closed on exec. What is
// sent stays the sender's to close. What a process has sent before its end arrives,
// whatever it has left unread.
package fdpass

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrMessage says that something arrived that is not a message of this package:
// too long, or with too many descriptors. It came from a program of another kind.
var ErrMessage = errors.New("malformed message")

// Descriptors are those of a message, in order: bare ones, which nothing waits for and
// nobody closes by accident, so that to pass them on costs nothing more.
type Descriptors []int

// MostDescriptors can come with one message.
const MostDescriptors = 2

// Close closes all of them.
func (d Descriptors) Close() error {
	var errs []error
	for _, fd := range d {
		errs = append(errs, unix.Close(fd))
	}
	return errors.Join(errs...)
}

// Conn is one end. Its methods may be called by several goroutines, but Receive
// only by one.
type Conn struct{ c *net.UnixConn }

const network = "unixpacket" // SOCK_SEQPACKET, in package net

// Listener accepts connections.
type Listener struct{ l *net.UnixListener }

// Listen makes a socket at path, where none must be, which is removed when the
// Listener is closed.
func Listen(path string) (*Listener, error) {
	l, err := net.ListenUnix(network, &net.UnixAddr{Name: path, Net: network})
	if err != nil {
		return nil, err
	}
	return &Listener{l}, nil
}

// OpenListener returns the listening socket that f is. The file is duplicated, and
// stays the caller's to close.
func OpenListener(f *os.File) (*Listener, error) {
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", f.Name(), err)
	}
	u, ok := l.(*net.UnixListener)
	if !ok || u.Addr().Network() != network {
		return nil, errors.Join(fmt.Errorf("listen on %s: it is of another type", f.Name()), l.Close())
	}
	return &Listener{u}, nil
}

// Accept waits for the next connection.
func (l *Listener) Accept() (*Conn, error) {
	u, err := l.l.AcceptUnix()
	if err != nil {
		return nil, err
	}
	return &Conn{u}, nil
}

// Close closes the socket; Accept returns net.ErrClosed.
func (l *Listener) Close() error { return l.l.Close() }

// Pair returns two ends: one for this process, and one that a program can be
// started with.
func Pair() (ours *Conn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	theirs = os.NewFile(uintptr(fds[1]), "control")
	f := os.NewFile(uintptr(fds[0]), "control")
	defer f.Close()
	ours, err = Open(f)
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return ours, theirs, nil
}

// Open returns the end that f is. The file is duplicated, and stays the caller's
// to close.
func Open(f *os.File) (*Conn, error) {
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("use %s as a control socket: %w", f.Name(), err)
	}
	u, ok := conn.(*net.UnixConn)
	if !ok || u.LocalAddr().Network() != network {
		return nil, errors.Join(fmt.Errorf("use %s as a control socket: it is of another type", f.Name()), conn.Close())
	}
	return &Conn{u}, nil
}

// Dial returns a connection to the socket at path.
func Dial(ctx context.Context, path string) (*Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, path)
	if err != nil {
		return nil, err
	}
	return &Conn{conn.(*net.UnixConn)}, nil
}

// Peer is the process at the other end of a connection: the one that called
// connect(2) or listen(2), as the kernel tells (SO_PEERCRED). Of a pair it is the one
// that made it.
type Peer struct {
	PID int32
	UID uint32
}

// Peer returns it. It can have ended meanwhile.
func (c *Conn) Peer() (Peer, error) { return PeerOf(c.c) }

// PeerOf is Conn.Peer of a unix socket of any type.
func PeerOf(c syscall.Conn) (Peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	var cred *unix.Ucred
	var optErr error
	err = raw.Control(func(fd uintptr) { cred, optErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err = errors.Join(err, optErr); err != nil {
		return Peer{}, fmt.Errorf("ask who is at the other end: %w", err)
	}
	return Peer{cred.Pid, cred.Uid}, nil
}

// Close closes this end. Messages that were sent arrive nevertheless.
func (c *Conn) Close() error { return c.c.Close() }

// CloseRead makes further messages of the other side impossible; what it has sent can be
// received, and then io.EOF.
func (c *Conn) CloseRead() error { return c.c.CloseRead() }

// CloseWrite says that nothing more will be sent.
func (c *Conn) CloseWrite() error { return c.c.CloseWrite() }

// SetWriteDeadline limits how long Send waits for room.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.c.SetWriteDeadline(t) }

// Send sends a message, which must not be empty, with descriptors if there are any.
func (c *Conn) Send(message []byte, fds Descriptors) error {
	if len(message) == 0 {
		panic("fdpass: an empty message is an end of file")
	}
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	_, _, err := c.c.WriteMsgUnix(message, oob, nil)
	return err
}

// Receive reads the next message into buf, which must have room for the longest one
// that there can be. The descriptors that came with it are the caller's. The error is
// io.EOF when the other end was closed, also if it was in the midst of reading.
func (c *Conn) Receive(buf []byte) (message []byte, fds Descriptors, err error) {
	n, fds, err := c.read(buf)
	if errors.Is(err, unix.ECONNRESET) { // it has left something unread: what it has sent follows
		n, fds, err = c.read(buf)
	}
	if err != nil {
		return nil, nil, err
	}
	return buf[:n], fds, nil
}

// read is one recvmsg.
func (c *Conn) read(buf []byte) (n int, fds Descriptors, err error) {
	var oob [64]byte // more than the most descriptors need, so that another one is seen
	n, oobn, flags, _, err := c.c.ReadMsgUnix(buf, oob[:])
	if errors.Is(err, io.EOF) {
		return 0, nil, io.EOF
	}
	if err != nil {
		return n, nil, err
	}
	fds, err = descriptors(oob[:oobn])
	if err == nil && (len(fds) > MostDescriptors || flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0) {
		err = ErrMessage
	}
	if err != nil {
		return 0, nil, errors.Join(err, fds.Close())
	}
	return n, fds, nil
}

// descriptors returns those in a control message, also beside an error.
func descriptors(oob []byte) (fds Descriptors, err error) {
	controls, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	for i := range controls {
		if len(controls[i].Data)%4 != 0 { // ParseUnixRights takes whole descriptors for granted
			err = fmt.Errorf("%w: control data of %d octets", ErrMessage, len(controls[i].Data))
			continue
		}
		more, e := unix.ParseUnixRights(&controls[i])
		if e != nil { // control data of another kind
			err = fmt.Errorf("%w: %w", ErrMessage, e)
			continue
		}
		fds = append(fds, more...)
	}
	return fds, err
}
