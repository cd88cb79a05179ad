package webfront

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"fantail/internal/autoconfig"
	"fantail/internal/daemon/metrics"
	"fantail/internal/locale"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/sasl"
)

//go:embed templates
var templates embed.FS

var (
	loginTemplate = inLanguages("login.html")
	codeTemplate  = inLanguages("code.html")
)

// formCookie ties a login form to the browser that asked for it.
const formCookie = "__Host-wm-form"

// loginForm is what the template shows.
type loginForm struct {
	Style, Icon string
	Language    *locale.Language
	Token       string
	Next        string // where to go afterwards: a path of ours
	Name        string
	Trust       bool   // on a device of one's own
	Alert       string // key of what went wrong
	Note        string // key of what happened
	Help        string // the page about mail programs; "" if there is none
}

// notes are the keys of the words of GET /login?note=.
var notes = map[string]string{"out": "login.out", "ended": "login.ended", "late": "login.late"}

// speaks returns the language of a browser.
func speaks(r *http.Request) *locale.Language {
	return locale.Match("", r.Header.Get("Accept-Language"))
}

func (s *Server) loginPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	next := localPath(q.Get("next"))
	if v := s.sessions.find(r); v != nil {
		s.sessions.release(v, r)
		if expected(r) {
			redirect(w, next)
			return
		}
	}
	s.showLogin(w, r, http.StatusOK, loginForm{Next: next, Note: notes[q.Get("note")]})
}

// showLogin writes the login page with a token for its form.
func (s *Server) showLogin(w http.ResponseWriter, r *http.Request, status int, f loginForm) {
	binding := ""
	if c, err := r.Cookie(formCookie); err == nil && len(c.Value) == 43 {
		binding = c.Value
	} else {
		binding = secret()
		setCookie(w, formCookie, binding, http.SameSiteStrictMode)
	}
	f.Token, f.Style, f.Icon, f.Language = s.loginToken(binding), styleSheet.path, icon.path, speaks(r)
	if s.provider != nil {
		f.Help = autoconfig.PathHelp
	}
	w.Header().Set("Vary", "Accept-Language")
	s.show(w, status, loginTemplate[f.Language.Tag], f)
}

// show writes a page of a template.
func (s *Server) show(w http.ResponseWriter, status int, t *template.Template, data any) {
	var page bytes.Buffer
	if err := t.Execute(&page, data); err != nil {
		s.log.Error("render page", "err", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	respond(w, page.String())
}

// loginToken is what the form must say in a browser that has this cookie. Without
// it another site could log a victim in to an account of the attacker's.
func (s *Server) loginToken(binding string) string {
	mac := hmac.New(sha256.New, s.loginKey[:])
	mac.Write([]byte(binding))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// The keys of the sentences of the login page. The first is the same for a wrong password,
// an unknown name and a name that cannot exist.
const (
	wrongPassword = "login.wrong"
	tryAgain      = "login.again"
	noMailNow     = "login.noMail"
)

// refusals are the keys of the sentences for somebody who knew the password and is not let
// in, by the error that says why.
var refusals = map[error]string{
	broker.ErrBusy:     "login.busy",
	broker.ErrExpired:  "login.expired",
	broker.ErrDisabled: "login.disabled",
}

// refusal returns the key of the sentence for err, "" if it is none of refusals.
func refusal(err error) string {
	for why, key := range refusals {
		if errors.Is(err, why) {
			return key
		}
	}
	return ""
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if err := s.readForm(w, r); err != nil {
		http.Error(w, "malformed form", http.StatusBadRequest)
		return
	}
	f := loginForm{Name: r.PostForm.Get("name"), Next: localPath(r.PostForm.Get("next")), Trust: r.PostForm.Get("trust") != ""}
	c, err := r.Cookie(formCookie)
	if err != nil || !hmac.Equal([]byte(s.loginToken(c.Value)), []byte(r.PostForm.Get("token"))) {
		f.Alert = tryAgain
		s.showLogin(w, r, http.StatusForbidden, f)
		return
	}
	r = called(r, newSID())
	in, err := s.enter(r, f.Name, r.PostForm.Get("password"), f.Trust)
	var more *FactorWanted[Account]
	switch {
	case errors.As(err, &more):
		s.await(w, r, f, more.Second)
	case errors.Is(err, ErrRefused):
		s.failed(r, f.Name, "form")
		f.Alert = wrongPassword
		s.showLogin(w, r, http.StatusForbidden, f)
	default:
		s.admit(w, r, f, in, err)
	}
}

// failed writes the log's line of a wrong password or code.
func (s *Server) failed(r *http.Request, name, mechanism string) {
	l := broker.Login{Service: wire.Webmail, Remote: addressOf(remoteAddr(r.RemoteAddr)), SID: sidOf(r.Context()), Conn: sasl.Conn{TLS: true}}
	s.metrics.Inc(metrics.Logins, mechanism, "wrong")
	l.Failed(s.log, name, mechanism)
}

// of is the log for a login or a session: the request is one that it is called by.
func (s *Server) of(r *http.Request) *slog.Logger {
	return s.log.With("sid", sidOf(r.Context()), "proto", "webmail", "remote", hostOf(r.RemoteAddr))
}

// admitted is a session that has begun: its cookie, and that of the device.
type admitted struct {
	cookie string
	device string // "" if it is not one's own
}

// admit answers somebody who has proved who he is: in is his session, unless there is an
// err.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, f loginForm, in admitted, err error) {
	switch {
	case refusal(err) != "":
		s.metrics.Inc(metrics.Logins, "form", "refused")
		s.of(r).Info("login impossible", "user", f.Name, "mech", "form", "tls", true, "err", err)
		f.Alert = refusal(err)
		s.showLogin(w, r, http.StatusForbidden, f)
	case err != nil:
		s.metrics.Inc(metrics.Logins, "form", "unavailable")
		s.of(r).Error("login impossible", "user", f.Name, "mech", "form", "tls", true, "err", err)
		f.Alert = noMailNow
		s.showLogin(w, r, http.StatusServiceUnavailable, f)
	default:
		if old := s.sessions.find(r); old != nil {
			s.sessions.release(old, r)
			old.end("new login")
		}
		dropCookie(w, formCookie)
		s.sessions.setSession(w, in.cookie, f.Trust)
		if in.device != "" {
			setDevice(w, in.device)
		}
		redirect(w, f.Next)
	}
}

// readForm reads a small form from a client that must not take its time.
func (s *Server) readForm(w http.ResponseWriter, r *http.Request) error {
	return s.readFormOf(w, r, s.limits.Form)
}

// readFormOf reads a form of at most so many octets.
func (s *Server) readFormOf(w http.ResponseWriter, r *http.Request, most int64) error {
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.limits.Header)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, most)
	return r.ParseForm()
}

