package inetd

import (
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Connections are asked rarely whether they are there, wherever their socket is from.
func TestKeepAlive(t *testing.T) {
	own, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]net.Listener{"own": own, "inherited": asked{other}} {
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
		raw, err := conn.(syscall.Conn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []struct{ level, name, want int }{
			{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
			{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 13 * 60},
			{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 60},
			{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 5},
			{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		} {
			var got int
			controlErr := raw.Control(func(fd uintptr) { got, err = unix.GetsockoptInt(int(fd), o.level, o.name) })
			if controlErr != nil || err != nil || got != o.want {
				t.Errorf("%s: option %d: %d, %v, %v", name, o.name, got, controlErr, err)
			}
		}
	}
}
