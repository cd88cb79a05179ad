package webmail

import (
	"context"
	"errors"
	"net/http"

	"fantail/internal/store"
)

// problem is an error page.
type problem struct {
	status      int
	title, text string
}

func (p *problem) Error() string { return p.text }

func notFound(text string) error {
	return &problem{status: http.StatusNotFound, title: "Not found", text: text}
}

// problems is what each kind of store error means to a person.
var problems = map[store.Kind]problem{
	store.NotFound:    {http.StatusNotFound, "No such folder", "This folder does not exist. Perhaps another program has renamed or deleted it."},
	store.Exists:      {http.StatusConflict, "Already there", "There is a folder of this name already."},
	store.Denied:      {http.StatusForbidden, "Not allowed", "The file system does not allow this."},
	store.OverQuota:   {http.StatusInsufficientStorage, "No space", "There is no space left for this."},
	store.InUse:       {http.StatusConflict, "In use", "Another program is using this folder. Please try again."},
	store.Limit:       {http.StatusTooManyRequests, "Too much", "This is more than fits."},
	store.Gone:        {http.StatusGone, "Gone", "This message was moved or deleted by another program."},
	store.Corrupt:     {http.StatusInternalServerError, "Damaged", "This folder's files make no sense. The administrator's log says more."},
	store.Unavailable: {http.StatusServiceUnavailable, "Not now", "Mail cannot be read at the moment. Please try again in a minute."},
	store.Invalid:     {http.StatusNotFound, "No such folder", "A folder cannot have this name."},
	store.Other:       {http.StatusInternalServerError, "Something went wrong", "The server made a mistake. The administrator's log says more."},
}

// faults are the kinds that an administrator wants to know about.
var faults = map[store.Kind]bool{store.Other: true, store.Corrupt: true, store.Unavailable: true, store.Denied: true}

// fail answers with an error page.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, err error) {
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
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cache-Control", "no-store")
	for _, name := range []string{"Content-Length", "Content-Disposition", "Content-Type"} {
		h.Del(name)
	}
	view := errorView{layout: s.layout(r, p.title), Text: p.text}
	if err := s.render(w, p.status, "error.html", view); err != nil {
		s.log.Error("render error page", "err", err)
		http.Error(w, p.text, p.status)
	}
}

type errorView struct {
	layout
	Text string
}
