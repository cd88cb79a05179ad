package front

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"syscall"

	"fantail/internal/daemon/metrics"
	"fantail/internal/daemon/proxyproto"
)

// introduced has the proxy at the other end say whose connection it is, and counts that
// among those of its source. It reports whether there is something to serve.
func (c *client) introduced() bool {
	h, err := c.header()
	if err != nil {
		level := slog.LevelWarn
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			level = slog.LevelDebug // that is how proxies look whether somebody is there
		}
		c.log.Log(context.Background(), level, "connection refused", "err", err)
		c.front.o.Metrics.Inc(metrics.Refused, "proxy")
		return false
	}
	c.standsFor(h)
	if why := c.front.settle(c); why != "" {
		c.turnAway(why)
		return false
	}
	return true
}

// standsFor makes the connection that of the header's client.
//
// The client of a proxy is within this machine if the proxy is and says that its client
// is. One that it does not know is not: anybody can be behind it. A connection of the
// proxy's own has the proxy's address, as without a header.
func (c *client) standsFor(h proxyproto.Header) {
	switch {
	case h.Local:
	case h.Source.IsValid():
		c.addr = h.Source.Addr()
		c.near = c.near && c.addr.IsLoopback()
	default:
		c.near = false
	}
	c.source = sourceOf(c.addr)
	c.name()
}

// header is what the proxy says.
func (c *client) header() (proxyproto.Header, error) {
	if err := c.extend(c.front.limit.proxy); err != nil {
		return proxyproto.Header{}, err
	}
	return proxyproto.Receive(c.raw)
}

// settle counts the client of a proxy, or says why there is no room for it.
func (s *Server) settle(c *client) (why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if why = s.crowded(c.source); why == "" {
		c.proxied = false
		s.sources[c.source]++
	}
	return why
}
