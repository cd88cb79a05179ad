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
// knowledge) on one connection until the other end closes it. When it returns, what
// requests have begun has come to its end.
func Serve(conn net.Conn, h http.Handler, log *slog.Logger) error {
	l := &single{conn: conn, done: make(chan struct{})}
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	var under requests
	srv := &http.Server{
		Handler:           under.counted(h),
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
		err = srv.Close()
	}
	under.end()
	return err
}

// requests are those that are being answered.
type requests struct {
	running sync.WaitGroup

	mu   sync.Mutex // guards over
	over bool       // there is nobody any more to answer
}

func (q *requests) counted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if q.begin() {
			defer q.running.Done()
			h.ServeHTTP(w, r)
		}
	})
}

func (q *requests) begin() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.over {
		q.running.Add(1)
	}
	return !q.over
}

// end returns when no request is being answered, nor will be.
func (q *requests) end() {
	q.mu.Lock()
	q.over = true
	q.mu.Unlock()
	q.running.Wait()
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
