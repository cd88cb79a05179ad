package webfront

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fantail/internal/login/broker"
	"fantail/internal/login/broker/brokertest"
	"fantail/internal/login/userdb"
)

// guarded is a login of a house's account, whose code is "123456", and whose key says
// {"right":1}.
type guarded[T any] struct {
	opens     T
	options   string
	wrong     int
	over      bool
	cancelled atomic.Bool
}

func (g *guarded[T]) Asks() Asks { return Asks{App: true, Options: g.options} }

func (g *guarded[T]) Enter(_ context.Context, code string) (nothing T, err error) {
	switch {
	case g.over || g.cancelled.Load():
		panic("a login that is over is given a code")
	case code == "123456", code == `{"right":1}` && g.options != "":
		g.over = true
		return g.opens, nil
	case code == "broken":
		g.over = true
		return nothing, errors.New("no answer")
	case code == "later":
		g.over = true
		return nothing, fmt.Errorf("ask authd: %w", broker.ErrBusy)
	}
	if g.wrong++; g.wrong == 3 {
		g.over = true
		return nothing, ErrRefused
	}
	return nothing, fmt.Errorf("%w: again", ErrCode)
}

func (g *guarded[T]) Cancel() {
	if g.cancelled.Swap(true) {
		panic("a login is cancelled twice")
	}
}

// ask logs in as far as the page for the code, and returns it.
func (b *browser) ask(next string) (page string) {
	b.t.Helper()
	f := b.form("guarded", "right")
	f.Set("next", next)
	resp, _ := b.do("POST", "/login", f, nil)
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/login/code" || b.cookie(cookieName) != "" || b.cookie(codeCookie) == "" {
		b.t.Fatalf("%s to %q", resp.Status, resp.Header.Get("Location"))
	}
	resp, page = b.do("GET", "/login/code", nil, visit)
	if resp.StatusCode != http.StatusOK {
		b.t.Fatalf("%s: %s", resp.Status, page)
	}
	return page
}

// answer sends a code from a page.
func (b *browser) answer(page, code string, more ...string) (*http.Response, string) {
	b.t.Helper()
	m := tokenField.FindStringSubmatch(page)
	if m == nil {
		b.t.Fatalf("no token in %s", page)
	}
	f := url.Values{"token": {m[1]}, "code": {code}}
	for _, name := range more {
		f.Set(name, "1")
	}
	return b.do("POST", "/login/code", f, nil)
}

