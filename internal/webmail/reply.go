package webmail

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"fantail/internal/store"
)

// problem is an error page. Its title and its text are those of key (catalogue/*/error).
type problem struct {
	status int
	key    string
}

func (p *problem) Error() string { return p.key }

// notFound is the error of an address that leads to nothing.
func notFound(key string) error { return &problem{http.StatusNotFound, key} }

// problems is what each kind of store error means to a person.
var problems = map[store.Kind]problem{
	store.NotFound:    {http.StatusNotFound, "error.noFolder"},
	store.Exists:      {http.StatusConflict, "error.exists"},
	store.Denied:      {http.StatusForbidden, "error.denied"},
	store.OverQuota:   {http.StatusInsufficientStorage, "error.overQuota"},
	store.InUse:       {http.StatusConflict, "error.inUse"},
	store.Limit:       {http.StatusTooManyRequests, "error.limit"},
	store.Gone:        {http.StatusGone, "error.gone"},
	store.Corrupt:     {http.StatusInternalServerError, "error.corrupt"},
	store.Unavailable: {http.StatusServiceUnavailable, "error.unavailable"},
	store.Invalid:     {http.StatusNotFound, "error.noName"},
	store.Other:       {http.StatusInternalServerError, "error.fault"},
}

// faults are the kinds that an administrator wants to know about.
var faults = map[store.Kind]bool{store.Other: true, store.Corrupt: true, store.Unavailable: true, store.Denied: true}

// fail answers with an error page.
func (s *Site) fail(w http.ResponseWriter, r *request, err error) {
	if errors.Is(err, context.Canceled) {
		return // the front has lost its client
	}
	var p *problem
	if !errors.As(err, &p) {
		kind := store.KindOf(err)
		if faults[kind] {
			s.log.Error("page", "cmd", r.Method+" "+r.Pattern, "err", err)
		}
		known := problems[kind]
		p = &known
	}
	if p.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "600")
	}
	if r.Header.Get("Accept") == "application/json" {
		s.failScript(w, r, p)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cache-Control", "no-store")
	for _, name := range []string{"Content-Length", "Content-Disposition", "Content-Type"} {
		h.Del(name)
	}
	view := errorView{layout: s.layout(r, r.lang.Text(p.key+".title")), Text: r.lang.Text(p.key)}
	if err := s.render(w, r, p.status, "error.html", view); err != nil {
		s.log.Error("render error page", "err", err)
		http.Error(w, view.Text, p.status)
	}
}

// failScript tells a script of ours, which shows the text.
func (s *Site) failScript(w http.ResponseWriter, r *request, p *problem) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.status)
	// An error here means that nobody listens any more.
	_ = json.NewEncoder(w).Encode(struct {
		Error string `json:"error"`
	}{r.lang.Text(p.key)})
}

type errorView struct {
	layout
	Text string
}
