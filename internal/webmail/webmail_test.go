package webmail

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"fantail/internal/locale"
	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/internal/store/maildir"
	"fantail/web"
)

// now is when the tests take place.
var now = time.Date(2026, 11, 12, 15, 0, 0, 0, time.UTC)

// house is an account with its webmail.
type house struct {
	t    *testing.T
	acct *store.Account
	site *Site
	log  bytes.Buffer
}

func setup(t *testing.T) *house { return setupLayout(t, maildir.PlusPlus) }

func setupLayout(t *testing.T, l maildir.Layout) *house {
	t.Helper()
	h := &house{t: t}
	log := slog.New(slog.NewTextHandler(&h.log, nil))
	var err error
	if h.acct, err = store.OpenAccount(t.TempDir(), store.Options{Host: "test", Log: log, Layout: l}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.acct.Close(); err != nil {
			t.Error(err)
		}
	})
	h.site = New(Options{Account: h.acct, Name: "demo", Log: log, Clock: func() time.Time { return now }, Zone: time.UTC})
	return h
}

// add puts a message into a mailbox and returns its id.
func (h *house) add(mailbox, text string, f mail.Flags, date time.Time) string {
	h.t.Helper()
	ctx := context.Background()
	mb, err := h.acct.Open(ctx, mailbox)
	if err != nil {
		h.t.Fatal(err)
	}
	defer mb.Close()
	b, err := mb.NewAppend()
	if err != nil {
		h.t.Fatal(err)
	}
	w, err := b.Add(store.FlagSet{Flags: f}, date)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		h.t.Fatal(err)
	}
	got, err := b.Commit(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	snap, err := mb.Sync(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	i, ok := snap.Find(got.UIDs[0])
	if !ok {
		h.t.Fatal("the message is not there")
	}
	return idOf(snap.Base(i))
}

func (h *house) flags(mailbox string) mail.Flags {
	h.t.Helper()
	mb, err := h.acct.Open(context.Background(), mailbox)
	if err != nil {
		h.t.Fatal(err)
	}
	defer mb.Close()
	snap, err := mb.Sync(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	return snap.Flags(0)
}

// visit is how a browser asks for a page that a person wants to see.
var visit = map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document",
	headerAccount: "demo@example.org", headerToken: "secret-token"}

func (h *house) do(method, path string, form url.Values, headers map[string]string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	if path == "/events" { // which ends when nobody listens any more
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		r = r.WithContext(ctx)
	}
	w := httptest.NewRecorder()
	h.site.ServeHTTP(w, r)
	return w
}

// get fetches a page that must be there.
func (h *house) get(path string) string {
	h.t.Helper()
	w := h.do("GET", path, nil, visit)
	if w.Code != 200 {
		h.t.Fatalf("GET %s: %d\n%s\n%s", path, w.Code, w.Body, h.log.String())
	}
	return w.Body.String()
}

func wants(t *testing.T, page string, want ...string) {
	t.Helper()
	for _, s := range want {
		if !strings.Contains(page, s) {
			t.Errorf("lacks %q:\n%s", s, page)
		}
	}
}

func lacks(t *testing.T, page string, bad ...string) {
	t.Helper()
	for _, s := range bad {
		if strings.Contains(page, s) {
			t.Errorf("contains %q:\n%s", s, page)
		}
	}
}

const plainMail = "From: =?utf-8?q?J=C3=BCrgen_M?= <j@example.org>\nTo: demo@example.org, Ann Lee <ann@example.org>\nCc: c@example.org\n" +
	"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n from here\nDate: Wed, 11 Nov 2026 09:30:00 +0000\nReply-To: other@example.org\n\n" +
	"Hello,\nsee https://example.org/x?a=1&b=2 <b>now</b>\n\n> quoted\n>> twice\n-- \nJ\n"

const mixedMail = "From: b@example.org\nTo: demo@example.org\nSubject: files\nDate: Thu, 12 Nov 2026 14:02:00 +0000\nMIME-Version: 1.0\n" +
	"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/alternative; boundary=y\n\n" +
	"--y\nContent-Type: text/plain\n\nplain words\n--y\nContent-Type: multipart/related; boundary=z\n\n" +
	"--z\nContent-Type: text/html; charset=utf-8\n\n<p onclick=x>rich <img src=\"cid:pic@x\"><img src=\"https://track.example/p\"> <a href=\"https://evil.example/\">www.bank.com</a><script>alert(1)</script></p>\n" +
	"--z\nContent-Type: image/png\nContent-ID: <pic@x>\nContent-Transfer-Encoding: base64\n\niVBORw0KGgouLi4uSUhEUg==\n--z--\n--y--\n" +
	"--x\nContent-Type: text/html; name=\"page.html\"\nContent-Disposition: attachment; filename=\"page.html\"\n\n<script>alert(2)</script>\n" +
	"--x\nContent-Type: application/pdf\nContent-Disposition: attachment; filename*=utf-8''gr%C3%BC%C3%9Fe%E2%80%AE%2F..%2Fx.pdf\nContent-Transfer-Encoding: base64\n\nJVBERi0=\n" +
	"--x\nContent-Type: message/rfc822\n\nSubject: inner\n\nbody\n--x--\n"

func TestList(t *testing.T) {
	h := setup(t)
	h.add("INBOX", plainMail, mail.Seen|mail.Answered, now.Add(-30*time.Hour))
	id := h.add("INBOX", mixedMail, mail.Flagged, now.Add(-58*time.Minute))
	page := h.get("/f/INBOX")
	wants(t, page, "<title>Inbox (1) – Fantail</title>", "Grüße from here", "Jürgen M", `<time datetime="2026-11-12T14:02:00Z" title="Thursday, 12 November 2026, 14:02">14:02</time>`,
		">11 Nov</time>", `href="/m/`+id+`?f=INBOX&amp;u=2"`, "has attachments", "starred", "answered", "1–2 of 2", "plain words", "demo@example.org",
		`name="token" value="secret-token"`, `aria-current="page"`)
	if strings.Index(page, "files") > strings.Index(page, "Grüße") {
		t.Error("the newest is not first")
	}
	if n := strings.Count(page, `class="unread`); n != 1 {
		t.Errorf("%d unread rows", n)
	}
	if n := strings.Count(page, "<h1"); n != 1 {
		t.Errorf("%d h1", n)
	}
	lacks(t, page, "<script>", "style=", "<b>now")
}

func TestEmptyAndHome(t *testing.T) {
	h := setup(t)
	if w := h.do("GET", "/", nil, visit); w.Code != 303 || w.Header().Get("Location") != "/f/INBOX" {
		t.Errorf("home: %d %q", w.Code, w.Header().Get("Location"))
	}
	wants(t, h.get("/f/INBOX"), "Nothing new.")
}

func TestPages(t *testing.T) {
	h := setup(t)
	for i := range 2*perPage + 20 {
		h.add("INBOX", fmt.Sprintf("Subject: number %03d.\n\nx\n", i), 0, now)
	}
	page := h.get("/f/INBOX")
	wants(t, page, "number 119.", "number 070.", "1–50 of 120", `href="/f/INBOX?p=2"`)
	lacks(t, page, "number 069.")
	page = h.get("/f/INBOX?p=3")
	wants(t, page, "number 019.", "number 000.", "101–120 of 120", `rel="prev" href="/f/INBOX?p=2"`)
	lacks(t, page, `rel="next"`)
	if w := h.do("GET", "/f/INBOX?p=9", nil, visit); w.Code != 303 || w.Header().Get("Location") != "/f/INBOX?p=3" {
		t.Errorf("beyond the end: %d %q", w.Code, w.Header().Get("Location"))
	}
	for _, p := range []string{"0", "-1", "x", "99999999999999999999"} {
		if w := h.do("GET", "/f/INBOX?p="+p, nil, visit); w.Code != 404 {
			t.Errorf("page %s: %d", p, w.Code)
		}
	}
}

func TestFolders(t *testing.T) {
	h := setup(t)
	for _, name := range []string{"Sent", "Archive", "Archive.2024", "Archive.2024.Q1", "Entwürfe & <b>", "a b%2F?c", "zoo.keeper"} {
		if err := h.acct.Create(context.Background(), name); err != nil {
			t.Fatal(err)
		}
	}
	h.add("Archive.2024", plainMail, 0, now)
	h.add("a b%2F?c", plainMail, 0, now)
	page := h.get("/f/INBOX")
	var order []string
	for _, m := range regexp.MustCompile(`<bdi class="name">([^<]*)</bdi>`).FindAllStringSubmatch(page, -1) {
		order = append(order, m[1])
	}
	if got := strings.Join(order, "|"); got != "Inbox|Sent|Archive|2024|Q1|a b%2F?c|Entwürfe &amp; &lt;b&gt;|zoo|keeper" {
		t.Errorf("order %s", got)
	}
	wants(t, page, `<span class="count" aria-label="1 unread">1</span>`, `class="d2"`)
	for _, m := range regexp.MustCompile(`href="(/f/[^"]*)"`).FindAllStringSubmatch(page, -1) {
		h.get(strings.ReplaceAll(m[1], "&amp;", "&"))
	}
	wants(t, h.get("/f/a%20b%252F%3Fc"), "Grüße from here")
	// Folders of one's own mail show to whom it went.
	h.add("Sent", plainMail, mail.Seen, now)
	wants(t, h.get("/f/Sent"), "To: demo@example.org, Ann Lee")
}

// TestNestedFolders: where the levels of names are separated by slashes, addresses
// of pages have none.
func TestNestedFolders(t *testing.T) {
	h := setupLayout(t, maildir.FS)
	for _, name := range []string{"Archive", "Archive/v1.2/Q1", "Archive/B"} {
		if err := h.acct.Create(context.Background(), name); err != nil {
			t.Fatal(err)
		}
	}
	h.add("Archive/v1.2/Q1", plainMail, 0, now)
	page := h.get("/f/INBOX")
	var order []string
	for _, m := range regexp.MustCompile(`<bdi class="name">([^<]*)</bdi>`).FindAllStringSubmatch(page, -1) {
		order = append(order, m[1])
	}
	if got := strings.Join(order, "|"); got != "Inbox|Archive|B|v1.2|Q1" {
		t.Errorf("order %s", got)
	}
	wants(t, page, `href="/f/Archive%2Fv1.2%2FQ1"`)
	wants(t, h.get("/f/Archive%2Fv1.2%2FQ1"), "Grüße from here")
}

func TestPlainMessage(t *testing.T) {
	h := setup(t)
	id := h.add("INBOX", plainMail, 0, now)
	page := h.get("/m/" + id + "?f=INBOX")
	wants(t, page, "<title>Grüße from here – Fantail</title>", "<b><bdi>Jürgen M</bdi></b>", "j@example.org", "Ann Lee", "cc <bdi>c@example.org</bdi>",
		"replies go to <bdi>other@example.org</bdi>", "Wednesday, 11 November 2026, 09:30",
		`<a href="https://example.org/x?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow ugc">https://example.org/x?a=1&amp;b=2</a>`,
		"&lt;b&gt;now&lt;/b&gt;", `<div class="q1" dir="auto">quoted</div>`, `<div class="q2" dir="auto">twice</div>`, `<div class="q0 signature" dir="auto">`)
	lacks(t, page, "<iframe", "<script>", "style=")
	if n := strings.Count(page, "<h1"); n != 1 {
		t.Errorf("%d h1", n)
	}
}

func TestFormattedMessage(t *testing.T) {
	h := setup(t)
	id := h.add("INBOX", mixedMail, 0, now)
	page := h.get("/m/" + id)
	wants(t, page, `<iframe title="Message: files" src="/m/`+id+`/body?f=INBOX&amp;u=1&amp;section=1.2.1" sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"></iframe>`,
		"One picture on another server was not loaded", "This link shows bank.com but leads to evil.example.", "3 attachments", "page.html", "can run on your computer",
		"grüße_.._x.pdf", "inner.eml", `view=plain`)
	lacks(t, page, "plain words", "onclick", "alert(")
	page = h.get("/m/" + id + "?f=INBOX&view=plain")
	wants(t, page, "plain words", "Formatted")
	lacks(t, page, "<iframe")

	w := h.do("GET", "/m/"+id+"/body?f=INBOX&section=1.2.1", nil, map[string]string{"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"})
	wants(t, w.Body.String(), "rich", `<img src="data:image/png;base64,iVBORw0KGgouLi4uSUhEUg==">`, `class="suspicious"`)
	lacks(t, w.Body.String(), "<script", "onclick", "track.example", "cid:")
	csp := w.Header().Get("Content-Security-Policy")
	wants(t, csp, "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox;", "default-src 'none'", "form-action 'none'", "frame-ancestors 'self'")
	lacks(t, csp, "allow-scripts", "script-src", "http")
	w = h.do("GET", "/m/"+id+"/body?f=INBOX&section=1.2.1", nil, visit) // by itself
	wants(t, w.Header().Get("Content-Security-Policy"), "sandbox allow-popups allow-popups-to-escape-sandbox;", "default-src 'none'", "frame-ancestors 'self'")
	lacks(t, w.Header().Get("Content-Security-Policy"), "allow-same-origin", "allow-scripts", "script-src", "http")
	for _, section := range []string{"1.1", "2x", "0", "", "1.2", "9", "1.2.2", strings.Repeat("1.", 30) + "1"} {
		if w := h.do("GET", "/m/"+id+"/body?section="+section, nil, visit); w.Code != 404 {
			t.Errorf("body of section %q: %d", section, w.Code)
		}
	}
}

func TestTooComplex(t *testing.T) {
	h := setup(t)
	huge := strings.Repeat("<b>", 2000)
	id := h.add("INBOX", "Subject: x\nContent-Type: multipart/alternative; boundary=y\n\n--y\nContent-Type: text/plain\n\nplain words\n--y\nContent-Type: text/html\n\n"+huge+"\n--y--\n", 0, now)
	page := h.get("/m/" + id)
	wants(t, page, "plain words", "too complex to be shown safely")
	lacks(t, page, "<iframe")
	id = h.add("INBOX", "Subject: x\nContent-Type: text/html\n\n"+huge, 0, now)
	wants(t, h.get("/m/"+id), "too complex to be shown safely", "<iframe")
	wants(t, h.get("/m/"+id+"/body?section=1"), "too complex to be shown safely")
}

func TestSeen(t *testing.T) {
	for _, c := range []struct {
		name    string
		headers map[string]string
		seen    bool
	}{
		{"link", map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, true},
		{"address bar", map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, true},
		{"old browser", nil, true},
		{"another site", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, false},
		{"frame", map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, false},
		{"fetch", map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, false},
		{"script", map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", headerVisit: "1"}, true},
		{"script of another site", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", headerVisit: "1"}, false},
		{"prefetch", map[string]string{"Sec-Purpose": "prefetch"}, false},
		{"prerender", map[string]string{"Sec-Purpose": "prefetch;prerender", "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, false},
		{"old prefetch", map[string]string{"Purpose": "prefetch"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := setup(t)
			id := h.add("INBOX", plainMail, mail.Flagged, now)
			if w := h.do("GET", "/m/"+id, nil, c.headers); w.Code != 200 {
				t.Fatal(w.Code)
			}
			if got := h.flags("INBOX"); got.Has(mail.Seen) != c.seen || !got.Has(mail.Flagged) {
				t.Errorf("flags %b, want seen %v", got, c.seen)
			}
		})
	}
	t.Run("head", func(t *testing.T) {
		h := setup(t)
		id := h.add("INBOX", plainMail, 0, now)
		h.do("HEAD", "/m/"+id, nil, nil)
		if h.flags("INBOX").Has(mail.Seen) {
			t.Error("HEAD marked it")
		}
	})
}

func TestParts(t *testing.T) {
	h := setup(t)
	id := h.add("INBOX", mixedMail, 0, now)
	for _, c := range []struct{ section, kind, disposition, body string }{
		{"2", "application/octet-stream", `attachment; filename="page.html"`, "<script>alert(2)</script>"},
		{"3", "application/pdf", `attachment; filename="gr__e_.._x.pdf"; filename*=utf-8''gr%C3%BC%C3%9Fe_.._x.pdf`, "%PDF-"},
		{"4", "message/rfc822", `attachment; filename="inner.eml"`, "Subject: inner\n\nbody"},
		{"1.2.2", "image/png", `attachment; filename="attachment.png"`, "\x89PNG\r\n\x1a\n....IHDR"},
	} {
		w := h.do("GET", "/m/"+id+"/part/"+c.section+"/any%20name?f=INBOX", nil, visit)
		if w.Code != 200 || w.Header().Get("Content-Type") != c.kind || w.Header().Get("Content-Disposition") != c.disposition || strings.TrimRight(w.Body.String(), "\n") != c.body {
			t.Errorf("%s: %d %q %q %q", c.section, w.Code, w.Header().Get("Content-Type"), w.Header().Get("Content-Disposition"), w.Body)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Content-Security-Policy") != filePolicy {
			t.Errorf("%s: %v", c.section, w.Header())
		}
	}
	// Every link of the page leads to its file.
	for _, m := range regexp.MustCompile(`href="(/m/[^"]*/part/[^"]*)" download`).FindAllStringSubmatch(h.get("/m/"+id), -1) {
		if w := h.do("GET", strings.ReplaceAll(m[1], "&amp;", "&"), nil, visit); w.Code != 200 {
			t.Errorf("%s: %d", m[1], w.Code)
		}
	}
	for _, section := range []string{"1", "0", "9", "x", "1.2", "1.2.3"} {
		if w := h.do("GET", "/m/"+id+"/part/"+section+"/x", nil, visit); w.Code != 404 {
			t.Errorf("section %s: %d", section, w.Code)
		}
	}
}

func TestRaw(t *testing.T) {
	h := setup(t)
	id := h.add("INBOX", mixedMail, 0, now)
	w := h.do("GET", "/m/"+id+"/raw?f=INBOX", nil, visit)
	if w.Body.String() != mixedMail || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || w.Header().Get("Content-Security-Policy") != filePolicy {
		t.Errorf("raw: %v\n%s", w.Header(), w.Body)
	}
	w = h.do("GET", "/m/"+id+"/eml", nil, visit)
	if w.Body.String() != mixedMail || w.Header().Get("Content-Disposition") != `attachment; filename="message.eml"` {
		t.Errorf("eml: %v", w.Header())
	}
	if h.flags("INBOX").Has(mail.Seen) {
		t.Error("the source marked it as read")
	}
}

// foreignScript reports whether a page has a script but the one of the layout.
func foreignScript(page string) bool {
	return strings.Count(page, "<script") != 1 || !strings.Contains(page, `<script type="module" src="`+web.Path("app.js")+`"></script>`)
}

// What strangers write into headers is text.
func TestEscaping(t *testing.T) {
	h := setup(t)
	evil := `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	id := h.add("INBOX", "From: "+evil+" <"+evil+"@x.example>\nTo: \""+evil+"\" <a@b>\nSubject: "+evil+"\nDate: "+evil+
		"\nReply-To: "+evil+" <x@y>\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\n"+evil+" http://a.example/"+evil+"\n"+
		"--x\nContent-Type: application/x-"+evil+"; name*=utf-8''%22%3E%3Cscript%3E%0D%0AX-Evil:%20y\nContent-Disposition: attachment\n\nx\n--x--\n", 0, now)
	if err := h.acct.Create(context.Background(), evil[:9]); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/f/INBOX", "/m/" + id + "?f=INBOX", "/m/" + id + "?f=" + url.QueryEscape(evil), "/f/" + url.PathEscape(evil[:9])} {
		page := h.get(path)
		if foreignScript(page) || regexp.MustCompile(`<[^>]*\sonerror`).MatchString(page) {
			t.Errorf("%s:\n%s", path, page)
		}
	}
	for _, path := range []string{"/f/" + url.PathEscape(evil), "/m/" + url.PathEscape(evil), "/" + url.PathEscape(evil)} {
		if w := h.do("GET", path, nil, visit); w.Code < 400 || foreignScript(w.Body.String()) {
			t.Errorf("%s: %d\n%s", path, w.Code, w.Body)
		}
	}
	w := h.do("GET", "/m/"+id+"/part/2/x", nil, visit)
	if w.Code != 200 || w.Header().Get("X-Evil") != "" || strings.ContainsAny(w.Header().Get("Content-Disposition"), "\r\n<>") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestMovedMessage(t *testing.T) {
	h := setup(t)
	if err := h.acct.Create(context.Background(), "Elsewhere"); err != nil {
		t.Fatal(err)
	}
	h.add("Elsewhere", "Subject: another\n\nx\n", 0, now)
	id := h.add("Elsewhere", plainMail, 0, now)
	for _, hint := range []string{"", "?f=INBOX", "?f=INBOX&u=1", "?f=Elsewhere&u=1", "?f=Elsewhere&u=2", "?f=Elsewhere&u=9", "?f=Elsewhere&u=x", "?f=Elsewhere", "?f=Nowhere", "?f=..%2Fx"} {
		wants(t, h.get("/m/"+id+hint), "Grüße from here", `href="/f/Elsewhere"`)
	}
	mb, err := h.acct.Open(context.Background(), "Elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	defer mb.Close()
	snap, err := mb.Sync(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := mb.Expunge(context.Background(), []mail.UID{snap.UID(1)}); err != nil {
		t.Fatal(err)
	}
	w := h.do("GET", "/m/"+id+"?f=Elsewhere", nil, visit)
	if w.Code != 410 {
		t.Errorf("deleted message: %d", w.Code)
	}
	wants(t, w.Body.String(), "deleted")
}

func TestProblems(t *testing.T) {
	h := setup(t)
	for path, code := range map[string]int{
		"/f/Nowhere": 404, "/f/..%2Fx": 404, "/f/a..b": 404, "/x": 404, "/m/abc": 410, "/m/abc/raw": 410, "/m/abc/body": 410, "/m/abc/part/1/x": 410,
		"/f/": 404, "/assets/x/webmail.css": 404, "/f/INBOX/x": 404,
	} {
		w := h.do("GET", path, nil, visit)
		if w.Code != code {
			t.Errorf("%s: %d, want %d", path, w.Code, code)
		}
		if w.Header().Get("Content-Security-Policy") != pagePolicy || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, w.Header())
		}
		wants(t, w.Body.String(), "<h1>", "Go to the inbox")
	}
	english := locale.Match("en", "")
	for _, kind := range []store.Kind{store.Other, store.NotFound, store.Exists, store.Denied, store.OverQuota, store.InUse, store.Limit,
		store.Gone, store.Corrupt, store.Unavailable, store.Invalid} {
		if p := problems[kind]; p.status == 0 || !english.Has(p.key) || !english.Has(p.key+".title") {
			t.Errorf("nothing to say about %v", kind)
		}
	}
}

// Every answer has a policy, and nothing may be kept.
func TestHeaders(t *testing.T) {
	h := setup(t)
	id := h.add("INBOX", mixedMail, 0, now)
	for _, row := range routes {
		path := strings.TrimPrefix(strings.TrimPrefix(row.pattern, "GET "), "POST ")
		sections := map[string]string{"GET /m/{id}/image/{section}/{name}": "1.2.2", "GET /m/{id}/pdf/{section}/{name}": "3", "GET /m/{id}/view/{section}/{name}": "4"}
		path = strings.NewReplacer("{$}", "", "{mailbox}", "INBOX", "{id}", id, "{section}", cmp.Or(sections[row.pattern], "2"), "{name}", "x").Replace(path)
		if strings.HasSuffix(path, "/body") {
			path += "?section=1.2.1"
		}
		if strings.HasSuffix(path, "/picture") {
			continue // there is none: TestWriteRich
		}
		method, _, ok := strings.Cut(row.pattern, " ")
		if !ok {
			method, path = "GET", "/nothing/here"
		}
		w := h.do(method, path, url.Values{"token": {"t"}, "f": {"INBOX"}}, map[string]string{headerToken: "t"})
		if got := w.Header().Get("Content-Security-Policy"); got != row.policy || !strings.Contains(got, "default-src 'none'") || !strings.Contains(got, "frame-ancestors") {
			t.Errorf("%s: policy %q", row.pattern, got)
		}
		for _, kv := range pageHeaders {
			if got := w.Header().Get(kv[0]); got != kv[1] {
				t.Errorf("%s: %s is %q", row.pattern, kv[0], got)
			}
		}
	}
}

func TestServe(t *testing.T) {
	h := setup(t)
	front, session := net.Pipe()
	done := make(chan error)
	go func() { done <- Serve(session, h.site, slog.New(slog.DiscardHandler)) }()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: &protocols, DialContext: func(context.Context, string, string) (net.Conn, error) { return front, nil }}
	cc, err := tr.NewClientConn(t.Context(), "http", "x:80")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		req := httptest.NewRequest("GET", "http://x/f/INBOX", nil)
		req.RequestURI = ""
		resp, err := cc.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 || resp.ProtoMajor != 2 || !bytes.Contains(body, []byte("Nothing new.")) {
			t.Errorf("%v %s %.100s", err, resp.Status, body)
		}
		resp.Body.Close()
	}
	if err := cc.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the program does not end with its connection")
	}
}
