package webfront

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
)

// safe is a Vault.
type safe struct {
	mu     sync.Mutex
	asked  []wire.Manage
	state  wire.Managed
	answer error
}

func (s *safe) Change(_ context.Context, m wire.Manage) (*wire.Managed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, m)
	if s.answer != nil {
		return nil, s.answer
	}
	out := s.state
	switch m.Verb {
	case wire.AddPassword:
		s.state.Passwords = append(s.state.Passwords, wire.AppPassword{ID: "0a0b0c0d", Label: m.Label, Services: m.Services, Created: 20000})
		out = s.state
		out.Secrets = []string{"abcd-efgh"}
	case wire.RevokePassword:
		s.state.Passwords = nil
		out = s.state
	case wire.BeginCodes:
		out.Secrets = []string{"AAAA BBBB", "otpauth://totp/x?secret=AAAABBBB"}
	case wire.ConfirmCodes:
		if m.Code != "123456" {
			return nil, broker.ErrWrong
		}
		s.state.Codes, s.state.Recovery = true, 10
		out = s.state
		out.Secrets = []string{"one", "two"}
	case wire.EndCodes:
		s.state.Codes = false
		out = s.state
	case wire.BeginKey:
		out = wire.Managed{Options: []byte(`{"rp":{"id":"localhost"}}`)}
	case wire.ConfirmKey:
		if string(m.Response) != `{"right":1}` {
			return nil, broker.ErrWrong
		}
		s.state.Keys, s.state.Recovery = []wire.SecurityKey{{ID: "01020304", Label: m.Label, Origin: "https://elsewhere.example:8443", Created: 20000}}, 10
		out = s.state
		out.Secrets = []string{"one", "two"}
	case wire.RemoveKey:
		s.state.Keys = nil
		out = s.state
	}
	return &out, nil
}

// room is a house with its front.
type room struct {
	*house
	server *Server
}

func newHouse(t *testing.T) (*room, *browser) {
	h := &house{}
	s, b := setup(t, h, Limits{})
	return &room{h, s}, b
}

// another is a browser without cookies.
func (b *browser) another() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	c := *b.client
	c.Jar = jar
	return &browser{t: b.t, base: b.base, client: &c, jar: jar}
}

// in returns a browser that has logged in.
func (h *room) in(t *testing.T, b *browser, name, agent string) *browser {
	t.Helper()
	if resp, page := b.do("POST", "/login", b.form(name, "right"), map[string]string{"User-Agent": agent}); resp.StatusCode != 303 {
		t.Fatalf("%d %s", resp.StatusCode, page)
	}
	return b
}

// tokenOf is the token of a page's forms.
func tokenOf(t *testing.T, page string) string {
	t.Helper()
	m := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no form:\n%s", page)
	}
	return m[1]
}

// security fetches the page, and returns what posts to it.
func (b *browser) security(t *testing.T) (page string, post func(form url.Values) (int, string)) {
	t.Helper()
	resp, page := b.do("GET", pathSecurity, nil, asVisit)
	if resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, page)
	}
	token := tokenOf(t, page)
	return page, func(form url.Values) (int, string) {
		form.Set("token", token)
		resp, page := b.do("POST", pathSecurity, form, asVisit)
		return resp.StatusCode, page
	}
}

var asVisit = map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": "text/html"}

func lacks(t *testing.T, page string, unwanted ...string) {
	t.Helper()
	for _, s := range unwanted {
		if strings.Contains(page, s) {
			t.Errorf("has %q:\n%s", s, page)
		}
	}
}

func has(t *testing.T, page string, wanted ...string) {
	t.Helper()
	for _, s := range wanted {
		if !strings.Contains(page, s) {
			t.Errorf("lacks %q:\n%s", s, page)
		}
	}
}

