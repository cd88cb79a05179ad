package webfront

import (
	"net"
	"net/netip"
	"testing"
)

func TestConnections(t *testing.T) {
	c := &crowd{most: 3, perSource: 2, sources: make(map[netip.Addr]int)}
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	var all []net.Conn
	for i, step := range []struct {
		from netip.Addr
		want bool
	}{{a, true}, {a, true}, {a, false}, {b, true}, {b, false}} {
		from := net.TCPAddrFromAddrPort(netip.AddrPortFrom(step.from, 5))
		conn := bounded{crowd: c}.admit(fromAddr{remote: from})
		if got := conn != nil; got != step.want {
			t.Errorf("step %d: %v", i, got)
		}
		if conn != nil {
			all = append(all, conn)
		}
	}
	if c.all != 3 || len(c.sources) != 2 {
		t.Errorf("%d, %v", c.all, c.sources)
	}
	for range 2 { // a second time it makes no difference
		for _, conn := range all {
			conn.Close()
		}
	}
	if c.all != 0 || len(c.sources) != 0 {
		t.Errorf("when all have left: %d %v", c.all, c.sources)
	}
	for in, want := range map[string]string{"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1", "[2001:db8:1:2:3::4]:5": "2001:db8:1:2::"} {
		if got := sourceOf(remoteAddr(in)); got.String() != want {
			t.Errorf("source of %s is %v", in, got)
		}
	}
}

// fromAddr is a connection from an address.
type fromAddr struct {
	net.Conn
	remote net.Addr
}

func (f fromAddr) RemoteAddr() net.Addr { return f.remote }
func (fromAddr) Close() error           { return nil }

func TestConnectionsAreClosed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 10)
	go func() {
		full := bounded{Listener: l, crowd: &crowd{most: 1, sources: make(map[netip.Addr]int)}, arrivals: newArrivals()}
		for {
			c, err := full.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	dial()
	first := <-accepted
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("a second connection stays open")
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	dial()
	(<-accepted).Close()
}
