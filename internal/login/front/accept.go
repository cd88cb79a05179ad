package front

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"fantail/internal/daemon/inetd"
	"fantail/internal/daemon/metrics"
)

// Serve accepts connections on l until Shutdown, and then returns nil.
func (s *Server) Serve(l inetd.Listener) error {
	p, ok := protocols(l.Name)
	if !ok {
		return fmt.Errorf("%s: %w", l.Name, ErrService)
	}
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return l.Close()
	}
	s.listeners[l.Listener] = struct{}{}
	s.accepting.Add(1)
	s.mu.Unlock()
	defer s.accepting.Done()
	l.Each(s.o.Log, func(conn net.Conn) {
		if c := s.admit(conn, p, l.TLS()); c != nil {
			go c.serve()
		}
	})
	return nil
}

// admit counts a connection and returns its client, or closes it and returns
// nil if there are too many or the server is stopping.
func (s *Server) admit(conn net.Conn, p protocol, implicitTLS bool) *client {
	s.quiet.Stir()
	c := newClient(s, conn, p, implicitTLS)
	s.mu.Lock()
	why := s.refusal()
	if why == "" && !c.proxied {
		why = s.crowded(c.source)
	}
	if why == "" {
		s.o.Metrics.Inc(metrics.Accepted)
		s.o.Metrics.Inc(metrics.Connections)
		s.clients[c] = struct{}{}
		if !c.proxied {
			s.sources[c.source]++
		}
	}
	s.mu.Unlock()
	if why == "" {
		return c
	}
	c.turnAway(why)
	return nil
}

// turnAway closes a connection with which nothing has begun yet.
func (c *client) turnAway(why string) {
	c.log.Warn("connection refused", "err", why)
	c.front.o.Metrics.Inc(metrics.Refused, refusedFor[why])
	if !c.implicit {
		// There is room for one line in the buffer of a new socket.
		if c.raw.SetWriteDeadline(time.Now().Add(time.Second)) == nil {
			c.raw.Write(c.protocol.bye(why, true)) // whether it arrives makes no difference
		}
	}
	c.raw.Close()
}

// What a client is told that is turned away.
const (
	textStopping = "The server is shutting down."
	textFull     = "Too many connections."
	textSource   = "Too many connections from your address."
)

// refusedFor is how that is counted.
var refusedFor = map[string]string{textStopping: "stopping", textFull: "full", textSource: "source"}

// refusal says why no connection is taken now, "" if one is.
func (s *Server) refusal() string {
	switch {
	case s.stopping:
		return textStopping
	case s.o.Connections > 0 && len(s.clients) >= s.o.Connections:
		return textFull
	}
	return ""
}

// crowded says why no connection from source is taken now, "" if one is.
func (s *Server) crowded(source netip.Prefix) string {
	if s.o.PerSource > 0 && s.sources[source] >= s.o.PerSource {
		return textSource
	}
	return ""
}

// leave is the end of what admit began.
func (s *Server) leave(c *client) {
	s.quiet.Stir()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.o.Metrics.Dec(metrics.Connections)
	delete(s.clients, c)
	if !c.proxied {
		if s.sources[c.source]--; s.sources[c.source] == 0 {
			delete(s.sources, c.source)
		}
	}
}

// address returns the client's address, and the network that counts as one
// source: a provider gives a household one IPv4 address or a /64. Both are
// zero for a socket without addresses.
func address(conn net.Conn) (netip.Addr, netip.Prefix) {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, netip.Prefix{}
	}
	a := tcp.AddrPort().Addr().Unmap()
	return a, sourceOf(a)
}

// sourceOf is the network of an address that counts as one source.
func sourceOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	source, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{} // not an address: counted with those that have none
	}
	return source
}
