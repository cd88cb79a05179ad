package webfront

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

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
