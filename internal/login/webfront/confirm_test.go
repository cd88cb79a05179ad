package webfront

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// heard are requests that reached a session program.
type heard struct {
	slow atomic.Bool
	mu   sync.Mutex
	list []string // "METHOD path body", but for notices
	told []string // notices: "kind form"
}

func (h *heard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if h.slow.Load() {
		time.Sleep(100 * time.Millisecond)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if kind := r.Header.Get("Wm-Notice"); r.URL.Path == "/notice" && kind != "" {
		h.told = append(h.told, kind+" "+string(body))
		w.WriteHeader(http.StatusNoContent)
		return
	}
	h.list = append(h.list, r.Method+" "+r.URL.Path+" "+string(body))
	w.Header().Set("Cache-Control", "private")
}

func (h *heard) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := h.list
	h.list = nil
	return list
}

// notices waits for so many of them.
func (h *heard) notices(t *testing.T, n int) []string {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		h.mu.Lock()
		list := h.told
		h.mu.Unlock()
		if len(list) >= n {
			return list
		}
		if time.Now().After(end) {
			t.Fatalf("heard %q", list)
		}
	}
}

// stale makes the proofs of all sessions old.
func (h *room) stale() {
	for v := range mapValues(h.server.sessions) {
		v.proved = time.Now().Add(-proofTime)
	}
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// answer is the form of a page that asks for a proof, filled in.
func answer(page string, more url.Values) url.Values {
	form := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], strings.NewReplacer("&#43;", "+", "&amp;", "&", "&#34;", `"`).Replace(m[2]))
	}
	for name, v := range more {
		form[name] = v
	}
	return form
}

