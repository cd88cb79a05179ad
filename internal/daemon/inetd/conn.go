package inetd

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// ErrNoConnection is returned by Connection when neither descriptor 0 nor one
// of LISTEN_FDS is a connection.
var ErrNoConnection = errors.New("standard input is not a connection")

// Connection returns the connection that inetd handed over; Serving tells what it
// is for.
//
// The descriptors 0, 1 and 2 become /dev/null where they were the connection,
// so stderr tells whether standard error is still a place for logs.
func Connection() (conn net.Conn, stderr bool, err error) {
	f, err := handedOver()
	if err != nil {
		return nil, true, err
	}
	// Fd may make the socket blocking, which its duplicate would share: so
	// before FileConn, and only there.
	fd := int(f.Fd())
	stderr = !sameFile(fd, 2)
	conn, err = net.FileConn(f) // a duplicate, close-on-exec, not blocking
	if err == nil {
		err = detach(f, fd)
	}
	if err == nil {
		err = ask(conn)
	}
	if err != nil {
		return nil, stderr, fmt.Errorf("take over the connection: %w", err)
	}
	return conn, stderr, nil
}

// Serving returns what the connection is for: the service of its local port, or
// on a port that neither the table nor the configuration knows the first one
// wanted.
func Serving(conn net.Conn, want ...Wanted) Conn {
	if tcp, ok := conn.LocalAddr().(*net.TCPAddr); ok {
		if name, ok := byPort(tcp.Port, want); ok {
			return Conn{conn, name}
		}
	}
	return Conn{conn, want[0].Service}
}

// handedOver finds the descriptor.
func handedOver() (*os.File, error) {
	if isConnection(0) {
		return os.NewFile(0, "connection"), nil
	}
	files := activation.Files(true)
	if len(files) == 1 && isConnection(int(files[0].Fd())) {
		return files[0], nil
	}
	for _, f := range files {
		f.Close()
	}
	return nil, ErrNoConnection
}

// detach replaces those of the standard descriptors that are the connection f
// by /dev/null, and closes f. fd is the descriptor of f.
func detach(f *os.File, fd int) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for _, std := range []int{2, 1, 0} {
		if std == fd || !sameFile(fd, std) {
			continue
		}
		if err := unix.Dup3(int(null.Fd()), std, 0); err != nil {
			return fmt.Errorf("replace descriptor %d: %w", std, err)
		}
	}
	if fd > 2 {
		return f.Close()
	}
	if err := unix.Dup3(int(null.Fd()), fd, 0); err != nil {
		return fmt.Errorf("replace descriptor %d: %w", fd, err)
	}
	return nil
}

// isConnection reports whether fd is a connected stream socket.
func isConnection(fd int) bool {
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_STREAM {
		return false
	}
	_, err := unix.Getpeername(fd)
	return err == nil
}

// sameFile reports whether two descriptors are the same file or socket.
func sameFile(a, b int) bool {
	var sa, sb unix.Stat_t
	return unix.Fstat(a, &sa) == nil && unix.Fstat(b, &sb) == nil && sa.Dev == sb.Dev && sa.Ino == sb.Ino
}
