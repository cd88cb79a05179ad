package webfront

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"fantail/internal/daemon/processors"
)

// How the front ends while browsers come: nobody is left without an answer.
//
// Its sockets belong to the service manager, where whoever connects from now on waits for
// the next front. Who has connected to this one cannot be handed on: TLS is in between. So
// Close goes through these:
//
//	arrivals   Nothing is accepted any more. A connection without a request yet is
//	           waited for until its client has been silent for the time of untilFirst: those
//	           that a browser opened for later do not hold up the end. One of HTTP/1.1
//	           whose client has just been answered and may be asking more gets the time of
//	           untilNext. Every answer says that it is the last: "Connection: close" (RFC 9112
//	           section 9.6), or GOAWAY (RFC 9113 section 6.8).
//	requests   What runs may end (http.Server.Shutdown); HTTP/2 connections get GOAWAY,
//	           by which clients know what to ask again elsewhere.
//	sessions   The programs end.
const (
	untilFirst = 2 * time.Second        // of a client that has not asked for anything yet
	untilNext  = 300 * time.Millisecond // of one that has been answered
	patience   = 5 * time.Second        // with all arrivals
	toAnswer   = 2 * time.Second        // what they have asked, at least
)

// arrivals are the connections of a Server.
type arrivals struct {
	mu   sync.Mutex
	open map[*arrival]struct{}
}

// arrival is a connection, for as long as it is open.
type arrival struct {
	net.Conn
	of    *arrivals
	heard atomic.Int64 // when there were octets, in Unix nanoseconds
	stage atomic.Int32
}

// The stages of an arrival.
const (
	noRequest int32 = iota
	oneByOne        // HTTP/1.1, has asked
	framed          // HTTP/2, has asked
)

func newArrivals() *arrivals { return &arrivals{open: make(map[*arrival]struct{})} }

func (a *arrivals) enter(conn net.Conn) *arrival {
	c := &arrival{Conn: conn, of: a}
	c.stir()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open[c] = struct{}{}
	return c
}

func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.open)
}

// stir notes that there are octets. They take processor time, for TLS above all.
func (c *arrival) stir() {
	c.heard.Store(time.Now().UnixNano())
	processors.Stir()
}

// Read implements net.Conn.
func (c *arrival) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.stir()
	return n, err
}

// Write implements net.Conn.
func (c *arrival) Write(p []byte) (int, error) {
	c.stir()
	return c.Conn.Write(p)
}

// asks notes a request.
func (c *arrival) asks(r *http.Request) {
	if r.ProtoMajor >= 2 {
		c.stage.Store(framed)
	} else {
		c.stage.Store(oneByOne)
	}
}

// Close implements net.Conn.
func (c *arrival) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// expected reports whether the client may be about to ask.
func (c *arrival) expected(now time.Time) bool {
	silence := now.Sub(time.Unix(0, c.heard.Load()))
	switch c.stage.Load() {
	case noRequest:
		return silence < untilFirst
	case oneByOne:
		return silence < untilNext
	}
	return false // it can be told
}

// expect waits until no client may be about to ask, or now ends.
func (a *arrivals) expect(now context.Context) {
	now, cancel := context.WithTimeout(now, patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for a.expectsAny() {
		select {
		case <-now.Done():
			return
		case <-tick.C:
		}
	}
}

func (a *arrivals) expectsAny() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	for c := range a.open {
		if c.expected(now) {
			return true
		}
	}
	return false
}

// dismiss closes the connections on which nothing was asked.
func (a *arrivals) dismiss() {
	a.mu.Lock()
	var silent []*arrival
	for c := range a.open {
		if c.stage.Load() == noRequest {
			silent = append(silent, c)
		}
	}
	a.mu.Unlock()
	for _, c := range silent {
		_ = c.Close() // there is nothing to be lost
	}
}

// arrivalKey is where a request's context has its arrival.
type arrivalKey struct{}

// remember is http.Server's ConnContext.
func remember(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = t.NetConn()
	}
	if a, ok := c.(*arrival); ok {
		return context.WithValue(ctx, arrivalKey{}, a)
	}
	return ctx
}

// noted notes requests, and says of answers that they are the last when the front ends.
func (s *Server) noted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a, ok := r.Context().Value(arrivalKey{}).(*arrival); ok {
			a.asks(r)
		}
		if s.closing.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// Close ends the front. Requests that run have until ctx ends; when that is cancelled,
// rather than out of time, nobody is waited for. Streams of news, which never finish, end
// at once, and at last every session.
func (s *Server) Close(ctx context.Context) error {
	s.close()
	s.stopAccepting()
	now, hurry := context.WithCancel(context.WithoutCancel(ctx))
	defer hurry()
	defer context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			hurry()
		}
	})()
	s.arrivals.expect(now)
	s.arrivals.dismiss()
	last := time.Now().Add(toAnswer)
	if d, ok := ctx.Deadline(); !ok || d.After(last) {
		last = d
	}
	requests, cancel := now, context.CancelFunc(func() {})
	if !last.IsZero() {
		requests, cancel = context.WithDeadline(now, last)
	}
	defer cancel()
	err := s.http.Shutdown(requests)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	s.sessions.endAll("shutdown")
	s.waiting.endAll()
	return err
}

// stopAccepting closes the listeners, and returns when whoever was accepted is among the
// arrivals.
func (s *Server) stopAccepting() {
	s.mu.Lock()
	for _, l := range s.listeners {
		_ = l.Close() // it is the end of it, whatever it says
	}
	s.mu.Unlock()
	s.accepting.Wait()
}

// accepts adds a listener, unless the front has ended. The caller calls accepting.Done.
func (s *Server) accepts(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Err() != nil {
		return false
	}
	s.listeners = append(s.listeners, l)
	s.accepting.Add(1)
	return true
}
