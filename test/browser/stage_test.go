package browser

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fantail/test/hostile"
	"fantail/test/samplemail"
)

// canary is a server that nobody must talk to, and a port that nobody must connect to.
type canary struct {
	url, knock string
	knocks     atomic.Int64
	mu         sync.Mutex
	hits       map[int][]string // paths, by the number of the message that they are of
}

func newCanary(t *testing.T) *canary {
	t.Helper()
	c := &canary{hits: make(map[int][]string)}
	srv := httptest.NewServer(http.HandlerFunc(c.hear))
	t.Cleanup(srv.Close)
	c.url = srv.URL
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c.knock = "http://" + l.Addr().String()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.knocks.Add(1)
			_ = conn.Close()
		}
	}()
	return c
}

func (c *canary) hear(w http.ResponseWriter, r *http.Request) {
	number, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	n, err := strconv.Atoi(number)
	if err != nil {
		n = -1 // the browser's own idea, such as an icon
	}
	c.mu.Lock()
	c.hits[n] = append(c.hits[n], r.Method+" "+r.URL.Path)
	c.mu.Unlock()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Access-Control-Allow-Origin", "*")
}

// take returns what was heard since the last time.
func (c *canary) take() (hits map[int][]string, knocks int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	hits, c.hits = c.hits, make(map[int][]string)
	return hits, c.knocks.Swap(0)
}

// defences say what protects a browser from a message.
type defences struct {
	name              string
	policy, sanitiser bool // policy includes the sandbox
}

// stage stands between a browser and webmail, as the person who has logged in. It shows
// many messages at once in frames of a page of its own, and takes away the defences that a
// test wants to do without: those in webmail are the real ones, and nothing in its
// programs can switch them off.
type stage struct {
	t      *testing.T
	url    string
	mail   []hostile.Message
	lists  []string   // pages of the list
	pages  []string   // of each message, with its query
	frames [][]string // the addresses of the frames in them

	mu      sync.Mutex
	without defences
	sandbox map[string]string // of the frames, by their addresses
	shown   map[int]bool      // messages whose frame was filled
	byID    map[string]int
}

// hostileFolder is where the messages are.
const hostileFolder = "Hostile"

// newStage runs webmaild on the messages.
func newStage(t *testing.T, list []hostile.Message) *stage {
	t.Helper()
	at := time.Date(2026, 11, 12, 10, 0, 0, 0, time.UTC)
	var extra []samplemail.Message
	for _, m := range list {
		at = at.Add(time.Second)
		extra = append(extra, samplemail.Message{Folder: hostileFolder, Date: at, Class: "hostile", Data: m.Data})
	}
	srv := start(t, extra...)
	own := filepath.Join(srv.home, "Maildir", "fantail-webmail")
	if err := os.MkdirAll(own, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, own, "settings.json", `{"grouping":"messages"}`)
	s := &stage{t: t, mail: list, byID: make(map[string]int), sandbox: make(map[string]string), pages: make([]string, len(list)), frames: make([][]string, len(list))}
	person := &person{log: func() *http.Client { return srv.client(t) }}
	c := &http.Client{Transport: person}
	s.find(c, srv.url)
	target, err := url.Parse(srv.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Transport: person, ModifyResponse: s.disarm, Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(target)
		p.Out.Header.Del("Accept-Encoding")
		p.Out.Header.Del("Cookie") // of an earlier login
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stage", s.show)
	// Each of thirty pages would keep one of a browser's six connections for news.
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.Handle("/", proxy)
	front := httptest.NewServer(mux)
	t.Cleanup(front.Close)
	s.url = front.URL
	return s
}

// person asks for pages with the cookies of a login, and logs in anew when one has asked
// for more than a session may: a thousand messages in a minute.
type person struct {
	log func() *http.Client

	mu  sync.Mutex
	now *http.Client
}

func (p *person) client(spent *http.Client) *http.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nil || p.now == spent {
		p.now = p.log()
	}
	return p.now
}

// RoundTrip implements http.RoundTripper, for requests without a body.
func (p *person) RoundTrip(req *http.Request) (*http.Response, error) {
	c := p.client(nil)
	for {
		r := req.Clone(req.Context())
		for _, cookie := range c.Jar.Cookies(req.URL) {
			r.AddCookie(cookie)
		}
		resp, err := c.Transport.RoundTrip(r)
		if err != nil || resp.StatusCode != http.StatusTooManyRequests {
			return resp, err
		}
		if err := resp.Body.Close(); err != nil {
			return nil, err
		}
		c = p.client(c)
	}
}

