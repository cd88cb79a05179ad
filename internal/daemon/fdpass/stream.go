package fdpass

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Writer is a unix socket as WriteFile needs it; *net.UnixConn is one.
type Writer interface {
	WriteMsgUnix(b, oob []byte, addr *net.UnixAddr) (n, oobn int, err error)
}

// WriteFile writes p, of one octet at least, to a stream socket, together with the
// descriptor of f.
func WriteFile(c Writer, p []byte, f syscall.Conn) error {
	n, err := write(c, p, f)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return err
}

// ReadFile reads from a stream socket, as Read does, with the descriptor that came
// with the octets; nil if there was none. It is in non-blocking mode, so that the
// file has deadlines.
func ReadFile(c *net.UnixConn, p []byte) (n int, f *os.File, err error) {
	n, fd, err := read(c, p)
	switch {
	case errors.Is(err, io.EOF):
		return 0, nil, io.EOF
	case err != nil || fd < 0:
		return n, nil, err
	}
	if e := unix.SetNonblock(fd, true); e != nil {
		return 0, nil, errors.Join(fmt.Errorf("set non-blocking mode: %w", e), unix.Close(fd))
	}
	return n, os.NewFile(uintptr(fd), "passed"), nil
}

// write is one sendmsg with a descriptor.
func write(c Writer, p []byte, f syscall.Conn) (n int, err error) {
	raw, err := f.SyscallConn() // os.File.Fd would change the mode of the file
	if err != nil {
		return 0, fmt.Errorf("send a descriptor: %w", err)
	}
	var sendErr error
	err = raw.Control(func(fd uintptr) {
		n, _, sendErr = c.WriteMsgUnix(p, unix.UnixRights(int(fd)), nil)
	})
	return n, errors.Join(err, sendErr)
}
