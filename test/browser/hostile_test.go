package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"fantail/internal/webmail/htmlsafe"
	"fantail/test/samplemail"
)

// vectors are ways to make a browser fetch or run something. CANARY is the
// address to fetch.
var vectors = []struct{ name, html string }{
	{"img", `<img src="CANARY">`},
	{"srcset", `<img srcset="CANARY 1x">`},
	{"picture", `<picture><source srcset="CANARY"><img></picture>`},
	{"style attribute", `<p style="background:url(CANARY)">x</p>`},
	{"escaped url", `<p style="background:\75\72\6c(CANARY)">x</p>`},
	{"style element", `<style>p{background-image:url(CANARY)}</style><p>x</p>`},
	{"import", `<style>@import url(CANARY);</style>`},
	{"list style", `<ul style="list-style:url(CANARY)"><li>x</ul>`},
	{"generated content", `<style>p::before{content:url(CANARY)}</style><p>x</p>`},
	{"image-set", `<p style="background:image-set('CANARY' 1x)">x</p>`},
	{"font", `<style>@font-face{font-family:f;src:url(CANARY)}p{font-family:f}</style><p>x</p>`},
	{"style sheet", `<link rel=stylesheet href="CANARY">`},
	{"prefetch", `<link rel=prefetch href="CANARY">`},
	{"preload", `<link rel=preload as=image href="CANARY">`},
	{"background attribute", `<table background="CANARY"><tr><td>x</table>`},
	{"body background", `<body background="CANARY">x`},
	{"video poster", `<video poster="CANARY"></video>`},
	{"video", `<video src="CANARY" autoplay muted></video>`},
	{"audio", `<audio src="CANARY" autoplay></audio>`},
	{"object", `<object data="CANARY"></object>`},
	{"embed", `<embed src="CANARY">`},
	{"iframe", `<iframe src="CANARY"></iframe>`},
	{"input", `<input type=image src="CANARY">`},
	{"svg image", `<svg width=9 height=9><image href="CANARY" width=9 height=9 /></svg>`},
	{"svg style", `<svg><style>@import url(CANARY);</style></svg>`},
	{"meta refresh", `<meta http-equiv=refresh content="0;url=CANARY">`},
	{"script", `<script src="CANARY"></script>`},
	{"inline script", `<script>new Image().src="CANARY"</script>`},
	{"onerror", `<img src="data:," onerror='new Image().src="CANARY"'>`},
	{"onload of svg", `<svg onload='new Image().src="CANARY"'></svg>`},
	{"details", `<details open ontoggle='new Image().src="CANARY"'>x</details>`},
	{"autofocus", `<input autofocus onfocus='new Image().src="CANARY"'>`},
	{"form by script", `<form action="CANARY" id=f></form><script>f.submit()</script>`},
	{"nested document", `<iframe srcdoc="<img src='CANARY'>"></iframe>`},
	{"base", `<base href="CANARY/"><img src="x">`},
	{"parser confusion", `<svg></p><style><a title="</style><img src='CANARY'>">`},
	{"math", `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src='CANARY'&gt;">`},
}

// canary is a server that nobody must talk to.
type canary struct {
	url string
	mu  sync.Mutex
	hit map[string]bool
}

func newCanary(t *testing.T) *canary {
	c := &canary{hit: make(map[string]bool)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.hit[strings.Split(r.URL.Path, "/")[1]] = true
	}))
	t.Cleanup(srv.Close)
	c.url = srv.URL
	return c
}

// take returns which vectors have reached the canary since the last time.
func (c *canary) take() map[string]bool {
	time.Sleep(1500 * time.Millisecond) // what loads, loads at once; this is for slow machines
	c.mu.Lock()
	defer c.mu.Unlock()
	hit := c.hit
	c.hit = make(map[string]bool)
	return hit
}

// armed is a vector that reports to the canary under its number.
func (c *canary) armed(i int) string {
	return strings.ReplaceAll(vectors[i].html, "CANARY", fmt.Sprintf("%s/v%d", c.url, i))
}

// show serves one document for each vector, in frames of one page, and visits
// it.
func show(t *testing.T, policy, sandbox string, document func(i int) string) {
	t.Helper()
	mux := http.NewServeMux()
	var page strings.Builder
	page.WriteString("<!doctype html><title>frames</title>")
	for i := range vectors {
		path := fmt.Sprintf("/frame%d", i)
		fmt.Fprintf(&page, `<iframe width=100 height=60 src="%s" %s></iframe>`, path, sandbox)
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			if policy != "" {
				w.Header().Set("Content-Security-Policy", policy)
			}
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "<!doctype html><meta charset=utf-8><title>x</title>"+document(i))
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, page.String())
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	ctx := chromium(t)
	do(t, ctx, "show vectors", chromedp.Navigate(srv.URL+"/"))
	time.Sleep(500 * time.Millisecond)
}

