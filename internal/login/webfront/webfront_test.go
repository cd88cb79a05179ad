package webfront

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fantail/internal/locale"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/brokertest"
	"fantail/internal/login/handover"
	"fantail/internal/login/session/sessiontest"
	"fantail/internal/login/userdb"
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

func TestLoginAndLogout(t *testing.T) {
	h := &house{}
	_, b := setup(t, h, Limits{})
	if resp, _ := b.do("GET", "/f/INBOX?p=2", nil, visit); resp.StatusCode != 303 || resp.Header.Get("Location") != "/login?next=%2Ff%2FINBOX%3Fp%3D2" {
		t.Errorf("without session: %s to %s", resp.Status, resp.Header.Get("Location"))
	}
	b.login()
	resp, page := b.do("GET", "/f/INBOX?p=2", nil, visit)
	if resp.StatusCode != 200 || !strings.HasPrefix(page, "GET /f/INBOX?p=2 HTTP/1.1\r\n") {
		t.Fatalf("%s: %s", resp.Status, page)
	}
	if resp, _ := b.do("GET", "/login", nil, visit); resp.StatusCode != 303 || resp.Header.Get("Location") != "/" {
		t.Errorf("login page with a session: %s", resp.Status)
	}
	token := regexp.MustCompile(`Wm-Token: (\S+)`).FindStringSubmatch(page)[1]
	for _, bad := range []string{"", "x", token + "x"} {
		if resp, _ := b.do("POST", "/logout", url.Values{"token": {bad}}, nil); resp.StatusCode != 403 {
			t.Errorf("logout with token %q: %s", bad, resp.Status)
		}
	}
	if resp, _ := b.do("GET", "/logout", nil, visit); resp.StatusCode == 303 || h.count() != 1 {
		t.Errorf("GET /logout: %s, %d programs", resp.Status, h.count())
	}
	old := b.cookie(cookieName)
	resp, _ = b.do("POST", "/logout", url.Values{"token": {token}}, nil)
	if resp.StatusCode != 303 || resp.Header.Get("Clear-Site-Data") != `"cache", "storage"` || b.cookie(cookieName) != "" {
		t.Errorf("logout: %s %v", resp.Status, resp.Header)
	}
	eventually(t, "the session program ends", func() bool { return h.count() == 0 })
	if resp, _ := b.do("GET", "/", nil, map[string]string{"Cookie": cookieName + "=" + old}); resp.StatusCode == 200 {
		t.Error("the cookie works after logout")
	}
}

func TestRequestIsRewritten(t *testing.T) {
	_, b := setup(t, &house{}, Limits{})
	b.login()
	old := b.client.Transport.(*http.Transport).Clone() // HTTP/1.1 has the Connection header
	old.Protocols = new(http.Protocols)
	old.Protocols.SetHTTP1(true)
	old.TLSClientConfig.NextProtos = []string{"http/1.1"}
	b.client.Transport = old
	_, page := b.do("GET", "/x", nil, map[string]string{
		"Wm-Account": "root", "wm-token": "forged", "Wm-Other": "x", "Authorization": "Basic eDp5", "X-Forwarded-For": "1.2.3.4",
		"Connection": "Wm-Account, Wm-Token", "Accept-Language": "de", "Sec-Fetch-Site": "same-origin",
	})
	for _, want := range []string{"Wm-Account: demo\r\n", "Accept-Language: de\r\n", "Sec-Fetch-Site: same-origin\r\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("lacks %q:\n%s", want, page)
		}
	}
	for _, bad := range []string{"Cookie", "root", "forged", "Wm-Other", "Authorization", "1.2.3.4", cookieName} {
		if strings.Contains(page, bad) {
			t.Errorf("the program sees %q:\n%s", bad, page)
		}
	}
}