// TestConfirm: what is sensitive waits until the password was given once more, and is done
// then as it was asked for.
func TestConfirm(t *testing.T) {
	h, b := newHouse(t)
	program := &heard{}
	h.program = program
	page, _ := h.in(t, b, "demo", "x").security(t)
	save := url.Values{"token": {tokenOf(t, page)}, "op": {"save"}, "address": {"a+b@example.org"}, "signature": {"é & \r\n <b>"}}
	const identities = "/settings/identities"
	post := func(path string, form url.Values) (*http.Response, string) { return b.do("POST", path, form, asVisit) }

	post(identities, save) // soon after the login
	if got := program.take(); len(got) != 1 || got[0] != "POST "+identities+" "+save.Encode() {
		t.Fatalf("%q", got)
	}
	h.stale()
	if resp, _ := b.do("GET", identities, nil, asVisit); resp.StatusCode != 200 || len(resp.Header.Values("Cache-Control")) != 1 || resp.Header.Get("Cache-Control") != "private" {
		t.Errorf("to look is free: %d, %v", resp.StatusCode, resp.Header)
	}
	program.take()
	for _, token := range []string{"", "x"} {
		foreign := url.Values{"token": {token}, "op": {"save"}}
		if resp, page := post(identities, foreign); resp.StatusCode != 403 || strings.Contains(page, "<form") {
			t.Errorf("a form of another session: %d %s", resp.StatusCode, page)
		}
	}
	for _, path := range []string{identities, identities + "/", "/Settings/identities", "/settings/%69dentities"} {
		resp, page := post(path, save)
		if resp.StatusCode != 403 || len(program.take()) != 0 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
		has(t, page, words("security.confirmLead"), `name="password"`, `action="/settings/confirm"`)
	}
	_, page = post(identities, save)
	if resp, page := post(pathConfirm, answer(page, url.Values{"password": {"wrong"}})); resp.StatusCode != 403 || !strings.Contains(page, words("security.wrong")) || len(program.take()) != 0 {
		t.Errorf("%d %s", resp.StatusCode, page)
	}
	for name, change := range map[string]url.Values{
		"without a token":   {"token": {""}, "password": {"right"}},
		"somewhere else":    {"to": {"/act"}, "password": {"right"}},
		"in another manner": {"method": {"DELETE"}, "password": {"right"}},
	} {
		if resp, _ := post(pathConfirm, answer(page, change)); resp.StatusCode == 200 || len(program.take()) != 0 {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	resp, _ := post(pathConfirm, answer(page, url.Values{"password": {"right"}}))
	if got := program.take(); resp.StatusCode != 200 || len(got) != 1 || got[0] != "POST "+identities+" "+save.Encode() {
		t.Errorf("%d, %q", resp.StatusCode, got)
	}
	if post(identities, save); len(program.take()) != 1 {
		t.Error("asked again")
	}

	// With a second factor there is one more step, and the form still waits.
	h.stale()
	for v := range mapValues(h.server.sessions) {
		v.typed, v.vault = "guarded", nil
	}
	_, page = post(identities, save)
	resp, page = post(pathConfirm, answer(page, url.Values{"password": {"right"}}))
	if resp.StatusCode != 200 || !strings.Contains(page, words("security.secondHint")) {
		t.Fatalf("%d %s", resp.StatusCode, page)
	}
	if resp, _ := post(pathConfirm, answer(page, url.Values{"code": {"000000"}})); resp.StatusCode != 403 || len(program.take()) != 0 {
		t.Errorf("%d", resp.StatusCode)
	}
	post(pathConfirm, answer(page, url.Values{"code": {"123456"}}))
	if got := program.take(); len(got) != 1 || got[0] != "POST "+identities+" "+save.Encode() {
		t.Errorf("%q", got)
	}

	// What is fetched is fetched again.
	h.stale()
	resp, _ = b.do("GET", "/contacts/export", nil, asVisit)
	if to := resp.Header.Get("Location"); resp.StatusCode != 303 || to != "/settings/confirm?to=%2Fcontacts%2Fexport" {
		t.Fatalf("%d to %s", resp.StatusCode, to)
	}
	_, page = b.do("GET", resp.Header.Get("Location"), nil, asVisit)
	for v := range mapValues(h.server.sessions) {
		v.typed = "demo"
	}
	if resp, _ = post(pathConfirm, answer(page, url.Values{"password": {"right"}})); resp.StatusCode != 303 || resp.Header.Get("Location") != "/contacts/export" {
		t.Errorf("%d to %s", resp.StatusCode, resp.Header.Get("Location"))
	}
	b.do("GET", "/contacts/export", nil, asVisit)
	if got := program.take(); len(got) != 1 || got[0] != "GET /contacts/export " {
		t.Errorf("%q", got)
	}
	if resp, _ := b.do("GET", pathConfirm+"?to=/act", nil, asVisit); resp.Header.Get("Location") != pathSecurity {
		t.Errorf("%d to %s", resp.StatusCode, resp.Header.Get("Location"))
	}
}

// TestNotices: the session program is told what happens to how one logs in, and by nobody
// else.
func TestNotices(t *testing.T) {
	h, b := newHouse(t)
	program := &heard{}
	h.program = program
	_, post := h.in(t, b, "demo", "Mozilla/5.0 (X11; Linux) Firefox/150.0").security(t)
	if got := program.notices(t, 1)[0]; !strings.HasPrefix(got, "login ") || !strings.Contains(got, "agent=Firefox%2C+Linux&device=&host=127.0.0.1&token=") {
		t.Error(got)
	}
	if b.cookie(deviceCookie) != "" {
		t.Error("a public computer is remembered")
	}
	post(url.Values{"op": {"unlock"}, "password": {"right"}})
	for i, c := range []struct {
		form url.Values
		want string
	}{
		{url.Values{"op": {"add"}, "label": {"Phone"}, "for": {"imap"}}, "passwordMade about=Phone&"},
		{url.Values{"op": {"remove"}, "id": {"0a0b0c0d"}}, "passwordRevoked about=Phone&"},
		{url.Values{"op": {"addkey"}, "label": {"Blue"}, "key": {`{"right":1}`}}, "keyAdded about=Blue&"},
		{url.Values{"op": {"endkey"}, "id": {"01020304"}}, "keyRemoved about=Blue&"},
		{url.Values{"op": {"confirm"}, "code": {"123456"}}, "appOn about=&"},
		{url.Values{"op": {"renew"}}, "recoveryRenewed about=&"},
		{url.Values{"op": {"end"}}, "appOff about=&"},
	} {
		if status, page := post(c.form); status != 200 {
			t.Errorf("%v: %d %s", c.form, status, page)
		}
		if got := program.notices(t, i+2)[i+1]; !strings.HasPrefix(got, c.want) {
			t.Errorf("%v: %s", c.form, got)
		}
	}
	post(url.Values{"op": {"confirm"}, "code": {"000000"}})
	resp, _ := b.do("POST", "/notice", url.Values{"token": {"x"}}, map[string]string{"Wm-Notice": "login", "Sec-Fetch-Site": "same-origin"})
	if got := program.notices(t, 8); len(got) != 8 {
		t.Errorf("a browser can tell things: %q, %d", got[8:], resp.StatusCode)
	}

	// A device of one's own is known again, and one that used a recovery code is told of.
	own := b.another()
	form := own.form("demo", "right")
	form.Set("trust", "1")
	own.do("POST", "/login", form, nil)
	first := own.cookie(deviceCookie)
	if got := program.notices(t, 9)[8]; first == "" || !strings.Contains(got, "device="+markOf(first)) || strings.Contains(got, first) {
		t.Errorf("%s, %q", got, first)
	}
	h.server.sessions.endAll("test")
	own.do("GET", "/", nil, asVisit) // which drops the cookie
	page := own.ask("/")
	own.answer(page, "123456")
	if got := program.notices(t, 10)[9]; own.cookie(deviceCookie) != first || !strings.Contains(got, "device="+markOf(first)) {
		t.Error(got)
	}
	// Who leaves at once is told of, too.
	program.slow.Store(true)
	hasty := own.another()
	_, leave := h.in(t, hasty, "demo", "x").security(t)
	leave(url.Values{"op": {"unlock"}, "password": {"right"}})
	leave(url.Values{"op": {"add"}, "label": {"Theirs"}, "for": {"imap"}})
	h.server.sessions.endAll("test")
	if got := program.notices(t, 12); !strings.Contains(strings.Join(got[10:], " "), "about=Theirs") || strings.Contains(h.log.String(), "tell the owner") {
		t.Errorf("%q\n%s", got[10:], h.log.String())
	}
	for answer, want := range map[string]bool{"123456": false, "123 456": false, "abcd-efgh-ijkl-mnop": true, "abcdefghijklmnop": true, `{"id":"aaaaaaaaaaaaaaaa"}`: false, "": false} {
		if isRecovery(answer) != want {
			t.Errorf("%q", answer)
		}
	}
}

// TestBudget: a session has so many requests in a row, and then so many in a second.
func TestBudget(t *testing.T) {
	h := &house{program: &heard{}}
	_, b := setup(t, h, Limits{Burst: 10, Rate: 1})
	if resp, page := b.do("POST", "/login", b.form("demo", "right"), nil); resp.StatusCode != 303 {
		t.Fatalf("%d %s", resp.StatusCode, page)
	}
	refused := 0
	for range 20 {
		resp, _ := b.do("GET", "/f/INBOX", nil, asVisit)
		if resp.StatusCode == http.StatusTooManyRequests {
			if refused++; resp.Header.Get("Retry-After") != "5" {
				t.Errorf("%v", resp.Header)
			}
		}
	}
	if refused < 5 || refused > 10 {
		t.Errorf("%d of 20 were refused", refused)
	}
	limits := newTable(Limits{Burst: 10, Rate: 2}, nil)
	v, now := &session{}, time.Unix(1, 0)
	for range 10 {
		if !limits.spend(v, now) {
			t.Error("too few")
		}
	}
	if limits.spend(v, now) || limits.spend(v, now.Add(100*time.Millisecond)) || !limits.spend(v, now.Add(time.Second)) {
		t.Error("not by the second")
	}
}

// TestWellKnown: what is not there is not there, also without a login.
func TestWellKnown(t *testing.T) {
	_, b := newHouse(t)
	for path, want := range map[string]int{
		"/.well-known/change-password": 404, "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200": 404, "/.well-known/passkey-endpoints": 200,
	} {
		if resp, _ := b.do("GET", path, nil, asVisit); resp.StatusCode != want {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	resp, body := b.do("GET", "/.well-known/passkey-endpoints", nil, nil)
	if want := `{"enroll":"` + b.base + `/settings/security#keys","manage":"` + b.base + `/settings/security#keys"}`; body != want || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s, want %s", body, want)
	}
}