// TestAppPasswords makes one and revokes it, which takes the password once more.
func TestAppPasswords(t *testing.T) {
	h, b := newHouse(t)
	page, post := h.in(t, b, "demo", "x").security(t)
	lacks(t, page, words("security.noPrograms"))
	if status, page := post(url.Values{"op": {"add"}, "label": {"phone"}, "for": {"imap"}}); status != 403 || len(h.vault.asked) != 0 {
		t.Fatalf("without the password: %d %v\n%s", status, h.vault.asked, page)
	}
	if status, page := post(url.Values{"op": {"unlock"}, "password": {"wrong"}}); status != 403 || !strings.Contains(page, words("security.wrong")) {
		t.Errorf("%d %s", status, page)
	}
	if got := h.log.String(); !strings.Contains(got, "mech=security") {
		t.Errorf("a wrong password is not in the log: %s", got)
	}
	status, page := post(url.Values{"op": {"unlock"}, "password": {"right"}})
	if status != 200 {
		t.Fatalf("%d %s", status, page)
	}
	has(t, page, words("security.noPrograms"), words("security.factorOff"))
	status, page = post(url.Values{"op": {"add"}, "label": {" <b>phone "}, "for": {"imap", "smtp", "webmail", "x"}})
	if status != 200 {
		t.Fatalf("%d %s", status, page)
	}
	has(t, page, ">abcd-efgh</code>", "&lt;b&gt;phone", "IMAP, SMTP")
	if m := h.vault.asked[len(h.vault.asked)-1]; !slices.Equal(m.Services, []wire.Service{wire.IMAP, wire.SMTP}) || m.Label != "<b>phone" {
		t.Errorf("%+v", m)
	}
	page, _ = b.security(t)
	has(t, page, "&lt;b&gt;phone")
	lacks(t, page, "abcd-efgh")
	for _, form := range []url.Values{{"op": {"add"}, "label": {""}, "for": {"imap"}}, {"op": {"add"}, "label": {"x"}}, {"op": {"add"}, "label": {strings.Repeat("x", 401)}, "for": {"imap"}}, {"op": {"add"}, "label": {"x"}, "for": {"webmail"}}} {
		if status, _ := post(form); status != 403 {
			t.Errorf("%.100v: %d", form, status)
		}
	}
	if _, page = post(url.Values{"op": {"remove"}, "id": {"0a0b0c0d"}}); !strings.Contains(page, words("security.removed")) {
		t.Error(page)
	}
	if m := h.vault.asked[len(h.vault.asked)-1]; m.ID != "0a0b0c0d" || m.Verb != wire.RevokePassword {
		t.Errorf("%+v", m)
	}
	// When authd has forgotten the permit, nothing is left of it here.
	h.vault.answer = broker.ErrLocked
	if status, page := post(url.Values{"op": {"end"}}); status != 403 || !strings.Contains(page, words("security.locked")) {
		t.Errorf("%d %s", status, page)
	}
	h.vault.answer = nil
	asked := len(h.vault.asked)
	if status, _ := post(url.Values{"op": {"end"}}); status != 403 || len(h.vault.asked) != asked {
		t.Errorf("%d", status)
	}
}

// TestSecondFactor turns it on and off.
func TestSecondFactor(t *testing.T) {
	h, b := newHouse(t)
	_, post := h.in(t, b, "demo", "x").security(t)
	post(url.Values{"op": {"unlock"}, "password": {"right"}})
	_, page := post(url.Values{"op": {"begin"}})
	has(t, page, ">AAAA BBBB</code>", "<svg xmlns", `name="op" value="confirm"`)
	if m := h.vault.asked[len(h.vault.asked)-1]; m.Label == "" || strings.ContainsRune(m.Label, ':') {
		t.Errorf("%+v", m)
	}
	for _, code := range []string{"", "12345", "1234567", "abcdef", "000000"} {
		if status, page := post(url.Values{"op": {"confirm"}, "code": {code}}); status != 403 || !strings.Contains(page, words(wrongCode)) {
			t.Errorf("%q: %d", code, status)
		}
	}
	_, page = post(url.Values{"op": {"confirm"}, "code": {"123 456"}})
	has(t, page, words("security.codesOn"), "<li>one</li>", words("security.factorOn"))
	page, _ = b.security(t)
	lacks(t, page, "<li>one</li>")
	_, page = post(url.Values{"op": {"end"}})
	has(t, page, words("security.codesEnded"))
}

