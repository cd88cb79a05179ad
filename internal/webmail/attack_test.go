package webmail

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"

	"fantail/test/hostile"
)

// The attacks beside HTML: what pages make of hostile fields and names, what comes with a
// file, and what addresses lead to.

// tagsOfPages and attributesOfPages are what our templates are made of.
const (
	tagsOfPages = " html head body meta title link script style main nav header footer section article aside form input button select option optgroup textarea label fieldset legend details summary dialog output progress meter " +
		"a p div span bdi b i em strong small mark ul ol li dl dt dd h1 h2 h3 h4 h5 h6 time table thead tbody tr th td caption iframe img svg use code pre blockquote hr br abbr kbd picture figure figcaption address template "
	attributesWithAddress = " href src action formaction data poster srcset background cite manifest ping longdesc usemap archive codebase profile xlink:href "
)

// strangersIn parses a page as browsers do and lists what a message must have brought there.
func strangersIn(page string) []string {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return []string{err.Error()}
	}
	var bad []string
	complain := func(n *html.Node, what string) { bad = append(bad, fmt.Sprintf("<%s>: %.200s", n.Data, what)) }
	for n := range doc.Descendants() {
		if n.Type == html.CommentNode {
			complain(n, "comment")
		}
		if n.Type != html.ElementNode {
			continue
		}
		if !strings.Contains(tagsOfPages, " "+n.Data+" ") {
			complain(n, "element")
		}
		if n.Data == "script" && n.FirstChild != nil {
			complain(n, "a script in the page")
		}
		for _, a := range n.Attr {
			name := strings.TrimPrefix(a.Namespace+":"+a.Key, ":")
			switch {
			case strings.HasPrefix(name, "on"), name == "style", name == "srcdoc":
				complain(n, name+"="+a.Val)
			case !strings.Contains(attributesWithAddress, " "+name+" "):
			case n.Data == "form" && a.Val == "": // leads to the page that it is on
			case n.Data == "a" && regexp.MustCompile(`^(https?://[^/@]+(/|$)|mailto:|#)`).MatchString(a.Val):
			case !regexp.MustCompile(`^/([^/\\]|$)`).MatchString(a.Val) || strings.ContainsFunc(a.Val, unicode.IsControl):
				complain(n, name+"="+a.Val)
			}
		}
	}
	return bad
}

// TestHostilePages: whatever a message says, its page, the lists that it is in and its
// frame hold elements and addresses of ours only; and what belongs to it can be saved and
// not opened.
func TestHostilePages(t *testing.T) {
	h := setup(t)
	list := hostile.Messages("http://canary.example", "http://knock.example")
	at := now.Add(-time.Duration(len(list)) * time.Minute)
	ids := make([]string, len(list))
	for i, m := range list {
		at = at.Add(time.Minute)
		ids[i] = h.add("INBOX", string(m.Data), 0, at)
	}
	for p := 1; p <= (len(list)+perPage-1)/perPage; p++ {
		w := h.do("GET", fmt.Sprintf("/f/INBOX?p=%d", p), nil, visit)
		for _, bad := range strangersIn(w.Body.String()) {
			t.Errorf("list, page %d: %s", p, bad)
		}
	}
	part := regexp.MustCompile(`href="(/m/[a-z2-7]+/(?:part|raw|eml|all)[^"]*)"`)
	opened := regexp.MustCompile(`(?:href|src)="(/m/[a-z2-7]+/(?:view|pdf|image|headers)[^"]*)"`)
	files := 0
	for i, m := range list {
		where := fmt.Sprintf("/m/%s?f=INBOX&u=%d", ids[i], i+1)
		page := h.get(where)
		for _, bad := range strangersIn(page) {
			t.Errorf("%s/%s: %s", m.Class, m.Name, bad)
		}
		for _, link := range opened.FindAllStringSubmatch(page, 10) {
			h.isOpenedSafely(m.Class+"/"+m.Name, strings.ReplaceAll(link[1], "&amp;", "&"))
		}
		links := part.FindAllStringSubmatch(page, -1)
		if len(links) > 20 {
			links = links[:20]
		}
		for _, link := range links {
			files++
			h.isHarmless(m.Class+"/"+m.Name, strings.ReplaceAll(link[1], "&amp;", "&"))
		}
	}
	if files < 2*len(list) {
		t.Errorf("only %d files", files)
	}
	if log := h.log.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("errors were logged: %.2000s", log)
	}
}

