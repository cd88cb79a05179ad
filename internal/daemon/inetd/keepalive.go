package inetd

import (
	"errors"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// keepAlive finds clients that are gone without a word: the kernel asks, and the
// sessions need say nothing. A phone is woken by each question, so they are rare; the
// default of package net, every 15 seconds, empties batteries. They are not so rare
// either that a network which forgets silent connections, some after half an hour,
// cuts off a client in IDLE, which has to speak every 29 minutes only (RFC 9051
// section 6.3.13). FairEmail takes a server for one that wakes phones if it hears
// something within 12 minutes.
var keepAlive = net.KeepAliveConfig{
	Enable:   true,
	Idle:     13 * time.Minute,
	Interval: time.Minute,
	Count:    5,
}

// keepAlives sets up a socket of TCP that is to listen. On Linux those that it accepts
// have what it has.
func keepAlives(_, _ string, c syscall.RawConn) error {
	var errs []error
	err := c.Control(func(fd uintptr) {
		for _, o := range []struct{ level, name, value int }{
			{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
			{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int(keepAlive.Idle / time.Second)},
			{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, int(keepAlive.Interval / time.Second)},
			{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepAlive.Count},
		} {
			errs = append(errs, unix.SetsockoptInt(int(fd), o.level, o.name, o.value))
		}
	})
	return errors.Join(append(errs, err)...)
}

// asked is a socket that was inherited: package net gives what such a one accepts its own
// times, so each connection is set up.
type asked struct{ net.Listener }

// Accept implements net.Listener.
func (l asked) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		_ = ask(conn) // it has ended, which whoever reads from it finds
	}
	return conn, err
}

// ask sets up a connection, if it is of TCP.
func ask(conn net.Conn) error {
	if tcp, ok := conn.(*net.TCPConn); ok {
		return tcp.SetKeepAliveConfig(keepAlive)
	}
	return nil
}