// TestSessionsOfAnAccount lists them, and ends them from each other.
func TestSessionsOfAnAccount(t *testing.T) {
	h, one := newHouse(t)
	h.in(t, one, "demo", "x")
	two, three := one.another(), one.another()
	phone := "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Mobile Safari/604.1"
	h.in(t, two, "demo", phone)
	h.in(t, three, "demo", "x")
	page, post := one.security(t)
	if n := strings.Count(page, `name="sid"`); n != 3 || strings.Count(page, words("security.this")) != 1 {
		t.Errorf("%d sessions:\n%s", n, page)
	}
	has(t, page, "Safari, iPhone", "127.0.0.1")
	var sids []string
	for _, m := range regexp.MustCompile(`name="sid" value="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		sids = append(sids, m[1])
	}
	// A session of somebody else cannot be ended.
	for _, v := range slices.Collect(mapValues(h.server.sessions)) {
		if v.sid == sids[1] {
			v.account = "somebody else"
		}
	}
	_, page = post(url.Values{"op": {"revoke"}, "sid": {sids[1]}})
	if n := len(slices.Collect(mapValues(h.server.sessions))); n != 3 {
		t.Errorf("somebody else's session was ended:\n%s", page)
	}
	_ = three
	status, page := post(url.Values{"op": {"others"}})
	if status != 200 || strings.Contains(page, words("security.revokeOthers")) {
		t.Errorf("%d %s", status, page)
	}
}

func mapValues(t *table) func(func(*session) bool) {
	return func(yield func(*session) bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, v := range t.rows {
			if !yield(v) {
				return
			}
		}
	}
}

// TestRevokeThis logs out.
func TestRevokeThis(t *testing.T) {
	h, b := newHouse(t)
	page, post := h.in(t, b, "demo", "x").security(t)
	sid := regexp.MustCompile(`name="sid" value="([^"]+)"`).FindStringSubmatch(page)[1]
	if status, _ := post(url.Values{"op": {"revoke"}, "sid": {sid}}); status != 303 || b.cookie(cookieName) != "" {
		t.Errorf("%d", status)
	}
	if resp, _ := b.do("GET", "/", nil, asVisit); resp.StatusCode != 303 || !strings.HasPrefix(resp.Header.Get("Location"), "/login") {
		t.Error("still in")
	}
}

// TestEveryRoute holds what every answer has, whoever asks: headers, and no change by a
// form of somebody else.
func TestEveryRoute(t *testing.T) {
	h, b := newHouse(t)
	paths := []string{"/", "/f/INBOX", "/nothing", "/act"}
	for _, r := range h.server.routes() {
		if _, path, ok := strings.Cut(r.pattern, " "); ok {
			paths = append(paths, path)
		}
	}
	check := func(name string, resp *http.Response) {
		t.Helper()
		for _, kv := range pageHeaders {
			if resp.Header.Get(kv[0]) != kv[1] || len(resp.Header.Values(kv[0])) != 1 {
				t.Errorf("%s: %s: %q", name, kv[0], resp.Header.Values(kv[0]))
			}
		}
		csp := resp.Header.Values("Content-Security-Policy")
		if len(csp) != 1 || !strings.Contains(csp[0], "default-src 'none'") {
			t.Errorf("%s: %q", name, csp)
		}
		if cache := resp.Header.Get("Cache-Control"); cache == "" && resp.StatusCode == 200 && !strings.Contains(resp.Request.URL.Path, "/login/") && !slices.Contains([]string{"/robots.txt", "/favicon.ico"}, resp.Request.URL.Path) {
			t.Errorf("%s: may be cached", name)
		}
		for _, c := range resp.Cookies() {
			if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite == http.SameSiteNoneMode || c.SameSite == 0 {
				t.Errorf("%s: cookie %+v", name, c)
			}
		}
	}
	for _, in := range []bool{false, true} {
		if in {
			h.in(t, b, "demo", "x")
		}
		for _, path := range paths {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"} {
				name := fmt.Sprintf("logged in %t: %s %s", in, method, path)
				if in && path == "/logout" && method != "GET" {
					continue
				}
				resp, _ := b.do(method, path, nil, asVisit)
				check(name, resp)
				if method == "GET" || method == "HEAD" || method == "OPTIONS" {
					continue
				}
				// From another site, and without any header that says where from.
				for _, from := range []map[string]string{{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}} {
					resp, page := b.do(method, path, url.Values{"token": {"x"}, "op": {"others"}}, from)
					check(name, resp)
					if resp.StatusCode != 403 {
						t.Errorf("%s from %v: %d %.100s", name, from, resp.StatusCode, page)
					}
				}
			}
		}
	}
	for _, path := range []string{"/logout", pathSecurity} {
		if resp, _ := b.do("POST", path, url.Values{"op": {"others"}, "token": {"x"}}, map[string]string{}); resp.StatusCode != 403 {
			t.Errorf("%s with a wrong token: %d", path, resp.StatusCode)
		}
	}
	// Other sites may link to the pages, and load nothing of them.
	for _, path := range []string{pathSecurity, pathDevices, "/"} {
		if resp, _ := b.do("GET", path, nil, map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}); resp.StatusCode != 403 {
			t.Errorf("%s as a picture: %d", path, resp.StatusCode)
		}
	}
}

