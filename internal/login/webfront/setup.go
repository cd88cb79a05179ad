package webfront

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"rsc.io/qr"

	"fantail/internal/autoconfig"
	"fantail/internal/locale"
)

// pathQR is that of the picture of the profile's URL.
const pathQR = autoconfig.PathHelp + "/qr.svg"

var (
	setupSheet    = newAsset("setup.css", "text/css; charset=utf-8")
	setupTemplate = inLanguages("setup.html")
)

// inLanguages returns a template for each language, by its tag, in which the function t is
// for that language's texts.
func inLanguages(name string) map[string]*template.Template {
	all := make(map[string]*template.Template)
	for _, l := range locale.All() {
		all[l.Tag] = template.Must(template.New(name).Funcs(template.FuncMap{"t": l.Text}).ParseFS(templates, "templates/"+name))
	}
	return all
}

// setupHelp is what the template shows.
type setupHelp struct {
	Style, Sheet, Icon string
	Language           *locale.Language

	Name    string // of the provider
	Typed   string // as an address
	Wrong   bool   // it is none
	Example string // of an address
	Servers []setupServer
	Profile string // path; "" if there can be none
	QR      string // path
}

// setupServer is the settings of one protocol.
type setupServer struct {
	Protocol    string // as programs call it
	Title, Hint string // keys of texts
	Host        string
	Port        int
	Security    string
	Login       string // "" if it depends on the address
	LoginHint   string // key of a text, then
}

// What programs call these two.
const (
	securityTLS      = "SSL/TLS"
	securitySTARTTLS = "STARTTLS"
)

// addressAsked returns the address that a page is for, if it is for one.
func addressAsked(r *http.Request) (typed string, a autoconfig.Address, wrong bool) {
	typed = strings.TrimSpace(r.URL.Query().Get("address"))
	if typed == "" {
		return "", a, false
	}
	a, ok := autoconfig.ParseAddress(typed)
	return typed, a, !ok
}

// queryOf is the query of a path that is for an address; "" for none.
func queryOf(a autoconfig.Address) string {
	if a == (autoconfig.Address{}) {
		return ""
	}
	return "?" + url.Values{"address": {a.String()}}.Encode()
}

// setupPage shows what to type into a mail program.
func (s *Server) setupPage(w http.ResponseWriter, r *http.Request) {
	p := s.provider
	h := setupHelp{
		Style: styleSheet.path, Sheet: setupSheet.path, Icon: icon.path, Language: locale.Match("", r.Header.Get("Accept-Language")),
		Name: p.Name, Example: "ann@" + autoconfig.Unicode(p.Domain()),
	}
	typed, a, wrong := addressAsked(r)
	h.Typed, h.Wrong, h.Servers = typed, wrong, setupServers(p, a)
	if _, err := p.Profile(a); err == nil {
		h.Profile, h.QR = autoconfig.PathProfile+queryOf(a), pathQR+queryOf(a)
	}
	w.Header().Set("Vary", "Accept-Language")
	status := http.StatusOK
	if h.Wrong {
		status = http.StatusBadRequest
	}
	s.show(w, status, setupTemplate[h.Language.Tag], h)
}

// setupServers lists the settings for an address, or for any.
func setupServers(p *autoconfig.Provider, a autoconfig.Address) []setupServer {
	var list []setupServer
	for _, v := range []struct {
		protocol, title, hint string
		autoconfig.Service
	}{
		{"IMAP", "setup.incoming", "setup.imapHint", p.IMAP},
		{"SMTP", "setup.outgoing", "setup.smtpHint", p.Submission},
		{"POP3", "setup.incoming", "setup.pop3Hint", p.POP3},
	} {
		if !v.Exists() {
			continue
		}
		one := setupServer{Protocol: v.protocol, Title: v.title, Hint: v.hint, Host: v.Host, Port: v.Port, Security: securityTLS, Login: p.Login(a)}
		if v.STARTTLS {
			one.Security = securitySTARTTLS
		}
		if one.LoginHint = "setup.whole"; p.LocalLogin {
			one.LoginHint = "setup.local"
		}
		list = append(list, one)
	}
	return list
}

// profile gives a profile for Apple's Mail.
func (s *Server) profile(w http.ResponseWriter, r *http.Request) {
	_, a, wrong := addressAsked(r)
	if wrong {
		http.Error(w, "no mail address", http.StatusBadRequest)
		return
	}
	body, err := s.provider.Profile(a)
	if errors.Is(err, autoconfig.ErrNoProfile) {
		http.NotFound(w, r)
		return
	}
	if err == nil {
		w.Header().Set("Content-Disposition", `attachment; filename="mail.mobileconfig"`)
	}
	s.give(w, http.StatusOK, "application/x-apple-aspen-config", "no-store", body, err)
}

// profileQR is the picture of a profile's URL, for the camera of a telephone.
func (s *Server) profileQR(w http.ResponseWriter, r *http.Request) {
	_, a, wrong := addressAsked(r)
	if wrong {
		http.Error(w, "no mail address", http.StatusBadRequest)
		return
	}
	body, err := drawQR(s.provider.Webmail + autoconfig.PathProfile + queryOf(a))
	s.give(w, http.StatusOK, "image/svg+xml", "no-store", body, err)
}

// drawQR draws a QR code with its quiet zone, black on white in every colour scheme: not
// all cameras read the inverse.
func drawQR(text string) ([]byte, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, fmt.Errorf("draw QR code: %w", err)
	}
	const quiet = 4 // modules
	side := code.Size + 2*quiet
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dH0z"/><path d="`, side, side, side, side)
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return []byte(b.String()), nil
}
