package webmail

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Serve answers HTTP/2 requests without TLS (RFC 9113 section 3.3, prior
// knowledge) on one connection until the other end closes it.
func Serve(conn net.Conn, h http.Handler, log *slog.Logger) error {
	l := &single{conn: conn, done: make(chan struct{})}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{
		Handler:           h,
		Protocols:         &protocols,
		ReadHeaderTimeout: 10 * time.Second, // of the first request; the front sends it at once
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelError),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed || state == http.StateHijacked {
				l.end()
			}
		},
	}
	err := srv.Serve(l)
	if errors.Is(err, net.ErrClosed) {
		return srv.Close()
	}
	return err
}

// single is a listener that accepts one connection, and reports to be closed
// when that is.
type single struct {
	mu   sync.Mutex
	conn net.Conn // nil once accepted
	done chan struct{}
	once sync.Once
}

func (l *single) Accept() (net.Conn, error) {
	l.mu.Lock()
	c := l.conn
	l.conn = nil
	l.mu.Unlock()
	if c != nil {
		return c, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

func (l *single) end() { l.once.Do(func() { close(l.done) }) }

func (l *single) Close() error {
	l.end()
	return nil
}

func (l *single) Addr() net.Addr { return fdAddr{} }

// fdAddr is the address of an inherited descriptor.
type fdAddr struct{}

func (fdAddr) Network() string { return "unix" }
func (fdAddr) String() string  { return "fd 0" }
