package webfront

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
)

// TestSecurityKeys adds a key and removes it.
func TestSecurityKeys(t *testing.T) {
	h, b := newHouse(t)
	_, post := h.in(t, b, "demo", "x").security(t)
	key := url.Values{"op": {"addkey"}, "label": {"Blue <b>"}, "key": {`{"right":1}`}}
	if status, _ := post(key); status != 403 || len(h.vault.asked) != 0 {
		t.Errorf("without the password: %d, %v", status, h.vault.asked)
	}
	_, page := post(url.Values{"op": {"unlock"}, "password": {"right"}})
	has(t, page, words("security.factorOff"), `name="op" value="newkey"`)
	lacks(t, page, "data-seckey", "<script", words("security.renew"))
	for _, label := range []string{"", "  ", strings.Repeat("x", 101), "a\nb"} {
		if status, _ := post(url.Values{"op": {"newkey"}, "label": {label}}); status != 403 {
			t.Errorf("%.20q: %d", label, status)
		}
	}
	_, page = post(url.Values{"op": {"newkey"}, "label": {" Blue <b>"}})
	has(t, page, `data-seckey="create" data-options="{&#34;rp&#34;:`, `name="label" value="Blue &lt;b&gt;"`, "<noscript>", "/seckey.js")
	if m := h.vault.asked[len(h.vault.asked)-2]; m.Verb != wire.BeginKey || m.Label != "https://"+strings.TrimPrefix(b.base, "https://") {
		t.Errorf("%+v", m)
	}
	for _, bad := range []string{"", "{}", strings.Repeat("{", maxKey+1)} {
		if status, page := post(url.Values{"op": {"addkey"}, "label": {"Blue"}, "key": {bad}}); status != 403 && status != 400 {
			t.Errorf("%.20q: %d %s", bad, status, page)
		}
	}
	_, page = post(key)
	has(t, page, words("security.keyAdded"), "<li>one</li>", "Blue &lt;b&gt;", "elsewhere.example:8443", words("security.factorOn"), words("security.renew"))
	lacks(t, page, "data-seckey", "<script")
	_, page = post(url.Values{"op": {"endkey"}, "id": {"01020304"}})
	has(t, page, words("security.keyRemoved"), words("security.factorOff"))
	h.vault.answer = broker.ErrMechanism
	_, page = post(url.Values{"op": {"newkey"}, "label": {"Blue"}})
	has(t, page, words("security.noKeyHere"))
}

// TestKeyAtLogin logs in by a security key, and by a code beside it.
func TestKeyAtLogin(t *testing.T) {
	h, b := newHouse(t)
	h.options = `[{"rpId":"localhost"}]`
	for _, right := range []url.Values{{"key": {`{"right":1}`}}, {"code": {"123456"}}} {
		page := b.ask("/")
		has(t, page, `data-seckey="get" data-options="[{&#34;rpId`, `<script type="module" src="/assets/`, "<noscript>", words("login.useRecovery"))
		for _, wrong := range []url.Values{{"key": {`{}`}}, {"key": {"123456"}}} {
			wrong.Set("token", tokenOf(t, page))
			resp, answer := b.do("POST", "/login/code", wrong, nil)
			has(t, answer, words(wrongKey))
			if csp := resp.Header.Get("Content-Security-Policy"); resp.StatusCode != 403 || csp != scriptPolicy {
				t.Errorf("%d, %s", resp.StatusCode, csp)
			}
		}
		right.Set("token", tokenOf(t, page))
		if resp, answer := b.do("POST", "/login/code", right, nil); resp.StatusCode != http.StatusSeeOther || b.cookie(cookieName) == "" {
			t.Errorf("%d %s", resp.StatusCode, answer)
		}
		b = b.another()
	}
	page := b.ask("/")
	if resp, answer := b.do("POST", "/login/code", url.Values{"token": {tokenOf(t, page)}, "code": {`{"right":1}`}}, nil); resp.StatusCode != 403 {
		t.Errorf("a key as a code: %d %s", resp.StatusCode, answer)
	}
	_, page = b.do("GET", "/login/code?recovery", nil, asVisit)
	has(t, page, words("login.recoveryCode"))
	lacks(t, page, "data-seckey")
}

// TestUnlockSecond asks for the second factor after the password, three times, and begins
// anew then.
func TestUnlockSecond(t *testing.T) {
	h, b := newHouse(t)
	h.options = `[{"rpId":"localhost"}]`
	_, post := h.in(t, b, "demo", "x").security(t)
	for v := range mapValues(h.server.sessions) {
		v.typed = "guarded"
	}
	if status, _ := post(url.Values{"op": {"second"}, "code": {"123456"}}); status != 403 {
		t.Errorf("before the password: %d", status)
	}
	unlock := func() {
		t.Helper()
		status, page := post(url.Values{"op": {"unlock"}, "password": {"right"}})
		if status != 200 {
			t.Fatalf("%d %s", status, page)
		}
		has(t, page, words("security.secondHint"), `data-seckey="get"`, `name="code"`)
		lacks(t, page, `name="password"`, `value="newkey"`)
	}
	unlock()
	page, _ := b.security(t)
	has(t, page, words("security.secondHint")) // also when it is loaded again
	for range 2 {
		status, page := post(url.Values{"op": {"second"}, "code": {"000000"}})
		if status != 403 {
			t.Errorf("%d", status)
		}
		has(t, page, words(wrongSecond), `name="code"`)
	}
	_, page = post(url.Values{"op": {"second"}, "key": {"{}"}})
	has(t, page, words("security.wrong"), `name="password"`)
	if status, _ := post(url.Values{"op": {"second"}, "code": {"123456"}}); status != 403 {
		t.Errorf("after the end: %d", status)
	}
	unlock()
	unlock() // the first one is given up
	_, page = post(url.Values{"op": {"second"}, "key": {`{"right":1}`}})
	has(t, page, `value="newkey"`)
	if len(h.vault.asked) == 0 {
		t.Error("nothing was opened")
	}
}
