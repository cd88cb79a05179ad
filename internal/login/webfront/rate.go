package webfront

import (
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// rate counts what sources ask in a minute, of what is answered without a login.
type rate struct {
	most int // of one source

	mu      sync.Mutex
	minute  time.Time
	sources map[netip.Addr]int
}

// mostSources is how many are told apart; those beyond count as one.
const mostSources = 50_000

// enter counts a question, and reports whether it is answered.
func (r *rate) enter(source netip.Addr, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if minute := now.Truncate(time.Minute); minute != r.minute || r.sources == nil {
		r.minute, r.sources = minute, make(map[netip.Addr]int)
	}
	if _, known := r.sources[source]; !known && len(r.sources) >= mostSources {
		source = netip.Addr{}
	}
	if r.sources[source] >= r.most {
		return false
	}
	r.sources[source]++
	return true
}

// seldom answers only as often as its rate permits.
func (s *Server) seldom(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		if s.asked.enter(sourceOf(remoteAddr(r.RemoteAddr)), now) {
			next(w, r)
			return
		}
		wait := now.Truncate(time.Minute).Add(time.Minute).Sub(now)
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		http.Error(w, "too many requests", http.StatusTooManyRequests)
	}
}
