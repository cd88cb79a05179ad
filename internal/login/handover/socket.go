package handover

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a connected stream socket, as a net.Conn. It is the descriptor itself and not
// a duplicate, and nobody asks the kernel for the addresses of its ends: a session is begun
// for each login.
type socket struct{ f *os.File }

// errBlocking says that a socket would block a thread, and have no deadlines.
var errBlocking = errors.New("the socket is in blocking mode")

// open returns the socket of a descriptor, which is in non-blocking mode and is closed
// with it.
func open(fd int) socket { return socket{os.NewFile(uintptr(fd), "session")} }

// checkMode wants a socket to be as open needs it.
func checkMode(fd int) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err == nil && flags&unix.O_NONBLOCK == 0 {
		err = errBlocking
	}
	return err
}

// Read implements net.Conn.
func (s socket) Read(p []byte) (int, error) {
	n, err := s.f.Read(p)
	return n, plain(err)
}

// Write implements net.Conn.
func (s socket) Write(p []byte) (int, error) {
	n, err := s.f.Write(p)
	return n, plain(err)
}

// plain is the error of a file as a connection says it: a time-out is a net.Error, and
// what is closed is net.ErrClosed.
func plain(err error) error {
	if path, ok := err.(*fs.PathError); ok {
		err = path.Err
	}
	if err == os.ErrClosed {
		err = net.ErrClosed
	}
	return err
}

// Close implements net.Conn.
func (s socket) Close() error { return plain(s.f.Close()) }

// CloseWrite says that nothing more will be sent.
func (s socket) CloseWrite() error {
	raw, err := s.f.SyscallConn()
	if err != nil {
		return err
	}
	var shutErr error
	err = raw.Control(func(fd uintptr) { shutErr = unix.Shutdown(int(fd), unix.SHUT_WR) })
	return errors.Join(plain(err), shutErr)
}

// SyscallConn implements syscall.Conn.
func (s socket) SyscallConn() (syscall.RawConn, error) { return s.f.SyscallConn() }

// SetDeadline implements net.Conn.
func (s socket) SetDeadline(t time.Time) error { return plain(s.f.SetDeadline(t)) }

// SetReadDeadline implements net.Conn.
func (s socket) SetReadDeadline(t time.Time) error { return plain(s.f.SetReadDeadline(t)) }

// SetWriteDeadline implements net.Conn.
func (s socket) SetWriteDeadline(t time.Time) error { return plain(s.f.SetWriteDeadline(t)) }

// LocalAddr implements net.Conn. It tells nothing: Hello has the client's address.
func (socket) LocalAddr() net.Addr { return new(net.UnixAddr) }

// RemoteAddr implements net.Conn, as LocalAddr does.
func (socket) RemoteAddr() net.Addr { return new(net.UnixAddr) }
