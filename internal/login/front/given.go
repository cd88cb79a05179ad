package front

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/metrics"
	"fantail/internal/login/handover"
)

// A client without TLS is given to its session by the message that begins it: the session
// has the client's own socket, so that no octet goes through this process, which nobody wakes. The front
// keeps a descriptor of the socket, to count the connection until it has ended and to
// end it, and waits for the end of the channel to the session:
//
//	session ends    -> the front takes leave as the pump does: end of file, then
//	                   what the client still sends is dropped for a moment
//	session breaks  -> the same; a client that was never answered is told why
//	client leaves   -> the session sees it and ends
//	abort           -> the socket is shut down, so that it ends for the session too
//	front dies      -> the session goes on to its end, with nobody who counts it;
//	front ends      -> the same, if the session is not the front's own (Outlived)
//
// The session runs as the user, so its socket is not to be trusted afterwards: it may
// have another mode, and the session may still have it. Whatever it did, the
// connection has ended when the front has let go of it.

// lent is the socket that a session was given, as the front keeps it: a bare
// descriptor, since a net.Conn would have the kernel wake this process whenever
// something arrives.
type lent struct {
	fd      int
	channel handover.Channel // nil until the session has begun
	said    uint32           // segments with data that the client had been sent before
}

// lend makes the socket one that can be given away.
func (c *client) lend(socket *net.TCPConn) (*lent, error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	l := new(lent)
	var dupErr error
	err = raw.Control(func(fd uintptr) { l.fd, dupErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3) })
	if err := errors.Join(err, dupErr); err != nil {
		return nil, fmt.Errorf("keep the socket: %w", err)
	}
	l.said = l.segments()
	c.mu.Lock()
	c.lent = l
	c.mu.Unlock()
	return l, nil
}

// takeBack is the end of what lend began, since no session has begun: the front has the
// socket alone, as before. If a session may have it, or has said something before it was
// lost, the connection is over.
func (c *client) takeBack(err error) error {
	if errors.Is(err, handover.ErrUnsure) || c.lent.segments() != c.lent.said {
		c.abort()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	fd := c.lent.fd
	c.lent = nil
	return unix.Close(fd)
}

// await waits for the end of a session that has the client's socket.
func (c *client) await(ses *session) {
	defer c.letGo()
	c.mu.Lock()
	c.loggedIn = true
	c.raw.Close()
	c.mu.Unlock()
	c.front.quiet.Stir()
	began := time.Now()
	counts := handover.Await(ses.conn)
	if counts.Out == 0 && c.lent.segments() == c.lent.said { // it crashed, and before it could answer
		c.lent.say(c.protocol.bye("The session could not be started.", true))
	}
	// It is the session's word, and no more than a connection can carry in a day.
	c.front.o.Metrics.Add(metrics.Octets, min(counts.In, mostCounted), "in")
	c.front.o.Metrics.Add(metrics.Octets, min(counts.Out, mostCounted), "out")
	c.log.Info("logout", "user", ses.account, "dur", time.Since(began).Round(time.Millisecond), "in", counts.In, "out", counts.Out)
	c.lent.linger(c.front.limit.linger)
}

// mostCounted is how many octets a session is believed that counts them itself.
const mostCounted = 1 << 40

// outlives reports whether the connection goes on when the front ends.
func (c *client) outlives() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.front.o.Outlived && c.lent != nil && c.loggedIn
}

// abort ends the connection for everybody.
func (c *client) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Close()
	if c.lent != nil {
		c.lent.shut()
	}
}

// letGo is the end of what lend began.
func (c *client) letGo() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lent.shut()
	// Closing must not wait, whatever the session has asked of the socket.
	unix.SetsockoptLinger(c.lent.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{})
	unix.Close(c.lent.fd)
	c.lent = nil
}

// shut ends the connection, and the session's part of it.
func (l *lent) shut() {
	unix.Shutdown(l.fd, unix.SHUT_RDWR) // an error says that the client left first
	if l.channel != nil {
		l.channel.Close()
	}
}

// segments is how many segments with data the client was sent. The kernel knows what a
// session that crashes cannot tell any more.
func (l *lent) segments() uint32 {
	info, err := unix.GetsockoptTCPInfo(l.fd, unix.SOL_TCP, unix.TCP_INFO)
	if err != nil {
		return 0 // as before: it is as if nothing had been said
	}
	return info.Data_segs_out
}

// say sends a line, if there is room for it.
func (l *lent) say(line []byte) {
	unix.SendmsgN(l.fd, line, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL) // whether it arrives makes no difference
}

// linger is close of a client, with a socket that is in any mode.
func (l *lent) linger(d time.Duration) {
	unix.Shutdown(l.fd, unix.SHUT_WR)
	fd, err := unix.FcntlInt(uintptr(l.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return // there are no descriptors left: the last answer may be lost
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return
	}
	f := os.NewFile(uintptr(fd), "client")
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil || f.SetReadDeadline(time.Now().Add(d)) != nil {
		return
	}
	var buf [4 << 10]byte
	for n := 0; n < mostDropped; {
		k, err := receive(raw, buf[:])
		if err != nil {
			return
		}
		n += k
	}
}

// receive reads without ever blocking a thread. The error is io.EOF at the end.
func receive(raw syscall.RawConn, p []byte) (n int, err error) {
	waitErr := raw.Read(func(fd uintptr) bool {
		n, _, err = unix.Recvfrom(int(fd), p, unix.MSG_DONTWAIT)
		return err != unix.EAGAIN
	})
	switch {
	case waitErr != nil:
		return 0, waitErr
	case err == nil && n == 0:
		return 0, io.EOF
	}
	return n, err
}
