package webfront

import (
	"net"
	"net/netip"
	"sync"
)

// crowd counts the connections of a Server, over all its listeners.
type crowd struct {
	most, perSource int // 0: no limit

	mu      sync.Mutex
	all     int
	sources map[netip.Addr]int
}

// enter counts a connection from an address, and reports whether there is room
// for it. The caller calls leave if there is.
func (c *crowd) enter(a netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.most > 0 && c.all >= c.most || c.perSource > 0 && c.sources[a] >= c.perSource {
		return false
	}
	c.all++
	c.sources[a]++
	return true
}

func (c *crowd) leave(a netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.sources[a]--; c.sources[a] == 0 {
		delete(c.sources, a)
	}
}

// bounded is a listener that closes connections for which there is no room.
type bounded struct {
	net.Listener
	crowd *crowd
}

func (l bounded) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		source := sourceOf(conn.RemoteAddr())
		if l.crowd.enter(source) {
			return &counted{Conn: conn, leave: sync.OnceFunc(func() { l.crowd.leave(source) })}, nil
		}
		_ = conn.Close() // there is nothing to be lost
	}
}

// sourceOf returns the address that limits apply to: of IPv6 the network of 64
// bits, which is what one subscriber has.
func sourceOf(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{} // a unix socket: one source
	}
	ip := ap.Addr().Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return ip
}

type counted struct {
	net.Conn
	leave func()
}

func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}
