package webfront

import (
	"net/http"
	"strings"
)

// pageHeaders are those of every answer. The session program's pages bring
// policies of their own, of which the front changes nothing.
var pageHeaders = [][2]string{
	{"Strict-Transport-Security", "max-age=31536000"},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"X-DNS-Prefetch-Control", "off"},
	{"Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), midi=(), serial=(), bluetooth=(), hid=(), browsing-topics=()"},
}

// ownPolicy is the content security policy of the front's own pages. Nothing
// runs in them.
const ownPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// scriptPolicy is ownPolicy for the pages that ask for a security key: the script that does
// it runs, and makes no markup.
const scriptPolicy = ownPolicy + "; script-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"

// guard stands before every handler: it sets the headers, and refuses requests
// that change something and come from another site. Sec-Fetch-Site tells, or
// Origin where a browser is too old for that; a request with neither is judged
// by the token in its form, which every POST has.
func (s *Server) guard(next http.Handler) http.Handler {
	checked := http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for _, kv := range pageHeaders {
			h.Set(kv[0], kv[1])
		}
		h.Set("Content-Security-Policy", ownPolicy)
		checked.ServeHTTP(w, r)
	})
}

// expected reports whether a request with a session may be answered, by the
// Fetch Metadata headers: pages of our own may ask for anything; other sites may
// link to a page, and nothing else, so that they cannot learn about mail by
// loading parts of it. Browsers that send no such headers are let through.
func expected(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// isVisit reports whether somebody is waiting for a page, so that a login page
// in its place makes sense.
func isVisit(r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	if dest := r.Header.Get("Sec-Fetch-Dest"); dest != "" {
		return dest == "document"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
