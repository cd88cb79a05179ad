package webmail

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"fantail/internal/mail"
)

// address fills the blanks of a route's pattern.
func address(pattern, id string) (method, path string) {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		method, path = "GET", pattern
	}
	path = strings.TrimSuffix(path, "{$}")
	path = strings.ReplaceAll(path, "{id}", id)
	return method, regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "x")
}

// TestRoutes holds for every route what none may lack: its headers, one policy, no cache;
// and that what changes something needs the token of this session, by a form alone.
func TestRoutes(t *testing.T) {
	h := setup(t)
	id := h.add("INBOX", text("a"), mail.Seen, now) // reading marks it as read
	before := h.contents("INBOX")
	for _, row := range routes {
		method, path := address(row.pattern, id)
		t.Run(row.pattern, func(t *testing.T) {
			if row.changes != (method == "POST") {
				t.Errorf("%s changes something: %t", method, row.changes)
			}
			w := h.do(method, path, url.Values{}, visit)
			for _, kv := range pageHeaders {
				if got := w.Header().Values(kv[0]); len(got) != 1 || got[0] != kv[1] && kv[0] != "Cache-Control" {
					t.Errorf("%s: %q", kv[0], got)
				}
			}
			if csp := w.Header().Values("Content-Security-Policy"); len(csp) != 1 || !strings.Contains(csp[0], "default-src 'none'") || strings.Contains(csp[0], "unsafe-eval") {
				t.Errorf("policy %q", csp)
			}
			for name := range w.Header() {
				if name == "Set-Cookie" || strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("sends %s", name)
				}
			}
			if !row.changes {
				return
			}
			everything := url.Values{"op": {"delete"}, "all": {"1"}, "f": {"INBOX"}, "before": {"4294967295"}, "list": {""}, "theme": {"dark"}}
			for _, token := range []string{"", "secret-toke", "secret-token ", "SECRET-TOKEN"} {
				everything.Set("token", token)
				if w := h.do(method, path, everything, visit); w.Code != 403 {
					t.Errorf("token %q: %d", token, w.Code)
				}
			}
			everything.Del("token")
			if w := h.do(method, path+"?token=secret-token", everything, visit); w.Code != 403 {
				t.Errorf("token in the address: %d", w.Code)
			}
			// Without the front nobody knows a token, and "" is none.
			bare := map[string]string{"Sec-Fetch-Site": "same-origin"}
			everything.Set("token", "")
			if w := h.do(method, path, everything, bare); w.Code != 403 {
				t.Errorf("no token of the front: %d", w.Code)
			}
			// The same address by GET does nothing.
			if w := h.do("GET", path+"?token=secret-token&op=delete", nil, visit); w.Code == 303 && strings.Contains(w.Header().Get("Location"), "done=") {
				t.Error("changed by GET")
			}
		})
	}
	if got := fmt.Sprint(h.contents("INBOX")); got != fmt.Sprint(before) {
		t.Errorf("what was refused was done: %s", got)
	}
	if h.prefs().Theme != "" {
		t.Error("what was refused was saved")
	}
}

// TestOtherAccounts: an id of one account means nothing in another one, whatever comes with
// it, and no address leads out of the account.
func TestOtherAccounts(t *testing.T) {
	ann, bob := setup(t), setup(t)
	secret := ann.add("INBOX", "Subject: of ann alone\n\nx\n", 0, now)
	ann.get("/m/" + secret)
	bob.add("INBOX", text("b"), 0, now)
	outside := ann.acct.Path()
	for _, row := range routes {
		if !strings.Contains(row.pattern, "{id}") {
			continue
		}
		method, path := address(row.pattern, secret)
		for _, hint := range []string{"", "?f=INBOX&u=1", "?f=" + url.QueryEscape(outside) + "&u=1", "?f=../" + url.QueryEscape(outside)} {
			w := bob.do(method, path+hint, url.Values{"token": {"secret-token"}}, visit)
			if w.Code < 400 || strings.Contains(w.Body.String(), "of ann alone") {
				t.Errorf("%s %s: %d", method, path+hint, w.Code)
			}
		}
	}
	for _, id := range []string{"..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%00", "1", strings.Repeat("a", 20), strings.Repeat("a", 5000), "AAAAAAAAAAAAAAAAAAAA", secret + "a", strings.ToUpper(secret) + "%20"} {
		if w := bob.do("GET", "/m/"+id, nil, visit); w.Code == 200 {
			t.Errorf("id %.40q: %d", id, w.Code)
		}
	}
	for _, name := range []string{"..", "../..", "..%2F..", "%2Fetc", url.PathEscape(outside), "INBOX%2F..%2F..", ".%00", "fantail-webmail", ".fantail-webmail"} {
		if w := bob.do("GET", "/f/"+name, nil, visit); w.Code == 200 || strings.Contains(w.Body.String(), "of ann alone") {
			t.Errorf("folder %q: %d", name, w.Code)
		}
	}
}
