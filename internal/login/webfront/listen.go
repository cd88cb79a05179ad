package webfront

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"fantail/internal/daemon/metrics"
	"fantail/internal/daemon/proxyproto"
)

// crowd counts the connections of a Server, over all its listeners.
type crowd struct {
	most, perSource int // 0: no limit

	mu      sync.Mutex
	all     int
	sources map[netip.Addr]int
}

// enter counts a connection, and reports whether there is room for it. The caller calls
// leave if there is.
func (c *crowd) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.most > 0 && c.all >= c.most {
		return false
	}
	c.all++
	return true
}

func (c *crowd) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
}

// enterSource counts a connection from an address, and reports whether there is room for
// it. The caller calls leaveSource if there is.
func (c *crowd) enterSource(a netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.perSource > 0 && c.sources[a] >= c.perSource {
		return false
	}
	c.sources[a]++
	return true
}

func (c *crowd) leaveSource(a netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sources[a]--; c.sources[a] == 0 {
		delete(c.sources, a)
	}
}

// bounded is a listener that closes connections for which there is no room.
type bounded struct {
	net.Listener
	crowd    *crowd
	proxies  proxyproto.Proxies
	arrivals *arrivals
	metrics  *metrics.Set
	log      *slog.Logger
}

func (l bounded) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.admit(conn); c != nil {
			l.metrics.Inc(metrics.Accepted)
			return l.arrivals.enter(c), nil
		}
		_ = conn.Close() // there is nothing to be lost
	}
}

// admit counts a connection, or returns nil.
func (l bounded) admit(conn net.Conn) net.Conn {
	if !l.crowd.enter() {
		l.metrics.Inc(metrics.Refused, "full")
		return nil
	}
	source := sourceOf(conn.RemoteAddr())
	if l.proxies.Include(addressOf(conn.RemoteAddr())) {
		return &forwarded{Conn: conn, crowd: l.crowd, log: l.log}
	}
	if !l.crowd.enterSource(source) {
		l.metrics.Inc(metrics.Refused, "source")
		l.crowd.leave()
		return nil
	}
	return &counted{Conn: conn, leave: sync.OnceFunc(func() {
		l.crowd.leaveSource(source)
		l.crowd.leave()
	})}
}

// addressOf is the address of IP, or the zero Addr of a unix socket.
func addressOf(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// sourceOf returns the address that limits apply to: of IPv6 the network of 64
// bits, which is what one subscriber has.
func sourceOf(a net.Addr) netip.Addr {
	ip := addressOf(a) // unix sockets are one source
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