func TestResponseIsHardened(t *testing.T) {
	_, b := setup(t, &house{}, Limits{})
	b.login()
	cookie := b.cookie(cookieName)
	resp, _ := b.do("GET", "/x", nil, visit)
	if resp.Header.Get("Set-Cookie") != "" || resp.Header.Get("Access-Control-Allow-Origin") != "" || b.cookie(cookieName) != cookie {
		t.Errorf("the program set what it must not: %v", resp.Header)
	}
	if got := resp.Header.Values("Content-Security-Policy"); len(got) != 1 || !strings.Contains(got[0], "frame-src 'self'") {
		t.Errorf("policy of the page: %q", got)
	}
	for _, kv := range pageHeaders {
		if got := resp.Header.Values(kv[0]); len(got) != 1 || got[0] != kv[1] {
			t.Errorf("%s: %q", kv[0], got)
		}
	}
	if got := resp.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	resp, _ = b.do("GET", "/bare", nil, visit)
	if got := resp.Header.Values("Content-Security-Policy"); len(got) != 1 || got[0] != ownPolicy {
		t.Errorf("policy of a page without one: %q", got)
	}
}

func TestCookies(t *testing.T) {
	_, b := setup(t, &house{}, Limits{})
	form := b.form("demo", "right")
	resp, _ := b.do("POST", "/login", form, nil)
	all := strings.Join(resp.Header.Values("Set-Cookie"), "\n")
	if m := regexp.MustCompile(`(?m)^__Host-wm=([\w-]{43}); Path=/; HttpOnly; Secure; SameSite=Lax$`).FindStringSubmatch(all); m == nil {
		t.Errorf("cookies:\n%s", all)
	}
}

// A session is never one that the browser named before.
func TestFixation(t *testing.T) {
	_, b := setup(t, &house{}, Limits{})
	u, err := url.Parse(b.base)
	if err != nil {
		t.Fatal(err)
	}
	planted := strings.Repeat("A", 43)
	b.jar.SetCookies(u, []*http.Cookie{{Name: cookieName, Value: planted, Secure: true, Path: "/"}})
	b.login()
	first := b.cookie(cookieName)
	if first == planted || first == "" {
		t.Fatalf("cookie %q", first)
	}
	// Another login in the same browser ends the first session. The login page
	// sends who has a session to the mail, so the form is an older one.
	stale := newBrowserLike(b)
	form := stale.form("demo", "right")
	req := map[string]string{"Cookie": formCookie + "=" + stale.cookie(formCookie) + "; " + cookieName + "=" + first}
	if resp, _ := stale.do("POST", "/login", form, req); resp.StatusCode != 303 {
		t.Fatalf("second login: %s", resp.Status)
	}
	if resp, _ := b.do("GET", "/", nil, visit); resp.StatusCode != 303 {
		t.Errorf("the first session lives on: %s", resp.Status)
	}
}

func newBrowserLike(b *browser) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	c := *b.client
	c.Jar = jar
	return &browser{t: b.t, base: b.base, client: &c, jar: jar}
}

func TestRefusals(t *testing.T) {
	h := &house{}
	_, b := setup(t, h, Limits{})
	var pages []string
	for _, c := range []struct{ name, password string }{
		{"demo", "wrong"}, {"nobody", "right"}, {"demo", ""}, {"", "right"}, {"de\x00mo", "right"},
		{strings.Repeat("d", 300), "right"}, {"demo", strings.Repeat("x", 2000)}, {"demo\u202e", "right"},
	} {
		resp, page := b.do("POST", "/login", b.form(c.name, c.password), nil)
		if resp.StatusCode != 403 || !strings.Contains(page, words(wrongPassword)) || b.cookie(cookieName) != "" {
			t.Errorf("%.20q: %s %s", c.name, resp.Status, page)
		}
		page = regexp.MustCompile(`(id="name"[^>]*)|(id="password"[^>]*)`).ReplaceAllString(tokenField.ReplaceAllString(page, ""), "")
		pages = append(pages, page)
	}
	for _, p := range pages[1:] {
		if p != pages[0] {
			t.Errorf("the answers differ:\n%s\n%s", pages[0], p)
		}
	}
	resp, page := b.do("POST", "/login", b.form(`"><script>x`, "x"), nil)
	if resp.StatusCode != 403 || strings.Contains(page, "<script") {
		t.Errorf("the name is not escaped: %s", page)
	}
	log := h.log.String()
	line := `proto=webmail remote=127.0.0.1 user="demo\u202e" mech=form tls=true err="wrong name or password"`
	if n := strings.Count(log, `level=INFO msg="login failed" sid=`); n != len(pages)+1 || !strings.Contains(log, line) {
		t.Errorf("%d lines in the log, which fail2ban reads: %s", n, log)
	}
	if resp, page := b.do("POST", "/login", b.form("broken", "x"), nil); resp.StatusCode != 503 || !strings.Contains(page, words(noMailNow)) {
		t.Errorf("no answer about passwords: %s %s", resp.Status, page)
	}
	h.fail = errors.New("cannot start")
	for name, err := range map[string]error{"old": broker.ErrExpired, "barred": broker.ErrDisabled} {
		if resp, page := b.do("POST", "/login", b.form(name, "x"), nil); resp.StatusCode != 403 || !strings.Contains(page, words(refusals[err])) {
			t.Errorf("%s: %s: %s", name, resp.Status, page)
		}
	}
	if resp, page := b.do("POST", "/login", b.form("demo", "right"), nil); resp.StatusCode != 503 || !strings.Contains(page, words(noMailNow)) {
		t.Errorf("no program: %s %s", resp.Status, page)
	}
}