func TestCode(t *testing.T) {
	h := &house{}
	s, b := setup(t, h, Limits{})
	page := b.ask("/f/INBOX")
	for _, want := range []string{`<label for="code">`, `autocomplete="one-time-code"`, `inputmode="numeric"`, `aria-describedby="hint"`, `href="/login/code?recovery"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s:\n%s", want, page)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "aria-invalid") {
		t.Errorf("%s", page)
	}
	for _, wrong := range []string{"0", "", strings.Repeat("1", 1000)} {
		resp, again := b.answer(page, wrong)
		if resp.StatusCode != http.StatusForbidden || !strings.Contains(again, words(wrongCode)) || !strings.Contains(again, `role="alert"`) || !strings.Contains(again, `aria-invalid="true"`) {
			t.Errorf("%q: %s: %s", wrong, resp.Status, again)
		}
		page = again
	}
	resp, _ := b.answer(page, "123456")
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/f/INBOX" || b.cookie(cookieName) == "" || b.cookie(codeCookie) != "" {
		t.Errorf("%s to %q", resp.Status, resp.Header.Get("Location"))
	}
	if resp, page := b.do("GET", "/f/INBOX", nil, visit); resp.StatusCode != http.StatusOK || !strings.Contains(page, "Wm-Account: demo") {
		t.Errorf("%s: %s", resp.Status, page)
	}
	if log := h.log.String(); strings.Count(log, `msg="login failed"`) != 3 || !strings.Contains(log, "user=guarded mech=code tls=true") || strings.Contains(log, "123456") {
		t.Error(log)
	}
	if resp, _ := b.answer(page, "123456"); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/login?note=late" {
		t.Errorf("the same form again: %s", resp.Status)
	}
	if len(s.waiting.rows) != 0 {
		t.Error("a login still waits")
	}
}

// TestCodeEnds wants every other end to lead back to the password.
func TestCodeEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		codes  []string
		status int
		where  string // Location, or what the page says
	}{
		{"too many wrong codes", []string{"0", "0", "0"}, http.StatusSeeOther, "/login?note=late"},
		{"no answer", []string{"broken"}, http.StatusServiceUnavailable, words(noMailNow)},
		{"wrong too often before", []string{"0", "later"}, http.StatusForbidden, words(refusals[broker.ErrBusy])},
	} {
		s, b := setup(t, &house{}, Limits{})
		page := b.ask("/")
		var resp *http.Response
		for _, code := range c.codes {
			var text string
			if resp, text = b.answer(page, code); resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusServiceUnavailable {
				page = text
			}
		}
		if resp.StatusCode != c.status || resp.Header.Get("Location") != c.where && !strings.Contains(page, c.where) || b.cookie(cookieName) != "" || b.cookie(codeCookie) != "" {
			t.Errorf("%s: %s to %q: %s", c.name, resp.Status, resp.Header.Get("Location"), page)
		}
		if len(s.waiting.rows) != 0 {
			t.Errorf("%s: a login still waits", c.name)
		}
	}
}

func TestRecoveryCode(t *testing.T) {
	_, b := setup(t, &house{}, Limits{})
	b.ask("/")
	_, page := b.do("GET", "/login/code?recovery", nil, visit)
	if strings.Contains(page, "numeric") || strings.Contains(page, "one-time-code") || !strings.Contains(page, "Recovery code</label>") {
		t.Errorf("%s", page)
	}
	resp, page := b.answer(page, "aaaa-bbbb", "recovery")
	if resp.StatusCode != http.StatusForbidden || !strings.Contains(page, words(wrongRecovery)) || !strings.Contains(page, "Recovery code</label>") {
		t.Errorf("%s: %s", resp.Status, page)
	}
	if resp, _ := b.answer(page, "123456", "recovery"); resp.Header.Get("Location") != "/" {
		t.Errorf("%s", resp.Status)
	}
}

// TestCodeWithoutPassword wants the second page to lead nowhere without the first, and
// with the form of another browser.
func TestCodeWithoutPassword(t *testing.T) {
	s, b := setup(t, &house{}, Limits{})
	if resp, _ := b.do("GET", "/login/code", nil, visit); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/login" {
		t.Errorf("%s", resp.Status)
	}
	for _, cookie := range []string{"", codeCookie + "=" + secret()} {
		resp, _ := b.do("POST", "/login/code", url.Values{"token": {s.loginToken("")}, "code": {"123456"}}, map[string]string{"Cookie": cookie})
		if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/login?note=late" || b.cookie(cookieName) != "" {
			t.Errorf("%s", resp.Status)
		}
	}
	b.ask("/")
	for _, token := range []string{"", "x", s.loginToken("x")} {
		resp, _ := b.do("POST", "/login/code", url.Values{"token": {token}, "code": {"123456"}}, map[string]string{"Cookie": codeCookie + "=" + b.cookie(codeCookie)})
		if resp.Header.Get("Location") != "/login?note=late" || b.cookie(cookieName) != "" {
			t.Errorf("token %q: %s", token, resp.Status)
		}
		b.ask("/")
	}
	page := b.ask("/")
	resp, _ := b.do("POST", "/login/code", url.Values{"token": tokenField.FindStringSubmatch(page)[1:], "code": {"123456"}}, map[string]string{"Sec-Fetch-Site": "cross-site"})
	if resp.StatusCode != http.StatusForbidden || b.cookie(cookieName) != "" {
		t.Errorf("from another site: %s", resp.Status)
	}
	if resp, _ := b.do("GET", "/login?note=late", nil, visit); resp.StatusCode != http.StatusOK {
		t.Errorf("%s", resp.Status)
	}
}

// TestCodeTime wants a login not to wait for ever, and logins that wait to be bounded.
func TestCodeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting()
		all := make([]*guarded[Account], mostWaiting)
		for i := range all {
			all[i] = &guarded[Account]{}
			if w.add(&waits{pending: pending[Account]{second: all[i]}}) == "" {
				t.Fatal("no room")
			}
		}
		if w.add(&waits{pending: pending[Account]{second: &guarded[Account]{}}}) != "" {
			t.Error("room for one more")
		}
		time.Sleep(codeTime + time.Second)
		synctest.Wait()
		if len(w.rows) != 0 || !all[0].cancelled.Load() || !all[mostWaiting-1].cancelled.Load() {
			t.Errorf("%d still wait", len(w.rows))
		}
		last := &guarded[Account]{}
		w.add(&waits{pending: pending[Account]{second: last}})
		w.endAll()
		if !last.cancelled.Load() {
			t.Error("it waits although the front ends")
		}
	})
}

// TestBrokerCode wants codes to go through the broker.
func TestBrokerCode(t *testing.T) {
	b := Broker{Authenticator: brokertest.Door{
		Check: func(name string, _ userdb.Secret) (broker.Grant, error) { return broker.Grant{Account: name}, nil },
		Code: func(_, code string) error {
			switch code {
			case "123456":
				return nil
			case "wrong":
				return broker.ErrCodeWrong
			case "busy":
				return broker.ErrBusy
			}
			return broker.ErrWrong
		},
	}}
	for code, want := range map[string]error{"123456": nil, "wrong": ErrCode, "last": ErrRefused, "busy": broker.ErrBusy} {
		_, err := b.Enter(t.Context(), "ann", "right", remoteAddr("192.0.2.1:7"))
		var more *FactorWanted[Account]
		if !errors.As(err, &more) {
			t.Fatal(err)
		}
		a, err := more.Second.Enter(t.Context(), code)
		if !errors.Is(err, want) || (err == nil) != (a != nil && a.Name() == "ann") {
			t.Errorf("%s: %v, %v", code, a, err)
		}
		more.Second.Cancel()
	}
}
