package front

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"fantail/internal/daemon/metrics"
	"fantail/internal/daemon/processors"
)

// The pump carries the bytes of a session. It knows no protocol, and of time
// only that nobody takes minutes to accept one buffer: whether a client is idle
// for too long is the session's affair, and TCP's keep-alive finds clients that
// are gone.
//
// Either side may say that it has sent everything and still listen:
//
//	client ends   -> the session reads end of file, finishes its answers, ends
//	session ends  -> the client gets everything, then end of file; what it still
//	                 sends is read and dropped for a moment, so that closing
//	                 does not reset the connection under the last answer
//	either breaks -> the other one is closed
//
// Connections spend their lives idle, so a waiting pump holds no buffer for
// the session's direction, and a small one for the client's.

const (
	smallBuffer = 512      // commands
	largeBuffer = 32 << 10 // messages
)

var largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}

// pump carries the client and its session to their ends.
func (c *client) pump(ses *session) {
	defer ses.conn.Close()
	log := c.log.With("user", ses.account)
	if err := c.unbound(); err != nil {
		log.Debug("client left during login", "err", err)
		return
	}
	c.front.quiet.Stir()
	began := time.Now()
	up := make(chan int64, 1)
	go func() {
		defer close(up)
		defer c.recovered()
		up <- c.upstream(ses)
	}()
	out, err := c.downstream(ses)
	if out == 0 && err == nil {
		// The session program ended before it could answer the login.
		err = c.send(c.protocol.bye("The session could not be started.", true))
	}
	if err == nil {
		c.closeWrite()
		err = c.raw.SetReadDeadline(time.Now().Add(c.front.limit.linger))
	}
	if err != nil {
		c.raw.Close()
		ses.conn.Close()
	}
	in := <-up
	log.Info("logout", "dur", time.Since(began).Round(time.Millisecond), "in", in, "out", out)
}

// upstream carries what the client sends, until it ends. When the session does not
// listen any more, the rest is dropped.
func (c *client) upstream(ses *session) (n int64) {
	n = ses.in
	deaf := false
	send := func(p []byte) {
		n += int64(len(p))
		c.front.o.Metrics.Add(metrics.Octets, uint64(len(p)), "in")
		if !deaf {
			_, err := ses.conn.Write(p)
			deaf = err != nil
		}
	}
	small := make([]byte, smallBuffer)
	var large *[largeBuffer]byte
	for {
		buf := small
		if large != nil {
			buf = large[:]
		}
		k, err := c.conn.Read(buf)
		processors.Stir()
		send(buf[:k])
		if err != nil {
			break
		}
		switch {
		case large == nil && k == len(small): // more than commands
			large = largeBuffers.Get().(*[largeBuffer]byte)
		case large != nil && k < len(small):
			largeBuffers.Put(large)
			large = nil
		}
	}
	if large != nil {
		largeBuffers.Put(large)
	}
	ses.conn.CloseWrite() // an error says that the session ended first
	return n
}

// downstream carries what the session sends, until it ends (nil) or the client
// cannot be reached.
func (c *client) downstream(ses *session) (n int64, err error) {
	next := reader(ses.conn)
	for {
		buf, k, readErr := next()
		processors.Stir()
		if k > 0 {
			err = c.send(buf[:k])
			n += int64(k)
			c.front.o.Metrics.Add(metrics.Octets, uint64(k), "out")
		}
		if buf != nil {
			largeBuffers.Put(buf)
		}
		switch {
		case err != nil:
			return n, err
		case errors.Is(readErr, io.EOF) || errors.Is(readErr, syscall.ECONNRESET):
			return n, nil // a session that ends with input unread resets its socket
		case readErr != nil:
			return n, readErr
		}
	}
}

// send writes to the client of a session. A client that takes nothing for a long
// time does not keep a connection for ever.
func (c *client) send(p []byte) error {
	if err := c.raw.SetWriteDeadline(time.Now().Add(c.front.limit.stuck)); err != nil {
		return err
	}
	_, err := c.conn.Write(p)
	return err
}

// reader returns a function that waits for input of conn and then takes a buffer
// for it, which the caller gives back. io.EOF comes alone.
func reader(conn net.Conn) func() (*[largeBuffer]byte, int, error) {
	sc, ok := conn.(syscall.Conn)
	var raw syscall.RawConn
	if ok {
		var err error
		if raw, err = sc.SyscallConn(); err != nil {
			return func() (*[largeBuffer]byte, int, error) { return nil, 0, err }
		}
	}
	if raw == nil {
		return func() (*[largeBuffer]byte, int, error) {
			buf := largeBuffers.Get().(*[largeBuffer]byte)
			n, err := conn.Read(buf[:])
			return buf, n, err
		}
	}
	return func() (buf *[largeBuffer]byte, n int, err error) {
		waitErr := raw.Read(func(fd uintptr) bool {
			buf = largeBuffers.Get().(*[largeBuffer]byte)
			for {
				if n, err = syscall.Read(int(fd), buf[:]); err != syscall.EINTR {
					break
				}
			}
			if err == syscall.EAGAIN {
				largeBuffers.Put(buf)
				buf = nil
				return false
			}
			return true
		})
		switch {
		case waitErr != nil:
			return nil, 0, waitErr
		case err != nil:
			return buf, 0, err
		case n == 0:
			return buf, 0, io.EOF
		}
		return buf, n, nil
	}
}