// turn waits for the turn of a check. ctx bounds it until done is called.
func (s *Server) turn(r *http.Request) (ctx context.Context, done func(), err error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.Wait)
	select {
	case s.checks <- struct{}{}:
		return ctx, func() { <-s.checks; cancel() }, nil
	case <-ctx.Done():
		cancel()
		return nil, nil, errors.New("too many logins at once")
	}
}

// enter checks a password, starts the session program, and makes a session.
func (s *Server) enter(r *http.Request, name, password string, trusted bool) (in admitted, err error) {
	if !plausible(name, 255) || password == "" || len(password) > 1024 {
		return in, ErrRefused
	}
	ctx, done, err := s.turn(r)
	if err != nil {
		return in, err
	}
	defer done()
	began := time.Now()
	account, err := s.entrance.Enter(ctx, name, password, remoteAddr(r.RemoteAddr))
	if err != nil {
		return in, err
	}
	if in, err = s.begin(ctx, r, account, name, trusted); err == nil {
		s.metrics.Since(metrics.LoginTime, began)
	}
	return in, err
}

// begin starts the session program of an account, which was called by a name, and makes a
// session.
func (s *Server) begin(ctx context.Context, r *http.Request, account Account, typed string, trusted bool) (in admitted, err error) {
	v := &session{
		sid: sidOf(r.Context()), account: account.Name(), typed: typed, remote: r.RemoteAddr, token: secret(),
		agent: agentOf(r.UserAgent()), trusted: trusted,
	}
	if v.program, err = s.dial(ctx, account, v); err != nil {
		return in, err
	}
	if in.cookie, err = s.sessions.add(v); err != nil {
		return in, errors.Join(err, v.program.Close())
	}
	if c, err := r.Cookie(deviceCookie); err == nil && markOf(c.Value) != "" {
		in.device = c.Value
	} else if trusted {
		in.device = secret()
	}
	s.metrics.Inc(metrics.Logins, "form", "ok")
	s.of(r).Info("login", "user", v.account, "mech", "form", "tls", true)
	s.tell(r, v, "login", "", markOf(in.device))
	if answer := r.PostForm.Get("code"); answer != "" && isRecovery(answer) {
		s.tell(r, v, recoveryUsed, "", "")
	}
	return in, nil
}

// remoteAddr is the client's address as the HTTP server has it.
type remoteAddr string

func (remoteAddr) Network() string  { return "tcp" }
func (a remoteAddr) String() string { return string(a) }

// plausible reports whether a name could be one: it goes into logs and records.
func plausible(name string, most int) bool {
	return name != "" && len(name) <= most && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) })
}

// logout ends the session that the form belongs to.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	if err := s.readForm(w, r); err != nil {
		http.Error(w, "malformed form", http.StatusBadRequest)
		return
	}
	v := s.sessions.find(r)
	if v != nil {
		defer s.sessions.release(v, r)
		if !hmac.Equal([]byte(v.token), []byte(r.PostForm.Get("token"))) {
			http.Error(w, "this form belongs to another session", http.StatusForbidden)
			return
		}
		v.end("logout")
	}
	dropCookie(w, cookieName)
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	redirect(w, "/login?note=out")
}

// localPath returns where as a path on this server, "/" if it is none. Browsers
// take "//host" and "/\host" for other servers.
func localPath(where string) string {
	u, err := url.Parse(where)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.User != nil ||
		!strings.HasPrefix(where, "/") || strings.HasPrefix(where, "//") || strings.ContainsAny(where, "\\\r\n\t") ||
		u.Path == "/login" || u.Path == "/login/code" || u.Path == "/logout" || len(where) > 2000 {
		return "/"
	}
	u.Fragment = ""
	p := u.String()
	if strings.HasPrefix(p, "//") || strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r >= 0x7F }) {
		return "/"
	}
	return p
}

func redirect(w http.ResponseWriter, where string) {
	w.Header().Set("Location", where)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
}

// respond writes a body. An error means that the client is gone, which the
// server notices by itself.
func respond(w http.ResponseWriter, body string) {
	_, _ = w.Write([]byte(body))
}

// asset is a file that never changes under its name.
type asset struct {
	path, kind string
	body       []byte
}

//go:embed assets
var assets embed.FS

var (
	styleSheet = newAsset("login.css", "text/css; charset=utf-8")
	icon       = newAsset("icon.svg", "image/svg+xml")
)

func newAsset(name, kind string) asset {
	body, err := assets.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // embedded: it is there or the program was not built
	}
	sum := sha256.Sum256(body)
	return asset{"/login/" + base64.RawURLEncoding.EncodeToString(sum[:9]) + "/" + name, kind, body}
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", a.kind)
	if r.URL.Path == a.path {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}