func TestCrossSite(t *testing.T) {
	_, b := setup(t, &house{}, Limits{})
	form := b.form("demo", "right")
	for _, headers := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"},
	} {
		if resp, _ := b.do("POST", "/login", form, headers); resp.StatusCode != 403 || b.cookie(cookieName) != "" {
			t.Errorf("login with %v: %s", headers, resp.Status)
		}
	}
	// A browser without these headers: the token decides.
	for _, token := range []string{"", "x", New(Options{Log: quiet()}).loginToken(b.cookie(formCookie))} {
		bad := url.Values{"token": {token}, "name": {"demo"}, "password": {"right"}}
		if resp, page := b.do("POST", "/login", bad, nil); resp.StatusCode != 403 || !strings.Contains(page, words(tryAgain)) {
			t.Errorf("login with token %q: %s", token, resp.Status)
		}
	}
	b.login()
	for _, c := range []struct {
		site, mode, dest string
		want             int
	}{
		{"none", "navigate", "document", 200},
		{"same-origin", "navigate", "iframe", 200},
		{"same-origin", "no-cors", "style", 200},
		{"cross-site", "navigate", "document", 200},
		{"same-site", "navigate", "document", 200},
		{"cross-site", "navigate", "iframe", 403},
		{"cross-site", "navigate", "object", 403},
		{"cross-site", "no-cors", "image", 403},
		{"cross-site", "no-cors", "script", 403},
		{"same-site", "cors", "empty", 403},
		{"", "", "", 200},
	} {
		h := map[string]string{"Sec-Fetch-Site": c.site, "Sec-Fetch-Mode": c.mode, "Sec-Fetch-Dest": c.dest}
		if resp, _ := b.do("GET", "/m/x", nil, h); resp.StatusCode != c.want {
			t.Errorf("GET from %s %s %s: %d, want %d", c.site, c.mode, c.dest, resp.StatusCode, c.want)
		}
	}
	if resp, _ := b.do("POST", "/act", url.Values{}, map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}); resp.StatusCode != 403 {
		t.Errorf("POST from another site: %s", resp.Status)
	}
}

