package roster

import "fantail/internal/daemon/metrics"

// Measure has the table told among the metrics: how many programs of each of the services
// there are, and how many connections they have.
func (r *Roster) Measure(services ...string) {
	for _, service := range services {
		r.o.Metrics.Ask(metrics.Programs, func() (float64, bool) {
			programs, _ := r.count(service)
			return float64(programs), true
		}, service)
		r.o.Metrics.Ask(metrics.Sessions, func() (float64, bool) {
			_, sessions := r.count(service)
			return float64(sessions), true
		}, service)
	}
}

func (r *Roster) count(service string) (programs, sessions int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.all {
		if p.key.service == service && p.cmd != nil {
			programs++
			sessions += len(p.conns)
		}
	}
	return programs, sessions
}
