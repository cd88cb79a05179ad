package webfront

import (
	"net/url"
	"strings"
	"testing"
)

// TestOtherSession: nothing of one session is good in another one, not even of the same
// account: its token, its unlocked page, its proof, a second factor that is waited for.
func TestOtherSession(t *testing.T) {
	h, one := newHouse(t)
	program := &heard{}
	h.program = program
	two := one.another()
	pageOne, postOne := h.in(t, one, "demo", "x").security(t)
	pageTwo, postTwo := h.in(t, two, "demo", "x").security(t)
	theirs := tokenOf(t, pageTwo)
	if tokenOf(t, pageOne) == theirs || one.cookie(cookieName) == two.cookie(cookieName) {
		t.Fatal("two sessions are one")
	}
	h.stale()
	for _, path := range []string{pathSecurity, pathConfirm, "/settings/identities", "/logout"} {
		for _, op := range []string{"unlock", "others", "second", "save"} {
			form := url.Values{"token": {theirs}, "op": {op}, "password": {"right"}, "method": {"POST"}, "to": {"/settings/identities"}}
			if resp, page := one.do("POST", path, form, asVisit); resp.StatusCode != 403 || strings.Contains(page, "<form") {
				t.Errorf("%s, %s with the token of another session: %d %s", path, op, resp.StatusCode, page)
			}
		}
	}
	if got := program.take(); len(got) != 0 || len(h.vault.asked) != 0 {
		t.Errorf("%q, %v", got, h.vault.asked)
	}
	// One is unlocked, the other one is not.
	if status, page := postOne(url.Values{"op": {"unlock"}, "password": {"right"}}); status != 200 || !strings.Contains(page, `value="newkey"`) {
		t.Fatalf("%d %s", status, page)
	}
	asked := len(h.vault.asked)
	for _, op := range []string{"add", "begin", "renew", "end", "newkey", "addkey", "endkey"} {
		if status, _ := postTwo(url.Values{"op": {op}, "label": {"x"}, "for": {"imap"}, "id": {"01020304"}, "key": {"{}"}}); status != 403 {
			t.Errorf("%s in a session that is locked: %d", op, status)
		}
	}
	save := url.Values{"token": {theirs}, "op": {"save"}}
	if resp, _ := two.do("POST", "/settings/identities", save, asVisit); resp.StatusCode != 403 || len(h.vault.asked) != asked || len(program.take()) != 0 {
		t.Errorf("the proof of another session is enough: %d", resp.StatusCode)
	}
	// A second factor is waited for where the password was given.
	for v := range mapValues(h.server.sessions) {
		v.typed, v.vault = "guarded", nil
	}
	if _, page := postOne(url.Values{"op": {"unlock"}, "password": {"right"}}); !strings.Contains(page, words("security.secondHint")) {
		t.Error(page)
	}
	if status, page := postTwo(url.Values{"op": {"second"}, "code": {"123456"}}); status != 403 || strings.Contains(page, `value="newkey"`) {
		t.Errorf("another session's password: %d", status)
	}
	// With a cookie of before, or a part of one, there is nobody.
	for _, cookie := range []string{"", "x", one.cookie(cookieName)[:42], strings.Repeat("A", 43), one.cookie(cookieName) + "A"} {
		headers := map[string]string{"Cookie": cookieName + "=" + cookie, "Sec-Fetch-Site": "same-origin"}
		if resp, _ := one.another().do("POST", pathSecurity, url.Values{"token": {tokenOf(t, pageOne)}, "op": {"others"}}, headers); resp.StatusCode != 401 {
			t.Errorf("cookie %q: %d", cookie, resp.StatusCode)
		}
	}
}
