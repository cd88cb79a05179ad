package webfront

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"fantail/internal/login/broker"
)

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
