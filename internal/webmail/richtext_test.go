package webmail

import (
	"encoding/base64"
	"errors"
	"html"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	xhtml "golang.org/x/net/html"

	"fantail/internal/mail"
	"fantail/internal/message"
	"fantail/internal/webmail/compose"
	"fantail/internal/webmail/settings"
)

// dot is a picture of one point.
var dot = func() string {
	b, err := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
	if err != nil {
		panic(err)
	}
	return string(b)
}()

// prefers sets whether new messages are formatted.
func (h *house) prefers(c settings.Compose) {
	h.t.Helper()
	if err := h.site.settings.Change(func(s *settings.Settings) error { s.Compose = c; return nil }); err != nil {
		h.t.Fatal(err)
	}
}

// htmlOf returns the HTML that a page has for the editor.
func htmlOf(t *testing.T, page string) string {
	t.Helper()
	m := regexp.MustCompile(`(?s)<textarea name="html"[^>]*>\n(.*?)</textarea>`).FindStringSubmatch(page)
	if m == nil {
		t.Fatal(page)
	}
	return html.UnescapeString(m[1])
}

// parts describes the tree of a message, and returns its HTML.
func parts(t *testing.T, text string) (tree, markup string) {
	t.Helper()
	root, err := message.Parse(strings.NewReader(text), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var walk func(p *message.Part) string
	walk = func(p *message.Part) string {
		out := p.Subtype
		if p.Is("text", "html") {
			b, err := io.ReadAll(p.Text(strings.NewReader(text), 1<<20))
			if err != nil {
				t.Fatal(err)
			}
			markup = string(b)
		}
		var subs []string
		for _, sub := range p.Parts {
			subs = append(subs, walk(sub))
		}
		if len(subs) > 0 {
			out += "(" + strings.Join(subs, " ") + ")"
		}
		return out
	}
	return walk(root), markup
}

// hostileForm is HTML that no editor of ours sends.
const hostileForm = `<p onclick="x()">Hello <b>there</b><script>alert(1)</script><img src="https://evil.example/x.png"><img src=x onerror=alert(1)><svg onload=alert(1)></svg>` +
	`<a href="javascript:alert(1)">a</a><a href="https://example.org/?a=1&amp;b=2" class=c id=i>b</a><style>p{background:url(https://evil.example)}</style>` +
	`<div style="background:url(https://evil.example/b);color:red;position:fixed">c</div><iframe src="https://evil.example"></iframe><form action="https://evil.example"><input name=x></form>` +
	`<img src="cid:known-picture-1@picture" alt="dot"><img src="cid:unknown@x"><base href="https://evil.example"><meta http-equiv=refresh content="0;url=https://evil.example"><p>end`

// TestWriteRich: formatted text goes through the sanitiser, whoever sends the form, and
// becomes a message with all its forms.
func TestWriteRich(t *testing.T) {
	h, _ := writerHouse(t)
	h.prefers("rich")
	page := h.get("/compose?to=bob@example.org&subject=Hi&body=one%0Atwo")
	wants(t, page, "data-rich", `role="toolbar"`, "<noscript>")
	if got := htmlOf(t, page); !strings.Contains(got, "<div>one</div><div>two</div>") {
		t.Error(got)
	}
	w := h.multipart("/compose", [][2]string{{"token", visit[headerToken]}, {"op", "save"}, {"format", "rich"}, {"to", "bob@example.org"}, {"subject", "Hi"}, {"html", hostileForm}},
		[3]string{"inline:known-picture-1@picture", "dot.png", dot}, [3]string{"files", "note.txt", "noted"})
	if w.Code != 303 {
		t.Fatal(w.Code, w.Body)
	}
	text, _, _ := h.message("Drafts")
	tree, markup := parts(t, text)
	if tree != "mixed(alternative(plain related(html png)) octet-stream)" {
		t.Errorf("%s\n%s", tree, text)
	}
	for _, bad := range []string{"script", "evil.example", "onclick", "onerror", "svg", "javascript", "url(", "position", "iframe", "<form", "<input", "class=", "id=", "unknown@x", "<base", "<meta http-equiv=\"refresh"} {
		if strings.Contains(markup, bad) {
			t.Errorf("%q is in %s", bad, markup)
		}
	}
	wants(t, markup, "<b>there</b>", `href="https://example.org/?a=1&amp;b=2"`, `src="cid:known-picture-1@picture"`, "color:red")
	wants(t, text, "Content-ID: <known-picture-1@picture>", "Content-Disposition: inline; filename=dot.png", "Hello there")

	// The picture is shown by the page that has it, and nothing else is.
	where := strings.Split(w.Header().Get("Location"), "&done=")[0]
	picture := strings.Replace(where, "?", "/picture?", 1)
	got := h.do("GET", picture+"&cid=known-picture-1@picture", nil, visit)
	if got.Code != 200 || got.Header().Get("Content-Type") != "image/png" || got.Body.String() != dot || got.Header().Get("Content-Security-Policy") != filePolicy {
		t.Errorf("%d %v", got.Code, got.Header())
	}
	if got := h.do("GET", picture+"&cid=x", nil, visit); got.Code != 404 {
		t.Errorf("%d", got.Code)
	}
	// Taken up again it is as it was, and without scripts goes on as plain text.
	page = h.get(where)
	wants(t, page, "data-rich", "note.txt", "Hello there")
	if again := htmlOf(t, page); !strings.Contains(markup, strings.TrimSpace(again)) {
		t.Errorf("%s\nis not in %s", again, markup)
	}
	var answer struct {
		Action     string
		HTML, Text *string
		Inline     []string
	}
	form := url.Values{"op": {"save"}, "convert": {"plain"}, "format": {"rich"}, "html": {htmlOf(t, page)}, "subject": {"Hi"}}
	if code := h.json(where, form, &answer); code != 200 || answer.Text == nil || !strings.Contains(*answer.Text, "Hello there") || len(answer.Inline) != 0 {
		t.Fatalf("%d %+v", code, answer)
	}
	form = url.Values{"op": {"save"}, "convert": {"rich"}, "text": {"a\n> b"}, "subject": {"Hi"}}
	if code := h.json(answer.Action, form, &answer); code != 200 || answer.HTML == nil || !strings.Contains(*answer.HTML, "<blockquote") {
		t.Fatalf("%d %+v", code, answer)
	}
	text, _, _ = h.message("Drafts")
	if tree, _ := parts(t, text); tree != "mixed(alternative(plain html) octet-stream)" {
		t.Error(tree)
	}
	// What only says that it is a picture is a file.
	w = h.multipart("/compose", [][2]string{{"token", visit[headerToken]}, {"op", "save"}, {"format", "rich"}, {"html", `<img src="cid:no-picture@picture">`}}, [3]string{"inline:no-picture@picture", "x.png", "<svg onload=alert(1)>"})
	wants(t, h.get(w.Header().Get("Location")), `data-key="0 x.png"`)
	for _, id := range []string{"x", "../../x@picture", "a\r\nb@picture"} {
		w := h.multipart("/compose", [][2]string{{"token", visit[headerToken]}, {"op", "save"}, {"format", "rich"}, {"html", "x"}}, [3]string{"inline:" + id, "dot.png", dot})
		if w.Code < 400 {
			t.Errorf("%q: %d", id, w.Code)
		}
	}
	if w := h.post("/compose", url.Values{"op": {"save"}, "format": {"rich"}, "html": {strings.Repeat("<div>", 5000)}}); w.Code != 422 {
		t.Errorf("too deep: %d", w.Code)
	}
}

// TestAnswerRich: what is quoted keeps its form and its pictures, and is harmless.
func TestAnswerRich(t *testing.T) {
	h, _ := writerHouse(t)
	h.prefers("rich")
	id := h.add(mail.Inbox, "From: Bob <bob@example.org>\nTo: demo@example.org\nSubject: Question\nMessage-ID: <q@example.org>\nContent-Type: multipart/related; boundary=x\n\n--x\nContent-Type: text/html\n\n"+
		"<style>p{color:green}</style><p style='color:#d0342c'>Well <i>then</i>?<script>alert(1)</script><img src='cid:a%20b@x'><img src='cid:pic@x'><img src='https://evil.example/1'></p>\n"+
		"--x\nContent-Type: image/png\nContent-ID: <pic@x>\nContent-Transfer-Encoding: base64\n\n"+base64.StdEncoding.EncodeToString([]byte(dot))+"\n--x--\n", 0, now)
	page := h.get("/compose?reply=" + id + "&f=INBOX")
	quoted := htmlOf(t, page)
	wants(t, quoted, `<blockquote type="cite"`, "color:#d0342c", "<i>then</i>", `src="cid:pic@x"`)
	lacks(t, quoted, "script", "evil.example", "<style", "a%20b")
	wants(t, page, "&gt; Well then?") // without scripts
	got := h.do("GET", "/compose/picture?reply="+id+"&f=INBOX&cid=pic@x", nil, visit)
	if got.Code != 200 || got.Body.String() != dot {
		t.Errorf("%d", got.Code)
	}
	w := h.post(formOf(t, page), url.Values{"op": {"send"}, "format": {"rich"}, "to": {"bob@example.org"}, "subject": {"Re: Question"}, "html": {"<div>Yes, see the attached.</div>" + quoted}})
	if w.Code != 200 || !strings.Contains(w.Body.String(), "speaks of an attachment") {
		t.Errorf("a picture that is quoted counts as a file: %d", w.Code)
	}
	text, _, _ := h.message("Drafts")
	if tree, _ := parts(t, text); tree != "alternative(plain related(html png))" {
		t.Errorf("%s\n%s", tree, text)
	}
	h.prefers("")
	page = h.get("/compose?reply=" + id + "&f=INBOX")
	lacks(t, page, "data-rich")
	wants(t, page, "&gt; Well then?")
}

// TestForeignRichDraft: a draft of another program is cleaned before it is shown.
func TestForeignRichDraft(t *testing.T) {
	h, _ := writerHouse(t)
	if err := h.acct.Create(t.Context(), "Drafts", `\Drafts`); err != nil {
		t.Fatal(err)
	}
	id := h.add("Drafts", "From: demo@example.org\nSubject: x\nContent-Type: text/html\n\n"+hostileForm+"\n", mail.Draft, now)
	got := htmlOf(t, h.get("/compose/"+id+"?f=Drafts"))
	wants(t, got, "<b>there</b>")
	lacks(t, got, "script", "evil.example", "onerror", "cid:")
}

// FuzzWrittenHTML: whatever a form says, what is sent has elements and attributes of a list,
// loads nothing, and is its own clean form.
func FuzzWrittenHTML(f *testing.F) {
	f.Add(hostileForm)
	f.Add(`<blockquote type="cite"><div>a<br></div></blockquote><span style="font-size:20px;color:#d0342c">x</span>`)
	f.Add(`<img src="data:image/png;base64,` + base64.StdEncoding.EncodeToString([]byte(dot)) + `"><a href=" java&#10;script:x">y</a>`)
	f.Add("<table><tr><td background=x><font color=red face='a,b'>x<pre>\n\ny")
	at := time.Date(2026, 11, 12, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 1<<15 {
			return
		}
		d := &writing{Begun: &compose.Begun{}}
		d.From.Local, d.From.Domain, d.Inline = "demo", "example.org", []compose.File{{ID: "known@picture"}}
		err := d.setHTML(src)
		var known *problem
		if errors.As(err, &known) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		checkSent(t, d)
		was := d.HTML
		if err := d.setHTML(was); err != nil || d.HTML != was {
			t.Fatalf("%v: %q\nbecomes %q", err, was, d.HTML)
		}
		d.Date, d.MessageID = at, "<x@example.org>"
		for i := range d.Inline {
			if d.Inline[i].Open == nil {
				d.Inline[i].Open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(dot)), nil }
			}
		}
		built, err := d.Build(compose.Output{Form: compose.ForDrafts})
		if err == nil {
			_, err = built.WriteTo(io.Discard)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

// checkSent looks at HTML that is to be sent.
func checkSent(t *testing.T, d *writing) {
	t.Helper()
	for z := xhtml.NewTokenizer(strings.NewReader(d.HTML)); ; {
		kind := z.Next()
		if kind == xhtml.ErrorToken {
			return
		}
		if kind != xhtml.StartTagToken && kind != xhtml.SelfClosingTagToken {
			continue
		}
		tag := z.Token()
		if strings.Contains(" script style svg math iframe object embed form input link meta base video audio source ", " "+tag.Data+" ") {
			t.Fatalf("<%s> in %q", tag.Data, d.HTML)
		}
		for _, a := range tag.Attr {
			value := strings.ToLower(a.Val)
			bad := strings.HasPrefix(a.Key, "on") || slices.Contains([]string{"class", "id", "srcset", "background", "action"}, a.Key)
			switch a.Key {
			case "src":
				bad = !strings.HasPrefix(value, "cid:")
			case "href":
				bad = !strings.HasPrefix(value, "http://") && !strings.HasPrefix(value, "https://") && !strings.HasPrefix(value, "mailto:") && !strings.HasPrefix(value, "tel:")
			case "style":
				bad = strings.Contains(value, "url") || strings.Contains(value, "expression")
			}
			if bad {
				t.Fatalf("%s=%q in %q", a.Key, a.Val, d.HTML)
			}
		}
	}
}
