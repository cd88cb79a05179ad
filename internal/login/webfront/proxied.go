package webfront

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"fantail/internal/daemon/proxyproto"
)

// headerTime is how long a proxy may take to say whose connection it carries.
const headerTime = 5 * time.Second

// forwarded is a connection from a proxy. Whose it is, and so whether there is room for
// it, is known from its header, which is read when somebody wants to know the address or
// to read: whoever accepts does not wait.
type forwarded struct {
	net.Conn
	crowd *crowd
	log   *slog.Logger

	header sync.Once
	remote net.Addr // the client's, after header
	err    error

	mu      sync.Mutex // guards what follows
	closed  bool
	counted bool // the client's address is
	source  netip.Addr
}

// Read implements net.Conn. The first one waits for the header.
func (f *forwarded) Read(p []byte) (int, error) {
	if f.header.Do(f.receive); f.err != nil {
		return 0, f.err
	}
	return f.Conn.Read(p)
}

// RemoteAddr is the client's address, as the proxy says. It waits for that.
func (f *forwarded) RemoteAddr() net.Addr {
	f.header.Do(f.receive)
	return f.remote
}

// Close implements net.Conn.
func (f *forwarded) Close() error {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		f.crowd.leave()
		if f.counted {
			f.crowd.leaveSource(f.source)
		}
	}
	f.mu.Unlock()
	return f.Conn.Close()
}

var errCrowded = errors.New("too many connections from that address")

// receive reads the header and counts the client.
func (f *forwarded) receive() {
	f.remote = f.Conn.RemoteAddr() // of one that the proxy does not know, or its own
	h, err := f.read()
	if err == nil {
		if h.Source.IsValid() {
			f.remote = net.TCPAddrFromAddrPort(h.Source)
		}
		err = f.count()
	}
	if err == nil {
		return
	}
	f.err = err
	level := slog.LevelWarn
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		level = slog.LevelDebug // that is how proxies look whether somebody is there
	}
	f.log.Log(context.Background(), level, "connection refused", "proto", "webmail", "remote", hostOf(f.remote.String()), "err", err)
}

func (f *forwarded) read() (proxyproto.Header, error) {
	if err := f.SetReadDeadline(time.Now().Add(headerTime)); err != nil {
		return proxyproto.Header{}, err
	}
	h, err := proxyproto.Receive(f.Conn)
	if err != nil {
		return proxyproto.Header{}, err
	}
	return h, f.SetReadDeadline(time.Time{})
}

// count counts the connection among those of its client.
func (f *forwarded) count() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.source = sourceOf(f.remote); {
	case f.closed:
		return net.ErrClosed
	case !f.crowd.enterSource(f.source):
		return errCrowded
	}
	f.counted = true
	return nil
}