// TestOwnCookies: what a browser brings is never adopted, each login has its own cookie, and
// one of an own device lasts.
func TestOwnCookies(t *testing.T) {
	h, b := newHouse(t)
	planted := strings.Repeat("A", 43)
	u, err := url.Parse(b.base)
	if err != nil {
		t.Fatal(err)
	}
	b.jar.SetCookies(u, []*http.Cookie{{Name: cookieName, Value: planted, Path: "/", Secure: true}})
	h.in(t, b, "demo", "x")
	first := b.cookie(cookieName)
	other := b.another()
	h.in(t, other, "demo", "x")
	if second := other.cookie(cookieName); first == second || first == planted || len(second) != 43 {
		t.Errorf("%q, %q", first, second)
	}
	b = b.another()
	form := b.form("demo", "right")
	form.Set("trust", "1")
	resp, _ := b.do("POST", "/login", form, nil)
	for _, c := range resp.Cookies() {
		if c.Name == cookieName && c.MaxAge != 30*24*60*60 {
			t.Errorf("%+v", c)
		}
	}
	trusted := 0
	for v := range mapValues(h.server.sessions) {
		if v.trusted {
			trusted++
		}
	}
	if trusted != 1 {
		t.Errorf("%d trusted sessions", trusted)
	}
}

// TestTrusted: a session of an own device outlives rest, and gets a new cookie each day.
func TestTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended []string
		tab := newTable(DefaultLimits(), func(_ *session, why string, _ int) { ended = append(ended, why) })
		v := &session{account: "ann", sid: "1", trusted: true, program: nothing{}}
		if _, err := tab.add(v); err != nil {
			t.Fatal(err)
		}
		if tab.rotate(v) != "" {
			t.Error("a new cookie at once")
		}
		time.Sleep(25 * time.Hour)
		if len(ended) > 0 {
			t.Fatal(ended)
		}
		if tab.rotate(v) == "" || tab.rotate(v) != "" {
			t.Error("not one new cookie")
		}
		if len(tab.rows) != 2 || len(tab.list(v)) != 1 {
			t.Errorf("%d cookies, %d sessions", len(tab.rows), len(tab.list(v)))
		}
		time.Sleep(2 * time.Minute)
		if len(tab.rows) != 1 {
			t.Error("the old cookie is still good")
		}
		time.Sleep(31 * 24 * time.Hour)
		synctest.Wait()
		if !slices.Equal(ended, []string{"idle"}) || len(tab.rows) != 0 {
			t.Error(ended, len(tab.rows))
		}
	})
}

// nothing is a program that does nothing.
type nothing struct{}

func (nothing) RoundTrip(*http.Request) (*http.Response, error) { return nil, broker.ErrUnavailable }
func (nothing) Close() error                                    { return nil }

func TestAgentOf(t *testing.T) {
	for says, want := range map[string]string{
		"": "", "<script>": "", strings.Repeat("x", 5000): "",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                        "Firefox, Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0": "Edge, Windows",
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":                  "Chrome, Android",
	} {
		if got := agentOf(says); got != want {
			t.Errorf("%.80q: %q, not %q", says, got, want)
		}
	}
}

// TestLanguages: the login page speaks the browser's language, and says so.
func TestLanguages(t *testing.T) {
	_, b := newHouse(t)
	for accept, want := range map[string]string{"de-CH,en;q=0.5": `<html lang="de" dir="ltr">`, "ar": `<html lang="ar" dir="rtl">`, "": `<html lang="en" dir="ltr">`} {
		resp, page := b.do("GET", "/login", nil, map[string]string{"Accept-Language": accept})
		has(t, page, want)
		if resp.Header.Get("Vary") != "Accept-Language" {
			t.Error(resp.Header)
		}
	}
}