// find learns where each message is, and which frames its page has.
func (s *stage) find(c *http.Client, base string) {
	s.t.Helper()
	number := make(map[[32]byte]int)
	digest := func(b []byte) [32]byte { return sha256.Sum256(bytes.ReplaceAll(b, []byte("\r"), nil)) }
	for i, m := range s.mail {
		number[digest(m.Data)] = i
	}
	link := regexp.MustCompile(`href="(/m/([a-z2-7]+))(\?[^"]*)"`)
	next := regexp.MustCompile(`rel="next" href="([^"]+)"`)
	found := 0
	for page := "/f/" + hostileFolder; page != ""; {
		list := fetch(s.t, c, base+page)
		s.lists = append(s.lists, page)
		for _, m := range link.FindAllStringSubmatch(list, -1) {
			query := strings.ReplaceAll(m[3], "&amp;", "&")
			i, ok := number[digest([]byte(fetch(s.t, c, base+m[1]+"/raw"+query)))]
			if _, again := s.byID[m[2]]; again || !ok {
				continue
			}
			s.pages[i], s.byID[m[2]] = m[1]+query, i
			found++
		}
		page = ""
		if m := next.FindStringSubmatch(list); m != nil {
			page = strings.ReplaceAll(m[1], "&amp;", "&")
		}
	}
	if found != len(s.mail) {
		s.t.Fatalf("%d of %d messages are listed", found, len(s.mail))
	}
	tag := regexp.MustCompile(`<iframe [^>]*>`)
	attribute := regexp.MustCompile(` (src|sandbox)="([^"]*)"`)
	for i, m := range s.mail {
		if m.HTML == "" {
			continue // it is shown on its page, or not at all
		}
		for _, frame := range tag.FindAllString(fetch(s.t, c, base+s.pages[i]), -1) {
			of := make(map[string]string)
			for _, a := range attribute.FindAllStringSubmatch(frame, -1) {
				of[a[1]] = strings.ReplaceAll(a[2], "&amp;", "&")
			}
			if !strings.HasPrefix(of["src"], "/m/") || of["sandbox"] == "" || strings.Contains(of["sandbox"], "scripts") {
				s.t.Fatalf("%s/%s is shown in %s", m.Class, m.Name, frame)
			}
			s.frames[i] = append(s.frames[i], of["src"])
			s.sandbox[of["src"]] = of["sandbox"]
		}
		if m.HTML != "" && len(s.frames[i]) == 0 && !m.Heavy {
			s.t.Errorf("%s/%s is shown without a frame", m.Class, m.Name)
		}
	}
}

// unsandboxed stands in place of a sandbox: scripts run, but the page around stays.
const unsandboxed = "allow-scripts allow-same-origin allow-forms allow-popups allow-pointer-lock"

// show is the page of frames: of whole pages (whole=1), or of the HTML in them.
func (s *stage) show(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	d := s.without
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprint(w, "<!doctype html><title>stage</title><link rel=icon href='data:,'><style>iframe{width:90px;height:50px;border:0}</style>")
	if r.URL.Query().Get("lists") != "" {
		for _, list := range s.lists {
			fmt.Fprintf(w, "<iframe src=\"%s\"></iframe>", strings.ReplaceAll(list, "&", "&amp;"))
		}
	}
	for _, text := range strings.Split(r.URL.Query().Get("n"), ".") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n >= len(s.mail) {
			continue
		}
		if r.URL.Query().Get("whole") != "" {
			fmt.Fprintf(w, "<iframe src=\"%s\"></iframe>", strings.ReplaceAll(s.pages[n], "&", "&amp;"))
			continue
		}
		for _, src := range s.frames[n] {
			sandbox := ""
			switch {
			case d.policy && d.sanitiser:
				sandbox = s.sandbox[src]
			case !d.policy && !d.sanitiser:
				sandbox = unsandboxed
			}
			if sandbox != "" {
				sandbox = ` sandbox="` + sandbox + `"`
			}
			fmt.Fprintf(w, "<iframe src=\"%s\"%s></iframe>", strings.ReplaceAll(src, "&", "&amp;"), sandbox)
		}
	}
}

var (
	bodyPath    = regexp.MustCompile(`^/m/([a-z2-7]+)/body$`)
	bodyContent = regexp.MustCompile(`(?s)^(.*<body[^>]*>)(.*)(</body>.*)$`)
	sandboxed   = regexp.MustCompile(` sandbox="[^"]*"`)
)

// disarm takes the defences from an answer.
func (s *stage) disarm(resp *http.Response) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, h := s.without, resp.Header
	if policy := h.Get("Content-Security-Policy"); !d.policy {
		h.Del("Content-Security-Policy")
	} else { // so that a page can stand in the frame of another
		h.Set("Content-Security-Policy", strings.Replace(policy, "frame-ancestors 'none'", "frame-ancestors 'self'", 1))
	}
	if !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if m := bodyPath.FindStringSubmatch(resp.Request.URL.Path); m != nil {
		n, ok := s.byID[m[1]]
		s.shown[n] = s.shown[n] || ok && resp.StatusCode == http.StatusOK // some ask for their own document once more
		if html := s.mail[n].HTML; ok && html != "" && !d.sanitiser {
			parts := bodyContent.FindSubmatch(body)
			if parts == nil {
				return fmt.Errorf("no body in the document of %s/%s", s.mail[n].Class, s.mail[n].Name)
			}
			body = append(append(bytes.Clone(parts[1]), html...), parts[3]...)
		}
	} else if !d.policy {
		body = sandboxed.ReplaceAll(body, nil)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	resp.ContentLength = int64(len(body))
	return nil
}

// begin sets the defences for what is shown from now on.
func (s *stage) begin(d defences) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.without, s.shown = d, make(map[int]bool)
}

// address is the page that shows these messages; whole: the pages of webmail that hold
// them; without any messages, the lists that they are in.
func (s *stage) address(list []int, whole bool) string {
	var n []string
	for _, i := range list {
		n = append(n, strconv.Itoa(i))
	}
	a := s.url + "/stage?n=" + strings.Join(n, ".")
	switch {
	case len(list) == 0:
		a += "&lists=1"
	case whole:
		a += "&whole=1"
	}
	return a
}

// unseen are those of the messages whose frames nobody has fetched.
func (s *stage) unseen(list []int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, i := range list {
		if len(s.frames[i]) > 0 && !s.shown[i] {
			out = append(out, s.mail[i].Class+"/"+s.mail[i].Name)
		}
	}
	return out
}