// isOpenedSafely fetches what can be looked at without saving it: pages of ours, and files
// that are in truth what they are shown as.
func (h *house) isOpenedSafely(what, where string) {
	h.t.Helper()
	w := h.do("GET", where, nil, visit)
	kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	if w.Code != 200 { // it is not what it says
		kind = "text/html"
	}
	begins := map[string]string{"image/png": "\x89PNG", "image/jpeg": "\xff\xd8\xff", "image/gif": "GIF8", "image/webp": "RIFF", "application/pdf": "%PDF-"}
	switch begin, known := begins[kind]; {
	case kind == "text/html":
		for _, bad := range strangersIn(w.Body.String()) {
			h.t.Errorf("%s: %s: %s", what, where, bad)
		}
	case !known || !strings.HasPrefix(w.Body.String(), begin):
		h.t.Errorf("%s: %s is opened as %q", what, where, kind)
	}
	if w.Header().Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") || w.Header().Get("Cache-Control") != "no-store" {
		h.t.Errorf("%s: %s has %v", what, where, w.Header())
	}
}

// isHarmless fetches what a stranger sent as it was sent.
func (h *house) isHarmless(what, where string) {
	h.t.Helper()
	w := h.do("GET", where, nil, visit)
	if w.Code != 200 {
		h.t.Errorf("%s: %s: %d", what, where, w.Code)
		return
	}
	kind, disposition, policy := w.Header().Get("Content-Type"), w.Header().Get("Content-Disposition"), w.Header().Get("Content-Security-Policy")
	saved := strings.HasPrefix(disposition, "attachment; filename=\"")
	if !saved && kind != "text/plain; charset=utf-8" {
		h.t.Errorf("%s: %s is opened as %q, %q", what, where, kind, disposition)
	}
	for _, active := range []string{"html", "xml", "svg", "script", "css", "multipart", "shockwave", "manifest"} {
		if strings.Contains(kind, active) && !strings.Contains(kind, "openxmlformats") {
			h.t.Errorf("%s: %s has the type %q", what, where, kind)
		}
	}
	if !strings.HasPrefix(policy, "sandbox;") || !strings.Contains(policy, "default-src 'none'") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		h.t.Errorf("%s: %s has %v", what, where, w.Header())
	}
	for name, values := range w.Header() {
		if len(values) != 1 || strings.ContainsFunc(values[0], unicode.IsControl) {
			h.t.Errorf("%s: %s has %s: %q", what, where, name, values)
		}
	}
	// Between the quotes of the name and behind stand what RFC 6266 lets stand there.
	if rest, ok := strings.CutPrefix(disposition, "attachment; filename=\""); ok {
		name, tail, _ := strings.Cut(rest, "\"")
		if strings.ContainsAny(name, "/\\%:") || strings.HasSuffix(name, ".") || tail != "" && !regexp.MustCompile(`^; filename\*=utf-8''[A-Za-z0-9!#$&+.^_`+"`"+`|~%-]+$`).MatchString(tail) {
			h.t.Errorf("%s: %s has %q", what, where, disposition)
		}
	}
}