func TestWithoutSession(t *testing.T) {
	_, b := setup(t, &house{}, Limits{})
	for _, c := range []struct {
		method string
		header map[string]string
		want   int
	}{
		{"GET", visit, 303},
		{"GET", map[string]string{"Accept": "text/html"}, 303},
		{"GET", map[string]string{"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "same-origin"}, 401},
		{"GET", map[string]string{"Accept": "image/png"}, 401},
		{"POST", nil, 401},
		{"DELETE", nil, 401},
	} {
		if resp, _ := b.do(c.method, "/m/x", nil, c.header); resp.StatusCode != c.want {
			t.Errorf("%s %v: %s, want %d", c.method, c.header, resp.Status, c.want)
		}
	}
	resp, _ := b.do("GET", "/m/x", nil, map[string]string{"Cookie": cookieName + "=nonsense", "Accept": "text/html"})
	if got := resp.Header.Get("Location"); got != "/login?next=%2Fm%2Fx&note=ended" {
		t.Errorf("stale cookie: %q", got)
	}
}

func TestOwnPages(t *testing.T) {
	_, b := setup(t, &house{}, Limits{})
	for path, kind := range map[string]string{
		"/login": "text/html; charset=utf-8", styleSheet.path: "text/css; charset=utf-8", icon.path: "image/svg+xml",
		"/favicon.ico": "image/svg+xml", "/robots.txt": "text/plain; charset=utf-8", "/healthz": "text/plain; charset=utf-8",
	} {
		resp, body := b.do("GET", path, nil, visit)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != kind || body == "" {
			t.Errorf("%s: %s %s", path, resp.Status, resp.Header.Get("Content-Type"))
		}
		if resp.Header.Get("Content-Security-Policy") != ownPolicy {
			t.Errorf("%s: policy %q", path, resp.Header.Get("Content-Security-Policy"))
		}
	}
	if resp, _ := b.do("GET", styleSheet.path, nil, nil); !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("style sheet: %v", resp.Header)
	}
	_, page := b.do("GET", "/login?note=ended", nil, visit)
	if !strings.Contains(page, words(notes["ended"])) {
		t.Error("no note on the login page")
	}
	if _, page := b.do("GET", "/login?note=<b>", nil, visit); strings.Contains(page, "role=\"status\"") {
		t.Error("any note is shown")
	}
}

func TestLocalPath(t *testing.T) {
	for in, want := range map[string]string{
		"/f/INBOX?p=1": "/f/INBOX?p=1", "/f/a%2Fb": "/f/a%2Fb", "": "/", "f": "/", "//evil.example": "/", "/\\evil.example": "/",
		"https://evil.example/": "/", "/login": "/", "/logout": "/", "/\t/evil.example": "/", "javascript:x": "/", "/a\r\nb": "/",
		"/" + strings.Repeat("x", 3000): "/", "/m/x#f": "/m/x", "/%2F/x": "/%2F/x", "///x": "/",
	} {
		if got := localPath(in); got != want {
			t.Errorf("localPath(%.40q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/", "//x", "/\\x", "/%5cx", "/a?b#c", "/./x", "/.//x", "/%2e%2e//x", "?x", "/a\x00", "/0? ", "/?ä"} {
		f.Add(s)
	}
	base, err := url.Parse("https://mail.example/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, where string) {
		got := localPath(where)
		u, err := base.Parse(got)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t ") {
			t.Errorf("localPath(%q) = %q leads to %v", where, got, u)
		}
	})
}

func TestProgramEnds(t *testing.T) {
	h := &house{}
	s, b := setup(t, h, Limits{})
	b.login()
	h.mu.Lock()
	_ = h.conns[0].Close()
	h.mu.Unlock()
	eventually(t, "the session ends with its program", func() bool {
		s.sessions.mu.Lock()
		defer s.sessions.mu.Unlock()
		return len(s.sessions.rows) == 0
	})
	if resp, _ := b.do("GET", "/", nil, visit); resp.StatusCode != 303 || resp.Header.Get("Location") != "/login?note=ended" {
		t.Errorf("%s to %s", resp.Status, resp.Header.Get("Location"))
	}
}

// TestStreamEnds: the stream of news of an open window does not hold the front up that is to
// end.
func TestStreamEnds(t *testing.T) {
	begun := make(chan struct{})
	var once sync.Once
	h := &house{program: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		if r.URL.Path != "/events" {
			return
		}
		_ = http.NewResponseController(w).Flush()
		once.Do(func() { close(begun) })
		<-r.Context().Done()
	})}
	s, b := setup(t, h, Limits{})
	b.login()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		req, err := http.NewRequest("GET", b.base+"/events", nil)
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := b.client.Do(req)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body) // it breaks off
	}()
	<-begun
	s.close()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("the stream goes on")
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestManyRequestsAtOnce(t *testing.T) {
	arrived := make(chan struct{}, 100)
	release := make(chan struct{})
	h := &house{program: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-release
	})}
	_, b := setup(t, h, Limits{Requests: 20})
	b.login()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { b.do("GET", "/slow", nil, visit) })
	}
	for range 20 { // they are all in the program at the same time
		<-arrived
	}
	if resp, _ := b.do("GET", "/slow", nil, visit); resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("request 21: %s", resp.Status)
	}
	close(release)
	wg.Wait()
	if h.count() != 1 {
		t.Errorf("%d programs for one session", h.count())
	}
}

