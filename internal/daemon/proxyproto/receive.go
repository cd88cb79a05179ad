package proxyproto

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Proxies are the addresses and networks of proxies whose headers count.
type Proxies []netip.Prefix

// Include reports whether a is a proxy's address.
func (p Proxies) Include(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(a) })
}

// usual is how much is looked at first, in octets: any header without long TLVs.
const usual = 256

// Receive takes the header from a connection on which nothing was read yet, and whose
// deadline the caller has set. What is behind it stays in the socket, for whoever has
// the socket next. Its errors wrap ErrNone, ErrMalformed, io.EOF if nothing was sent at
// all, or io.ErrUnexpectedEOF, or are of the socket.
func Receive(conn net.Conn) (Header, error) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return Header{}, fmt.Errorf("read PROXY header: %T is no socket", conn)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return Header{}, fmt.Errorf("read PROXY header: %w", err)
	}
	h, n, err := await(raw)
	if err != nil {
		return Header{}, fmt.Errorf("read PROXY header: %w", err)
	}
	// It has arrived, so this does not wait.
	if _, err := io.CopyN(io.Discard, conn, int64(n)); err != nil {
		return Header{}, fmt.Errorf("read PROXY header: %w", err)
	}
	return h, nil
}

// await looks at what has arrived until it is a whole header.
func await(raw syscall.RawConn) (h Header, n int, err error) {
	buf := make([]byte, usual)
	over := false
	waitErr := raw.Read(func(fd uintptr) bool {
		for {
			var k int
			if k, err = peek(int(fd), buf); err != nil {
				return err != unix.EAGAIN
			}
			h, n, err = Scan(buf[:k])
			switch {
			case !errors.Is(err, errShort):
				return true
			case n > len(buf):
				buf = make([]byte, n) // at most MaxHeader
			case over:
				err = io.ErrUnexpectedEOF
				return true
			case ended(int(fd)):
				over = true // and the rest may have come just before
			default:
				return false
			}
		}
	})
	if waitErr != nil {
		return Header{}, 0, waitErr
	}
	return h, n, err
}

// peek looks at what has arrived.
func peek(fd int, buf []byte) (int, error) {
	for {
		n, _, err := unix.Recvfrom(fd, buf, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		switch {
		case err == unix.EINTR:
			continue
		case err == nil && n == 0:
			return 0, io.EOF
		}
		return n, err
	}
}

// ended reports whether nothing more will arrive: at the end of a connection what it
// has sent can be looked at again and again.
func ended(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Ppoll(p, &unix.Timespec{}, nil) // which fronts may do, and not poll
	return err == nil && n == 1 && p[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
}
