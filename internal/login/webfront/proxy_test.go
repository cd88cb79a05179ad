package webfront

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

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