// TestGuessedAddresses: paths, sections, mailboxes and ids that nobody was given.
func TestGuessedAddresses(t *testing.T) {
	h := setup(t)
	id := h.add("INBOX", mixedMail, 0, now)
	other := setup(t)
	foreign := other.add("INBOX", plainMail, 0, now)
	for _, c := range []struct {
		path string
		want []int
	}{
		{"/m/" + foreign, []int{410}},
		{"/m/" + foreign + "/raw?f=INBOX&u=1", []int{410}},
		{"/m/" + strings.ToUpper(id), []int{410}},
		{"/m/" + id + "a", []int{410}},
		{"/m/" + id[:19], []int{410}},
		{"/m/", []int{404}},
		{"/m/..%2f..%2fetc%2fpasswd", []int{410}},
		{"/m/%00", []int{410}},
		{"/m/*", []int{410}},
		{"/m/" + id + "/raw?f=" + url.QueryEscape("../../../etc") + "&u=1", []int{200, 404}},
		{"/m/" + id + "/raw?f=%00&u=1", []int{200, 404}},
		{"/m/" + id + "/nothing", []int{404}},
		{"/m/" + id + "/part/0/x", []int{404}},
		{"/m/" + id + "/part/-1/x", []int{404}},
		{"/m/" + id + "/part/1/x", []int{404}}, // a part that holds parts
		{"/m/" + id + "/part/1.1.1.1/x", []int{404}},
		{"/m/" + id + "/part/99999999999999999999/x", []int{404}},
		{"/m/" + id + "/part/2.%00/x", []int{404}},
		{"/m/" + id + "/part/1." + strings.Repeat("1.", 5000) + "1/x", []int{404}},
		{"/m/" + id + "/part/2/..%2f..%2f..%2fetc%2fpasswd?f=INBOX&u=1", []int{200}}, // the name says nothing
		{"/m/" + id + "/part/2/%0d%0aSet-Cookie:%20a=b?f=INBOX&u=1", []int{200}},
		{"/m/" + id + "/part/", []int{404}},
		{"/m/" + id + "/body?section=2", []int{200}}, // HTML as a file: sanitised like any
		{"/m/" + id + "/body?section=3", []int{404}}, // no HTML
		{"/m/" + id + "/body?section=../../x", []int{404}},
		{"/m/" + id + "/body", []int{404}},
		{"/f/..%2f..%2f..%2fetc", []int{404}},
		{"/f/%2e%2e", []int{404}},
		{"/f/.", []int{301, 303, 307, 404}},
		{"/f/..", []int{301, 303, 307, 404}},
		{"/f/INBOX%2f..%2f..", []int{404}},
		{"/f/INBOX%00", []int{404}},
		{"/f/%ff%fe", []int{404}},
		{"/f/" + strings.Repeat("a", 5000), []int{404}},
		{"/f/~root", []int{404}},
		{"/f/.Trash", []int{404}},
		{"/f/fantail-webmail", []int{404}},
		{"/f/INBOX?p=1;drop", []int{200, 404}},
		{"/f/INBOX?sort=../../x", []int{404}},
		{"/f/INBOX?filter=%00", []int{404}},
		{"/undo/x", []int{404, 405}},
		{"/act", []int{404, 405}},
		{"/assets/../../../etc/passwd", []int{301, 307, 404}},
		{"/assets/%2e%2e/%2e%2e/etc/passwd", []int{301, 307, 404}},
		{"//evil.example/x", []int{301, 307, 404}},
		{"/\\evil.example", []int{404}},
	} {
		r := httptest.NewRequest("GET", "http://mail.example/", nil)
		path, query, _ := strings.Cut(c.path, "?")
		r.URL.RawQuery = query
		r.URL.RawPath = path
		var err error
		if r.URL.Path, err = url.PathUnescape(path); err != nil {
			t.Fatal(err)
		}
		for k, v := range visit {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		h.site.ServeHTTP(w, r)
		if !slices.Contains(c.want, w.Code) {
			t.Errorf("%.200s: %d, want %v", c.path, w.Code, c.want)
		}
		if w.Code >= 300 && w.Code < 400 && !staysHere(w.Header().Get("Location")) {
			t.Errorf("%.200s leads to %q", c.path, w.Header().Get("Location"))
		}
		if body := w.Body.String(); strings.Contains(body, "root:") || strings.Contains(body, "secret words of another") {
			t.Errorf("%.200s: %.300s", c.path, body)
		}
		for name, values := range w.Header() {
			if name == "Set-Cookie" || len(values) != 1 || strings.ContainsAny(values[0], "\r\n\x00") {
				t.Errorf("%.200s has %s: %q", c.path, name, values)
			}
		}
	}
	if log := h.log.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("errors were logged: %.2000s", log)
	}
}

// staysHere reports whether every browser takes a Location for one of this host.
func staysHere(where string) bool {
	if !strings.HasPrefix(where, "/") || strings.ContainsFunc(where, func(r rune) bool { return r <= ' ' || r == 0x7F || r == '\\' }) {
		return false
	}
	u, err := url.Parse(where)
	return err == nil && u.Host == "" && u.Scheme == "" && !strings.HasPrefix(where, "//")
}

