package session

import (
	"net"
	"runtime/debug"
	"sync"
	"time"
)

// quietTime is how long nobody must have said anything.
const quietTime = 5 * time.Second

// quiet gives memory back to the kernel when all sessions of the process have
// become idle: they may be so for hours, and most processes of a server are. It
// does that once, and has no timer running until somebody speaks again.
type quiet struct {
	mu    sync.Mutex // guards what follows
	last  time.Time  // somebody spoke
	timer *time.Timer
	armed bool
}

// stir notes that somebody speaks.
func (q *quiet) stir() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last = time.Now()
	switch {
	case q.armed:
		return
	case q.timer == nil:
		q.timer = time.AfterFunc(quietTime, q.look)
	default:
		q.timer.Reset(quietTime)
	}
	q.armed = true
}

// look frees memory if it is quiet, or looks again when it may be.
func (q *quiet) look() {
	q.mu.Lock()
	left := quietTime - time.Since(q.last)
	q.armed = left > 0
	if q.armed {
		q.timer.Reset(left)
	}
	q.mu.Unlock()
	if left <= 0 {
		debug.FreeOSMemory()
	}
}

// watch returns conn, whose use is noted.
func (q *quiet) watch(conn net.Conn) net.Conn { return &stirring{conn, q} }

type stirring struct {
	net.Conn
	quiet *quiet
}

func (s *stirring) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.quiet.stir()
	return n, err
}

func (s *stirring) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	s.quiet.stir()
	return n, err
}
