package front

import (
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The connections that a server accepts are asked rarely whether they are there.
func TestKeepAlive(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	b := start(t, nil)
	protocol, _ := protocols("imap")
	c := b.server.admit(conn, protocol, false)
	if c == nil {
		t.Fatal("not admitted")
	}
	defer b.server.leave(c)
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []struct{ level, name, want int }{
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 13 * 60},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 60},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 5},
	} {
		var got int
		controlErr := raw.Control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), o.level, o.name) })
		if controlErr != nil || err != nil || got != o.want {
			t.Errorf("option %d: %d, %v, %v", o.name, got, controlErr, err)
		}
	}
}
