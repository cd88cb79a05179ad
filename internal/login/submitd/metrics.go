package submitd

import (
	"time"

	"fantail/internal/daemon/metrics"
)

// label is the work as it is counted.
func (w Work) label() string {
	if w == Quota {
		return "quota"
	}
	return "outbox"
}

// measure has the table told among the metrics.
func (s *Server) measure() {
	for _, w := range []Work{Outbox, Quota} {
		s.Metrics.Ask(metrics.Due, func() (float64, bool) { return float64(s.waiting(w)), true }, w.label())
	}
	s.Metrics.Ask(metrics.DueAge, func() (float64, bool) { return s.overdue(time.Now()).Seconds(), true })
}

// waiting returns how many accounts have work of a kind that is to be done.
func (s *Server) waiting(w Work) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, e := range s.entries {
		if k.work == w && !e.resting {
			n++
		}
	}
	return n
}

// overdue returns for how long that has been due which has been longest, and does not run;
// of what has failed, since it failed first.
func (s *Server) overdue(now time.Time) (longest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		since := e.Due
		if e.Failed > 0 {
			since = e.Since
		}
		if !e.resting && !e.running {
			longest = max(longest, now.Sub(since))
		}
	}
	return longest
}