// TestOpenRedirect: what a form says of where to go on cannot be elsewhere.
func TestOpenRedirect(t *testing.T) {
	h := setup(t)
	h.add("INBOX", plainMail, 0, now)
	chosen := regexp.MustCompile(`name="m" value="([^"]+)"`).FindStringSubmatch(h.get("/f/INBOX"))
	if chosen == nil {
		t.Fatal("no message to choose")
	}
	for _, next := range []string{
		"https://evil.example/", "//evil.example/", "///evil.example/", "/\\evil.example/", "\\\\evil.example/", "/\t/evil.example/", "/\n/evil.example/", "\t//evil.example/",
		" //evil.example/", "/%09/evil.example", "/%5cevil.example", "/.//evil.example", "/..//evil.example", "/x/..//evil.example", "/f/../..//evil.example", "javascript:alert(1)",
		"data:text/html,x", "evil.example", "@evil.example", "/@evil.example", "http:evil.example", "http:/evil.example", "https:\\\\evil.example", "/f/INBOX\r\nSet-Cookie: a=b", "/f/INBOX%0d%0aSet-Cookie:%20a=b",
		"/\u2028/evil.example", "/\x00/evil.example", "/\u00a0/evil.example", "/?#//evil.example", "/f/INBOX?next=//evil.example", "/;//evil.example", "/f/%2f%2fevil.example", "", "?", "#", strings.Repeat("/", 5000), "/%", "/%zz",
	} {
		w := h.do("POST", "/act", url.Values{"token": {"secret-token"}, "op": {"read"}, "m": {chosen[1]}, "next": {next}}, visit)
		if w.Code == http.StatusBadRequest {
			continue
		}
		if where := w.Header().Get("Location"); w.Code != http.StatusSeeOther || !staysHere(where) {
			t.Errorf("next=%.60q: %d to %.200q", next, w.Code, where)
		}
		for name, values := range w.Header() {
			if name == "Set-Cookie" || strings.ContainsAny(strings.Join(values, ""), "\r\n") {
				t.Errorf("next=%.60q gives %s: %q", next, name, values)
			}
		}
	}
}

// TestAddressFromOutside: no header that a client or a cache on the way may set changes
// what an answer says, and no answer is kept by anybody.
func TestAddressFromOutside(t *testing.T) {
	h := setup(t)
	id := h.add("INBOX", mixedMail, 0, now)
	paths := []string{"/", "/f/INBOX", "/m/" + id, "/m/" + id + "/body?section=1.2.1", "/m/" + id + "/part/2/x", "/m/" + id + "/raw", "/m/" + id + "/eml", "/nothing", "/m/x", "/f/none", "/f/INBOX?p=7"}
	headers := map[string]string{
		"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "evil", "X-Forwarded-Prefix": "//evil.example", "X-Forwarded-For": "evil.example", "Forwarded": "host=evil.example", "X-Host": "evil.example",
		"X-Original-URL": "/evil.example", "X-Rewrite-URL": "/evil.example", "X-HTTP-Method-Override": "POST", "Referer": "http://evil.example/", "Origin": "http://evil.example", "Range": "bytes=0-1",
		"If-None-Match": "*", "If-Modified-Since": "Thu, 12 Nov 2037 10:00:00 GMT", "Accept": "application/evil.example", "Accept-Encoding": "evil.example", "User-Agent": "<script>evil.example</script>",
	}
	for _, path := range paths {
		answer := func(method string, poison bool) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, path, nil)
			for k, v := range visit {
				r.Header.Set(k, v)
			}
			if poison {
				r.Host = "evil.example"
				for k, v := range headers {
					r.Header.Set(k, v)
				}
			}
			w := httptest.NewRecorder()
			h.site.ServeHTTP(w, r)
			return w
		}
		_ = answer("GET", false) // the first visit marks a message as read
		plain, poisoned := answer("GET", false), answer("GET", true)
		if plain.Code != poisoned.Code || plain.Body.String() != poisoned.Body.String() {
			t.Errorf("%s: %d and %d, or other content", path, plain.Code, poisoned.Code)
		}
		for name, values := range poisoned.Header() {
			if strings.Contains(strings.Join(values, ""), "evil") {
				t.Errorf("%s has %s: %q", path, name, values)
			}
		}
		for _, w := range []*httptest.ResponseRecorder{plain, poisoned, answer("HEAD", false)} {
			if got := w.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("%s, %d: Cache-Control %q", path, w.Code, got)
			}
			if strings.Contains(w.Body.String(), "evil.example/x") {
				t.Errorf("%s repeats a header", path)
			}
		}
	}
}