func TestTooManySessions(t *testing.T) {
	h := &house{}
	s, b := setup(t, h, Limits{PerUser: 2, Sessions: 10})
	second, third := newBrowserLike(b), newBrowserLike(b)
	b.login()
	second.login()
	b.do("GET", "/", nil, visit) // so the second has rested longest
	third.login()
	eventually(t, "one session gives way", func() bool { return h.count() == 2 })
	if resp, _ := second.do("GET", "/", nil, visit); resp.StatusCode != 303 {
		t.Errorf("the one that rested longest stayed: %s", resp.Status)
	}
	if resp, _ := b.do("GET", "/", nil, visit); resp.StatusCode != 200 {
		t.Errorf("the one in use gave way: %s", resp.Status)
	}
	s.sessions.limits = Limits{PerUser: 100, Sessions: 2, Idle: time.Hour, Age: time.Hour}
	fourth := newBrowserLike(b)
	if resp, _ := fourth.do("POST", "/login", fourth.form("demo", "right"), nil); resp.StatusCode != 503 {
		t.Errorf("server full: %s", resp.Status)
	}
}

type deaf struct{ closed atomic.Bool }

func (*deaf) RoundTrip(*http.Request) (*http.Response, error) { return nil, io.EOF }
func (d *deaf) Close() error                                  { d.closed.Store(true); return nil }

func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := make(chan string, 10)
		tab := newTable(Limits{Idle: 30 * time.Minute, Age: 12 * time.Hour, Sessions: 10, PerUser: 10}, func(_ *session, w string, _ int) { why <- w })
		open := func() (*session, *deaf, *http.Request) {
			d := &deaf{}
			v := &session{account: "demo", program: d}
			cookie, err := tab.add(v)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest("GET", "/", nil)
			r.AddCookie(&http.Cookie{Name: cookieName, Value: cookie})
			return v, d, r
		}
		ask := func(r *http.Request) bool {
			v := tab.find(r)
			if v != nil {
				tab.release(v, r)
			}
			return v != nil
		}
		_, d, r := open()
		time.Sleep(29 * time.Minute)
		if !ask(r) {
			t.Fatal("ended before its time")
		}
		time.Sleep(29 * time.Minute)
		if !ask(r) {
			t.Fatal("a request did not keep it alive")
		}
		time.Sleep(31 * time.Minute)
		if ask(r) || !d.closed.Load() {
			t.Error("did not idle out")
		}
		v, d, r := open()
		tab.find(r) // a long download
		time.Sleep(5 * time.Hour)
		if len(tab.rows) == 0 {
			t.Fatal("ended while a request ran")
		}
		tab.release(v, r)
		for range 50 {
			time.Sleep(20 * time.Minute)
			ask(r)
		}
		if ask(r) || !d.closed.Load() {
			t.Error("lived longer than it may")
		}
		_, d, r = open()
		stream := r.Clone(t.Context())
		stream.URL.Path = "/events"
		v = tab.find(stream) // an open window
		fetched := r.Clone(t.Context())
		fetched.Header.Set("X-Wm-Unasked", "1")
		for range 7 {
			time.Sleep(5 * time.Minute)
			ask(fetched) // that fetches what is new
		}
		if !d.closed.Load() {
			t.Error("did not idle out while a window was open")
		}
		tab.release(v, stream)
		synctest.Wait()
		if len(why) != 3 || <-why != "idle" || <-why != "age" || <-why != "idle" {
			t.Error("they ended for other reasons")
		}
	})
}

func TestClose(t *testing.T) {
	h := &house{program: http.HandlerFunc(echo)}
	s := New(Options{Entrance: h, Log: quiet()})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	borrowed := httptest.NewUnstartedServer(s) // for its certificate
	borrowed.StartTLS()
	defer borrowed.Close()
	done := make(chan error)
	go func() { done <- s.Serve(l, &tls.Config{Certificates: borrowed.TLS.Certificates}) }()
	b := newBrowser(t, borrowed)
	b.base = "https://" + l.Addr().String()
	b.login()
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	eventually(t, "programs end", func() bool { return h.count() == 0 })
}

