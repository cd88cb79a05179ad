package browser

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"fantail/internal/mail"
	"fantail/test/samplemail"
)

// TestAttacksFromOutside: what a stranger puts into requests and links changes neither what
// a page says nor where it leads.
func TestAttacksFromOutside(t *testing.T) {
	s := start(t, samplemail.Message{Folder: mail.Inbox, Data: []byte("Subject: x\nContent-Type: text/html; name=\"a\r\n\t.html\"\nContent-Disposition: attachment; filename=\"=?utf-8?q?a=0D=0ASet-Cookie:_x=3Dy.html?=\"\n\n<script>alert(1)</script>")})
	stranger := func() *http.Client {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		c := &http.Client{Jar: jar, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		t.Cleanup(c.CloseIdleConnections)
		return c
	}
	token := regexp.MustCompile(`name="token" value="([^"]+)"`)
	for _, next := range []string{"//evil.example", "https://evil.example/", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "javascript:alert(1)", "/%0d%0aSet-Cookie:x=y", "/.//evil.example", "/logout"} {
		c := stranger()
		page := fetch(t, c, s.url+"/login?next="+url.QueryEscape(next))
		form := token.FindStringSubmatch(page)
		if form == nil {
			t.Fatalf("no form: %s", page)
		}
		resp, err := c.PostForm(s.url+"/login", url.Values{"token": {form[1]}, "name": {userName}, "password": {password}, "next": {next}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		base, _ := url.Parse(s.url + "/login")
		where, err := base.Parse(resp.Header.Get("Location"))
		if resp.StatusCode != 303 || err != nil || where.Host != base.Host || where.Path == "/logout" || strings.HasPrefix(resp.Header.Get("Location"), "//") {
			t.Errorf("next=%q: %s to %q", next, resp.Status, resp.Header.Get("Location"))
		}
	}

	in := s.client(t)
	in.CheckRedirect = stranger().CheckRedirect
	for _, c := range []*http.Client{stranger(), in} {
		for _, path := range []string{"/", "/login", "/f/INBOX", "/nothing", "/healthz", "//evil.example/x", "/f/../../x", "/m/x"} {
			req, err := http.NewRequest("GET", s.url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = "evil.example"
			for k, v := range map[string]string{"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "Forwarded": "host=evil.example;proto=http", "X-Original-URL": "/evil.example", "Wm-Account": "evil.example", "Wm-Token": "evil.example", "wm-other": "evil.example"} {
				req.Header.Set(k, v)
			}
			resp, body := answer(t, c, req)
			if strings.Contains(strings.ReplaceAll(body, `"/evil.example/x"`, ""), "evil.example") { // a path of ours, whatever it looks like
				t.Errorf("%s repeats what it was told:\n%s", path, body)
			}
			for name, values := range resp.Header {
				all := strings.Join(values, "\n")
				if strings.Contains(all, "evil.example") && !(name == "Location" && (strings.HasPrefix(all, "/login?next=%2F") || strings.HasPrefix(all, "/evil.example/"))) {
					t.Errorf("%s answers %s: %q", path, name, values)
				}
			}
			if cached := resp.Header.Get("Cache-Control"); resp.StatusCode == 200 && !strings.Contains(cached, "no-store") && path != "/healthz" {
				t.Errorf("%s may be kept: %q", path, cached)
			}
		}
	}

	// Pages of other sites may link to ours, and load nothing.
	for _, c := range []struct {
		site, mode, dest string
		want             int
	}{
		{"same-origin", "navigate", "document", 200}, {"none", "navigate", "document", 200}, {"cross-site", "navigate", "document", 200},
		{"cross-site", "navigate", "iframe", 403}, {"cross-site", "no-cors", "image", 403}, {"cross-site", "cors", "empty", 403}, {"same-site", "no-cors", "script", 403}, {"cross-site", "navigate", "object", 403},
	} {
		req, err := http.NewRequest("GET", s.url+"/f/INBOX", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Sec-Fetch-Site", c.site)
		req.Header.Set("Sec-Fetch-Mode", c.mode)
		req.Header.Set("Sec-Fetch-Dest", c.dest)
		if resp, _ := answer(t, in, req); resp.StatusCode != c.want {
			t.Errorf("%v: %s, want %d", c, resp.Status, c.want)
		}
	}
}

func answer(t *testing.T, c *http.Client, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}
