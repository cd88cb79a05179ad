package webfront

import (
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"fantail/internal/login/broker/wire"
	"fantail/web"
)

// Second factors on the page of security: the authenticator app, security keys and
// passkeys, and recovery codes.

// wrongSecond is the key of what is said of a wrong second factor.
const wrongSecond = "security.wrongSecond"

// keyScript is the path of the module by which a page asks for a security key.
func keyScript() string { return web.Path("seckey.js") }

// securityKey is a security key on the page.
type securityKey struct {
	ID, Label     string
	Created, Used string // days; Used "" is never
	Elsewhere     string // the address where it is good, if that is not this one
}

// originOf is the origin of the page that a browser shows, as the browser names it.
func originOf(r *http.Request) string {
	return "https://" + strings.TrimSuffix(strings.ToLower(r.Host), ":443")
}

// beginKey asks for a new security key.
func (s *Server) beginKey(r *http.Request, v *session, p *security) {
	label, ok := keyLabel(r)
	if !ok {
		p.Bad = "security.notDone"
		return
	}
	if s.do(r, v, p, wire.Manage{Verb: wire.BeginKey, Label: originOf(r)}) {
		p.NewKey, p.Label = string(p.State.Options), label
		p.State = nil // nothing else was told
	}
}

// keyLabel is the name that a form gives a key.
func keyLabel(r *http.Request) (label string, ok bool) {
	label = strings.TrimSpace(r.PostForm.Get("label"))
	return label, plausible(label, 100)
}

// confirmKey keeps a security key that has answered.
func (s *Server) confirmKey(r *http.Request, v *session, p *security) {
	label, ok := keyLabel(r)
	key := r.PostForm.Get("key")
	if !ok || key == "" || len(key) > maxKey {
		p.Bad = "security.notDone"
		return
	}
	if s.do(r, v, p, wire.Manage{Verb: wire.ConfirmKey, Label: label, Response: []byte(key)}) {
		p.Good, p.Recovery = "security.keyAdded", p.State.Secrets
	}
}

// beginCodes makes a secret for an authenticator app. The app shows whose accounts these
// are: the host that the browser knows.
func (s *Server) beginCodes(r *http.Request, v *session, p *security) {
	issuer := strings.ReplaceAll(hostOf(r.Host), ":", " ")
	if !plausible(issuer, 100) {
		issuer = "Fantail"
	}
	if !s.do(r, v, p, wire.Manage{Verb: wire.BeginCodes, Label: issuer}) || len(p.State.Secrets) != 2 {
		return
	}
	p.Typed = p.State.Secrets[0]
	picture, err := drawQR(p.State.Secrets[1])
	if err != nil {
		s.log.Error("draw QR code", "err", err)
		return // the secret can be typed
	}
	p.QR = template.HTML(picture) // drawn here, of nothing but numbers
}

func (s *Server) confirmCodes(r *http.Request, v *session, p *security) {
	code := strings.ReplaceAll(r.PostForm.Get("code"), " ", "")
	if _, err := strconv.Atoi(code); err != nil || len(code) != 6 {
		p.Bad = wrongCode
		return
	}
	if s.do(r, v, p, wire.Manage{Verb: wire.ConfirmCodes, Code: code}) {
		p.Good, p.Recovery = "security.codesOn", p.State.Secrets
	}
}

func (s *Server) renewCodes(r *http.Request, v *session, p *security) {
	if s.do(r, v, p, wire.Manage{Verb: wire.RenewRecovery}) {
		p.Good, p.Recovery = "security.renewed", p.State.Secrets
	}
}