// Each of sanitiser and policy holds alone; and without either most vectors
// work, which shows that the test could fail.
func TestDefences(t *testing.T) {
	c := newCanary(t)
	clean := func(i int) string {
		r, err := htmlsafe.Sanitize(c.armed(i), htmlsafe.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return r.HTML
	}
	s := start(t, htmlMessage("policy", "<p>x", time.Now()))
	policy := s.bodyPolicy(t)
	const frame = `sandbox="allow-popups allow-popups-to-escape-sandbox"`

	show(t, "", "", c.armed)
	control := c.take()
	for i, v := range vectors {
		if !control[fmt.Sprintf("v%d", i)] {
			t.Logf("does not work in this browser even without a defence: %s", v.name)
		}
	}
	if len(control) < 20 {
		t.Errorf("only %d vectors work without a defence", len(control))
	}
	for _, d := range []struct {
		name, policy, sandbox string
		document              func(int) string
	}{
		{"policy and sandbox", policy, frame, c.armed},
		{"policy alone", policy, "", c.armed},
		{"sanitiser alone", "", "", clean},
	} {
		show(t, d.policy, d.sandbox, d.document)
		for hit := range c.take() {
			var i int
			if _, err := fmt.Sscanf(hit, "v%d", &i); err != nil {
				t.Fatal(err)
			}
			t.Errorf("%s: %s got through", d.name, vectors[i].name)
		}
	}
}

// bodyPolicy is what webmail says of the frame with a message.
func (s *server) bodyPolicy(t *testing.T) string {
	t.Helper()
	c := s.client(t)
	id := regexp.MustCompile(`href="(/m/[a-z2-7]+)\?f=INBOX&amp;u=[0-9]+"`).FindStringSubmatch(fetch(t, c, s.url+"/f/INBOX"))
	if id == nil {
		t.Fatal("no message in the inbox")
	}
	resp, err := c.Get(s.url + id[1] + "/body?f=INBOX&section=1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	policy := resp.Header.Values("Content-Security-Policy")
	if resp.StatusCode != 200 || len(policy) != 1 || !strings.Contains(policy[0], "sandbox") {
		t.Fatalf("%s %q", resp.Status, policy)
	}
	return policy[0]
}

// The same vectors in messages, through everything that there is.
func TestHostileMessages(t *testing.T) {
	c := newCanary(t)
	at := time.Now().Add(-time.Hour)
	var messages []samplemail.Message
	for from := 0; from < len(vectors); from += 8 {
		var html strings.Builder
		for i := from; i < min(from+8, len(vectors)); i++ {
			html.WriteString(c.armed(i) + "\n")
		}
		at = at.Add(time.Minute)
		messages = append(messages, htmlMessage(fmt.Sprintf("hostile %d <script>new Image().src='%s/subject'</script>", from, c.url), html.String()+"<p>the end", at))
	}
	text := samplemail.Message{Folder: "INBOX", Date: at.Add(time.Minute), Class: "extra", Data: []byte("From: \"<img src=" + c.url + "/from>\" <x@evil.example>\nSubject: text <img src=" + c.url +
		"/subject>\n\na@a.co?]<img/src='" + c.url + "/text'/onerror=\"new Image().src='" + c.url + "/onerror'\">\nhttp://a.example/\"onmouseover=\"x\n")}
	s := start(t, append(messages, text)...)
	ctx := chromium(t)
	s.login(t, ctx)
	for i := range len(messages) + 1 {
		do(t, ctx, "list", chromedp.Navigate(s.url+"/f/INBOX"), chromedp.Click(chromedp.CSS(fmt.Sprintf(".messages li:nth-child(%d) a", i+1))))
		until(t, ctx, "document.querySelector('article') !== null && document.readyState === 'complete'")
	}
	if hit := c.take(); len(hit) > 0 {
		t.Errorf("the canary was reached by %v", hit)
	}
	// A person who opens the frame by itself is as safe.
	do(t, ctx, "list", chromedp.Navigate(s.url+"/f/INBOX"), chromedp.Click(chromedp.CSS(".messages li:nth-child(3) a")))
	until(t, ctx, "document.querySelector('iframe') !== null")
	frame := eval[string](t, ctx, "document.querySelector('iframe').src")
	do(t, ctx, "open the frame by itself", chromedp.Navigate(frame))
	if got := pageText(t, ctx); !strings.Contains(got, "the end") {
		t.Errorf("the frame shows %s", got)
	}
	if origin := eval[string](t, ctx, "window.origin"); origin != "null" {
		t.Errorf("a message has the origin %s", origin)
	}
	if hit := c.take(); len(hit) > 0 {
		t.Errorf("the canary was reached by %v", hit)
	}
}
