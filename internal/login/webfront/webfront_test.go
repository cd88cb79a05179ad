package webfront

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"fantail/internal/login/broker"
	"fantail/internal/login/session/sessiontest"
)

// house is an Entrance with one account and a session program that is a
// handler.
type house struct {
	log     sessiontest.Log
	program http.Handler
	fail    error // of Connect
	vault   safe
	options string // of guarded's security keys

	mu      sync.Mutex
	conns   []net.Conn // the programs' ends
	running int
}

func (h *house) Enter(_ context.Context, name, password string, _ net.Addr) (Account, error) {
	switch {
	case name == "broken":
		return nil, errors.New("no answer")
	case name == "old":
		return nil, fmt.Errorf("ask authd: %w", broker.ErrExpired)
	case name == "barred":
		return nil, fmt.Errorf("ask authd: %w", broker.ErrDisabled)
	case name == "guarded" && password == "right":
		return nil, &FactorWanted[Account]{&guarded[Account]{opens: h, options: h.options}}
	case name != "demo" && name != "Demo" || password != "right":
		return nil, ErrRefused
	}
	return h, nil
}

func (h *house) Name() string { return "demo" }

func (h *house) Connect(context.Context, string) (net.Conn, error) {
	if h.fail != nil {
		return nil, h.fail
	}
	front, program := net.Pipe()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	closed := make(chan struct{})
	var once sync.Once
	srv := &http.Server{Handler: h.untold(), Protocols: &protocols, ConnState: func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			once.Do(func() { close(closed) })
		}
	}}
	h.mu.Lock()
	h.conns = append(h.conns, program)
	h.running++
	h.mu.Unlock()
	go func() {
		_ = srv.Serve(&oneConn{conn: program, closed: closed})
		h.mu.Lock()
		h.running--
		h.mu.Unlock()
	}()
	return front, nil
}

// untold is the program without notices, unless it is for these.
func (h *house) untold() http.Handler {
	if _, ok := h.program.(*heard); ok || h.program == nil {
		return h.program
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/notice" && r.Header.Get(headerNotice) != "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h.program.ServeHTTP(w, r)
	})
}

func (h *house) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.running
}

// oneConn is a listener with one connection, which ends with it.
type oneConn struct {
	conn   net.Conn
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.closed
	return nil, io.EOF
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return remoteAddr("pipe") }

// echo answers with what it was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Set-Cookie", "__Host-wm=stolen; Path=/; Secure")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-src 'self'")
	if r.URL.Path == "/bare" {
		w.Header().Del("Content-Security-Policy")
	}
	_ = r.Write(w)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// browser is an HTTP client that keeps cookies and follows no redirect.
type browser struct {
	t      *testing.T
	base   string
	client *http.Client
	jar    *cookiejar.Jar
}

// setup starts a front with a TLS listener, as browsers see it.
func setup(t *testing.T, h *house, l Limits) (*Server, *browser) {
	t.Helper()
	if h.program == nil {
		h.program = http.HandlerFunc(echo)
	}
	s := New(Options{Entrance: h, Log: h.log.Logger(), Limits: l})
	ts := httptest.NewUnstartedServer(s)
	ts.EnableHTTP2 = true
	ts.StartTLS()
	t.Cleanup(func() {
		s.sessions.endAll("test")
		ts.Close()
	})
	return s, newBrowser(t, ts)
}

func newBrowser(t *testing.T, ts *httptest.Server) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := *ts.Client()
	c.Jar = jar
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{t: t, base: ts.URL, client: &c, jar: jar}
}

// visit is the headers of a person who follows a link or types an address.
var visit = map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

func (b *browser) do(method, path string, form url.Values, headers map[string]string) (*http.Response, string) {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequest(method, b.base+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range headers {
		if k == "Host" {
			req.Host = v
		}
		req.Header.Set(k, v)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp, string(text)
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

// form fetches the login page and returns what its form would send.
func (b *browser) form(name, password string) url.Values {
	b.t.Helper()
	_, page := b.do("GET", "/login", nil, visit)
	m := tokenField.FindStringSubmatch(page)
	if m == nil {
		b.t.Fatalf("no token in %s", page)
	}
	return url.Values{"token": {m[1]}, "name": {name}, "password": {password}}
}

func (b *browser) login() {
	b.t.Helper()
	resp, page := b.do("POST", "/login", b.form("demo", "right"), nil)
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/" {
		b.t.Fatalf("login: %s to %q: %s", resp.Status, resp.Header.Get("Location"), page)
	}
}

func (b *browser) cookie(name string) string {
	u, err := url.Parse(b.base)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 200 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("never: %s", what)
}
