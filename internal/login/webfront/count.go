package webfront

import (
	"net/http"
	"strings"
	"time"

	"fantail/internal/daemon/metrics"
)

// counted counts the requests of a handler, and how long they take. The stream of news
// lasts as long as a window is open, so its time says nothing.
func (s *Server) counted(h http.Handler) http.Handler {
	if s.metrics == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		path := r.URL.Path // which handlers may change
		defer func() {
			route := routeOf(path)
			s.metrics.Inc(metrics.Requests, route, metrics.Status(answer.status))
			if path != eventsPath {
				s.metrics.Since(metrics.RequestTime, began, route)
			}
		}()
		h.ServeHTTP(answer, r)
	})
}

// routeOf is the first part of a path.
func routeOf(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if first == "" {
		return "start"
	}
	return first
}

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter. One that is not final is not the answer's.
func (w *statusWriter) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