func TestConnections(t *testing.T) {
	c := &crowd{most: 3, perSource: 2, sources: make(map[netip.Addr]int)}
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	var all []net.Conn
	for i, step := range []struct {
		from netip.Addr
		want bool
	}{{a, true}, {a, true}, {a, false}, {b, true}, {b, false}} {
		from := net.TCPAddrFromAddrPort(netip.AddrPortFrom(step.from, 5))
		conn := bounded{crowd: c}.admit(fromAddr{remote: from})
		if got := conn != nil; got != step.want {
			t.Errorf("step %d: %v", i, got)
		}
		if conn != nil {
			all = append(all, conn)
		}
	}
	if c.all != 3 || len(c.sources) != 2 {
		t.Errorf("%d, %v", c.all, c.sources)
	}
	for range 2 { // a second time it makes no difference
		for _, conn := range all {
			conn.Close()
		}
	}
	if c.all != 0 || len(c.sources) != 0 {
		t.Errorf("when all have left: %d %v", c.all, c.sources)
	}
	for in, want := range map[string]string{"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1", "[2001:db8:1:2:3::4]:5": "2001:db8:1:2::"} {
		if got := sourceOf(remoteAddr(in)); got.String() != want {
			t.Errorf("source of %s is %v", in, got)
		}
	}
}

// fromAddr is a connection from an address.
type fromAddr struct {
	net.Conn
	remote net.Addr
}

func (f fromAddr) RemoteAddr() net.Addr { return f.remote }
func (fromAddr) Close() error           { return nil }

func TestConnectionsAreClosed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 10)
	go func() {
		full := bounded{Listener: l, crowd: &crowd{most: 1, sources: make(map[netip.Addr]int)}, arrivals: newArrivals()}
		for {
			c, err := full.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	dial()
	first := <-accepted
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("a second connection stays open")
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	dial()
	(<-accepted).Close()
}

// keys and starter are a broker.
type keys struct{ err error }

func (k keys) door() broker.Authenticator {
	return brokertest.Door{Check: func(name string, password userdb.Secret) (broker.Grant, error) {
		return broker.Grant{Account: "demo " + name + string(password)}, k.err
	}}
}

func (keys) Start(_ context.Context, g *broker.Grant, in handover.Introduction) (handover.Channel, error) {
	channel, h, client, err := sessiontest.Accepted(in)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	_, err = io.WriteString(client, g.Service.String()+" "+h.SID+" "+h.Remote+" "+strconv.FormatBool(h.TLS))
	return channel, err
}

func TestBroker(t *testing.T) {
	a, err := Broker{keys{}.door(), keys{}, nil}.Enter(t.Context(), "a", "b", remoteAddr("192.0.2.1:99"))
	if err != nil || a.Name() != "demo ab" {
		t.Fatalf("%v %v", a, err)
	}
	conn, err := a.Connect(t.Context(), "sid7")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || string(got) != "webmail sid7 192.0.2.1 true" {
		t.Errorf("%q %v", got, err)
	}
	if _, err := (Broker{keys{broker.ErrWrong}.door(), keys{}, nil}).Enter(t.Context(), "a", "b", remoteAddr("x")); !errors.Is(err, ErrRefused) {
		t.Errorf("wrong: %v", err)
	}
	if _, err := (Broker{keys{broker.ErrUnavailable}.door(), keys{}, nil}).Enter(t.Context(), "a", "b", remoteAddr("x")); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("unavailable: %v", err)
	}
}

// The login page and the webmail are one house: their colours are the same.
func TestTokensAgree(t *testing.T) {
	text, err := os.ReadFile("../../../web/src/style/app.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`--[a-z-]+: [^;]+;`).FindAllString(string(styleSheet.body), -1) {
		if !strings.Contains(string(text), m) {
			t.Errorf("the webmail's style sheet lacks %q", m)
		}
	}
}

// words are those of a key as an English page has them.
func words(key string) string {
	return template.HTMLEscapeString(locale.Match("en", "").Text(key))
}

// Unlock implements Entrance: guarded's code is "123456".
func (h *house) Unlock(_ context.Context, account, name, password string, _ net.Addr) (Vault, error) {
	switch {
	case account != "demo" || password != "right":
		return nil, ErrRefused
	case name == "guarded":
		return nil, &FactorWanted[Vault]{&guarded[Vault]{opens: &h.vault, options: h.options}}
	case name == "broken":
		return nil, errors.New("no answer")
	}
	return &h.vault, nil
}
