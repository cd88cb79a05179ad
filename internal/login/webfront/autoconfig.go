package webfront

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"fantail/internal/autoconfig"
)

// discovery is what mail programs ask, before anybody has logged in. All hosts are
// answered alike, so that autoconfig.example.org needs nothing but a record of DNS and a
// name in a certificate.
func (s *Server) discovery() []route {
	return []route{
		{"GET /mail/config-v1.1.xml", s.mozilla},
		{"GET /.well-known/autoconfig/mail/config-v1.1.xml", s.mozilla},
		{"GET /.well-known/mail-v1.xml", s.mozilla},
		{"POST " + autoconfig.PathAutodiscover, s.autodiscover},
		{"GET " + autoconfig.PathAutodiscover, s.autodiscoverInvalid},
		{"GET " + prefixAutodiscover + "autodiscover.json", s.autodiscoverJSON},
		{"GET " + prefixAutodiscover + "autodiscover.json/v1.0/{address}", s.autodiscoverJSON},
		{"GET " + autoconfig.PathPACC, s.pacc},
		{"GET " + autoconfig.PathHelp, s.setupPage},
		{"GET " + autoconfig.PathProfile, s.profile},
		{"GET " + pathQR, s.profileQR},
		{"GET " + setupSheet.path, setupSheet.serve},
	}
}

// prefixAutodiscover is that of paths whose capitals are as the program likes.
const prefixAutodiscover = "/autodiscover/"

// anyCase writes the paths of Autodiscover in small letters. The address that is in one
// of them is not looked at.
func anyCase(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := len(prefixAutodiscover)
		if len(r.URL.Path) >= n && strings.EqualFold(r.URL.Path[:n], prefixAutodiscover) {
			u := *r.URL
			u.Path, u.RawPath = strings.ToLower(u.Path), strings.ToLower(u.RawPath)
			r = r.Clone(r.Context())
			r.URL = &u
		}
		next.ServeHTTP(w, r)
	})
}

const (
	kindXML  = "text/xml; charset=utf-8"
	kindJSON = "application/json"
	// shortly is for what changes when the configuration does.
	shortly = "public, max-age=300"
)

// give answers with a document, or says that there was none to be made.
func (s *Server) give(w http.ResponseWriter, status int, kind, cache string, body []byte, err error) {
	if err != nil {
		s.log.Error("make answer for mail programs", "err", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", cache)
	w.WriteHeader(status)
	respond(w, string(body))
}

func (s *Server) mozilla(w http.ResponseWriter, _ *http.Request) {
	body, err := s.provider.Mozilla()
	s.give(w, http.StatusOK, kindXML, shortly, body, err)
}

// autodiscover answers a request of Outlook. What is wrong with one is told in a document
// with status 200, as MS-OXDSCLI has it.
func (s *Server) autodiscover(w http.ResponseWriter, r *http.Request) {
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.limits.Header)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		http.Error(w, "no time", http.StatusInternalServerError)
		return
	}
	request, err := io.ReadAll(http.MaxBytesReader(w, r.Body, autoconfig.MaxRequest))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		http.Error(w, "the request is too large", http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		http.Error(w, "the request ends early", http.StatusBadRequest)
		return
	}
	asked, err := autoconfig.ScanRequest(request)
	if err != nil {
		s.autodiscoverInvalid(w, r)
		return
	}
	body, err := s.provider.Autodiscover(asked, time.Now())
	s.give(w, http.StatusOK, kindXML, "no-store", body, err)
}

func (s *Server) autodiscoverInvalid(w http.ResponseWriter, _ *http.Request) {
	body, err := autoconfig.AutodiscoverInvalid(time.Now())
	s.give(w, http.StatusOK, kindXML, "no-store", body, err)
}

func (s *Server) autodiscoverJSON(w http.ResponseWriter, r *http.Request) {
	protocol := ""
	for name, values := range r.URL.Query() {
		if strings.EqualFold(name, "Protocol") {
			protocol = values[0]
		}
	}
	status, body, err := s.provider.AutodiscoverJSON(protocol)
	s.give(w, status, kindJSON, "no-store", body, err)
}

// pacc answers pages of other sites, too: mail programs may be such.
func (s *Server) pacc(w http.ResponseWriter, r *http.Request) {
	body, err := s.provider.PACC()
	if err == nil && body == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	s.give(w, http.StatusOK, kindJSON, shortly, body, err)
}
