package webfront

import (
	"crypto/hmac"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Some of what the session program does is asked for once more, with the password and the
// second factor, unless they were given a short time ago: what somebody would do first who
// has come upon an open session, or a hole in its pages. The front asks, since the session
// program cannot: it parses strangers' mail. What was asked for waits in the page that
// asks, and is done when the answer is right.

// proofTime is for how long nothing is asked after a password.
const proofTime = 10 * time.Minute

const pathConfirm = "/settings/confirm"

// sensitive are the requests of the session program's pages that need it.
var sensitive = []struct{ method, path string }{
	{http.MethodPost, "/settings/identities"}, // addresses to write as, and where answers and copies go
	{http.MethodGet, "/contacts/export"},
	{http.MethodPost, "/folders/export"},
}

// needsProof reports whether a request is one of them.
func needsProof(method, path string) bool {
	for _, g := range sensitive {
		if g.method == method && strings.EqualFold(g.path, strings.TrimRight(path, "/")) {
			return true
		}
	}
	return false
}

// proven reports whether the password of v was given a short time ago.
func (t *table) proven(v *session) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Since(v.proved) < proofTime
}

// maxKept is how much of a form waits, in octets: what the session program takes.
const maxKept = 64 << 10

// kept is a request that waits for a proof: in the page, not here.
type kept struct{ Method, To, Body string }

// fields are those of the form that keeps it.
func (k kept) fields() []field {
	return []field{{"method", k.Method}, {"to", k.To}, {"body", k.Body}}
}

// field is a hidden field of a form.
type field struct{ Name, Value string }

// askProof asks for the password before a request is done.
func (s *Server) askProof(w http.ResponseWriter, r *http.Request, v *session) {
	w.Header().Set("Content-Security-Policy", ownPolicy)
	if r.Method == http.MethodGet {
		redirect(w, pathConfirm+"?"+url.Values{"to": {r.URL.Path}}.Encode())
		return
	}
	k := kept{Method: r.Method, To: r.URL.Path}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxKept))
	form, bad := url.ParseQuery(string(body))
	if err != nil || bad != nil {
		http.Error(w, "malformed form", http.StatusBadRequest)
		return
	}
	if !hmac.Equal([]byte(v.token), []byte(form.Get("token"))) {
		http.Error(w, "this form belongs to another session", http.StatusForbidden)
		return
	}
	k.Body = string(body)
	s.showConfirm(w, r, http.StatusForbidden, s.confirming(r, v, k))
}

var confirmTemplate = settingsTemplate("confirm.html")

// confirming is the page that asks.
func (s *Server) confirming(r *http.Request, v *session, k kept) security {
	p := s.security(r, v)
	p.Page, p.Action, p.Kept = "confirm", pathConfirm, k.fields()
	return p
}

func (s *Server) showConfirm(w http.ResponseWriter, r *http.Request, status int, p security) {
	p.script(w)
	s.show(w, status, confirmTemplate[p.Language.Tag], p)
}

// confirmPage asks for the password before something is fetched.
func (s *Server) confirmPage(w http.ResponseWriter, r *http.Request) {
	s.inside(w, r, func(v *session) {
		to := r.URL.Query().Get("to")
		switch {
		case !needsProof(http.MethodGet, to):
			redirect(w, pathSecurity)
		case s.sessions.proven(v):
			redirect(w, to)
		default:
			s.showConfirm(w, r, http.StatusOK, s.confirming(r, v, kept{Method: http.MethodGet, To: to}))
		}
	})
}

// confirm takes the answer, and does what waits for it.
func (s *Server) confirm(w http.ResponseWriter, r *http.Request) {
	if err := s.readFormOf(w, r, 4*maxKept); err != nil {
		http.Error(w, "malformed form", http.StatusBadRequest)
		return
	}
	s.inside(w, r, func(v *session) {
		if !hmac.Equal([]byte(v.token), []byte(r.PostForm.Get("token"))) {
			http.Error(w, "this form belongs to another session", http.StatusForbidden)
			return
		}
		k := kept{r.PostForm.Get("method"), r.PostForm.Get("to"), r.PostForm.Get("body")}
		if !needsProof(k.Method, k.To) || len(k.Body) > maxKept {
			http.Error(w, "malformed form", http.StatusBadRequest)
			return
		}
		p := s.confirming(r, v, k)
		switch r.PostForm.Get("op") {
		case "unlock":
			s.unlock(r, v, &p)
		case "second":
			s.secondFactor(r, v, &p)
		}
		if !s.sessions.proven(v) {
			status := http.StatusOK
			if p.Bad != "" {
				status = http.StatusForbidden
			}
			s.showConfirm(w, r, status, p)
			return
		}
		if k.Method == http.MethodGet {
			redirect(w, k.To)
			return
		}
		s.forward(w, k.request(r), v)
	})
}

// request is what waits as it came, but for the headers that were about the page.
func (k kept) request(r *http.Request) *http.Request {
	again := r.Clone(r.Context())
	again.Method, again.URL = k.Method, &url.URL{Path: k.To}
	again.Body, again.ContentLength = io.NopCloser(strings.NewReader(k.Body)), int64(len(k.Body))
	again.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	again.Header.Del("Content-Length")
	return again
}
