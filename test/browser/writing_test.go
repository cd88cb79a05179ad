package browser

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"fantail/internal/store"
)

// drafts returns the messages of Drafts as they are on disk, the oldest first.
func (s *server) drafts(t *testing.T) []string {
	t.Helper()
	return messagesOf(t, s.another(t), "Drafts")
}

func messagesOf(t *testing.T, a *store.Account, mailbox string) []string {
	t.Helper()
	mb, snap := inbox(t, a, mailbox)
	var out []string
	for i := range snap.Len() {
		f, err := mb.OpenMessage(t.Context(), snap.UID(i))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		out = append(out, string(text))
	}
	return out
}

// oneDraft waits until there is one draft more than there were, with these words.
func (s *server) oneDraft(t *testing.T, before int, words ...string) string {
	t.Helper()
	var last []string
	for range 150 {
		last = s.drafts(t)
		all := len(last) == before+1
		for _, w := range words {
			all = all && strings.Contains(last[before], w)
		}
		if all {
			return last[before]
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%d drafts, %d before; never %q in\n%s", len(last), before, words, last[len(last)-1])
	return ""
}

// sent waits for what was given to the mail server. As the superuser, for whom nothing is
// sent, it is what waits to be.
func (s *server) sent(t *testing.T, n int) []string {
	t.Helper()
	where := filepath.Join(s.home, "sent", "*")
	if os.Geteuid() == 0 {
		where = filepath.Join(s.home, "Maildir", "fantail-webmail", "outbox", "queued", "*", "message")
	}
	for range 200 {
		var out []string
		list, err := filepath.Glob(where)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range list {
			if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), "\n\n") {
				out = append(out, string(text))
			}
		}
		if len(out) >= n {
			return out
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%d messages were never sent\n%s", n, s.log)
	return nil
}

// configure writes the account's settings.
func (s *server) configure(t *testing.T, json string) {
	t.Helper()
	own := filepath.Join(s.home, "Maildir", "fantail-webmail")
	if err := os.MkdirAll(own, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, own, "settings.json", json)
}

// offered fires an event with a file, as dropping and pasting do.
func offered(kind, target, name, content string) string {
	return fmt.Sprintf(`(() => {
		const bytes = Uint8Array.from(atob(%q), c => c.charCodeAt(0)), data = new DataTransfer();
		data.items.add(new File([bytes], %q, {type: %[2]q.endsWith('.png') ? 'image/png' : 'text/plain'}));
		const to = %s, o = {bubbles: true, cancelable: true, composed: true};
		if (%q === 'paste') to.dispatchEvent(new ClipboardEvent('paste', {...o, clipboardData: data}));
		else for (const type of ['dragenter', 'dragover', 'drop']) to.dispatchEvent(new DragEvent(type, {...o, dataTransfer: data}));
		return true;
	})()`, base64.StdEncoding.EncodeToString([]byte(content)), name, target, kind)
}

const inWriting = "document.querySelector('.writing.live') !== null && document.documentElement.dataset.scripts === 'on'"

func focus(t *testing.T, ctx context.Context, selector string) {
	t.Helper()
	eval[bool](t, ctx, fmt.Sprintf("(document.querySelector(%q).focus(), true)", selector))
}

func typed(t *testing.T, ctx context.Context, text string) {
	t.Helper()
	do(t, ctx, "type", chromedp.KeyEvent(text))
}

const saved = "document.querySelector('[data-saved]').innerText.startsWith('Saved')"

// Somebody writes with scripts: recipients by the keyboard, files, a draft that is always one,
// sending, and thinking again.
func TestWriting(t *testing.T) {
	ctx := chromium(t)
	s := start(t, numbered(1)...)
	own := filepath.Join(s.home, "Maildir", "fantail-webmail")
	if err := os.MkdirAll(filepath.Join(own, "contacts"), 0o700); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"Zoe Young", "Zachary Olson", "Doe, Zora"} {
		write(t, filepath.Join(own, "contacts"), fmt.Sprintf("c%d.vcf", i), "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:c"+fmt.Sprint(i)+"\r\nFN:"+strings.ReplaceAll(name, ",", "\\,")+"\r\nEMAIL:"+strings.ToLower(strings.Fields(name)[0][:3])+"@example.net\r\nEND:VCARD\r\n")
	}
	s.configure(t, `{"undoSend":5,"identities":[{"name":"Demo Person","address":"demo@example.org"}]}`)
	s.login(t, ctx)
	before := len(s.drafts(t))
	do(t, ctx, "compose", chromedp.Click(chromedp.CSS("a.new")))
	until(t, ctx, inWriting)

	// Recipients.
	if got := eval[string](t, ctx, "document.activeElement.id + document.activeElement.role"); got != "tocombobox" {
		t.Errorf("typing begins in %q", got)
	}
	typed(t, ctx, "z")
	until(t, ctx, "document.querySelectorAll('#to-offers [role=option]').length === 3 && document.querySelector('#to').ariaExpanded === 'true'")
	look(t, ctx, "completion", "light", 1280, everything)
	press(t, ctx, "\ue015") // arrow down
	second := eval[string](t, ctx, "document.querySelector('#to-offers [aria-selected=true] .muted').innerText")
	if got := eval[string](t, ctx, "document.getElementById(document.querySelector('#to').getAttribute('aria-activedescendant')).querySelector('.muted').innerText"); got != second {
		t.Errorf("%q is active, %q looks it", got, second)
	}
	press(t, ctx, "\r")
	until(t, ctx, "document.querySelector('#to').value.includes('"+second+"') && document.querySelector('#to-offers').hidden")
	typed(t, ctx, "zora")
	until(t, ctx, "document.querySelectorAll('#to-offers [role=option]').length === 1")
	press(t, ctx, "\t")
	until(t, ctx, `document.querySelector('#to').value.endsWith('"Doe, Zora" <doe@example.net>, ')`)
	if got := eval[string](t, ctx, "document.activeElement.id"); got != "to" {
		t.Errorf("after accepting the cursor is in %q", got)
	}
	press(t, ctx, "\r")
	if got := eval[string](t, ctx, "document.activeElement.id"); got != "subject" {
		t.Errorf("Enter leads to %q", got)
	}
	typed(t, ctx, "Plans")
	focus(t, ctx, "#text")
	typed(t, ctx, "See the attached file.")

	// It is saved by itself, once.
	s.oneDraft(t, before, "Subject: Plans\n", "See the attached file.")
	typed(t, ctx, " More of it.")
	s.oneDraft(t, before, "More of it.")

	// It asks for the file that is missing.
	do(t, ctx, "send", chromedp.Click(chromedp.CSS(".send .button")))
	until(t, ctx, "document.querySelector('dialog.doubts[open]') !== null")
	if got := eval[string](t, ctx, "document.querySelector('dialog.doubts').innerText"); !strings.Contains(got, "attachment") || !strings.Contains(got, "Send anyway") {
		t.Errorf("the doubts: %s", got)
	}
	look(t, ctx, "doubts", "light", 1280, everything)
	press(t, ctx, "\x1b")
	until(t, ctx, "document.querySelector('dialog.doubts') === null")

	// Files: dropped, pasted, one that is too large, one that is taken away.
	eval[bool](t, ctx, offered("drop", "document.querySelector('h1')", "plan.txt", "the plan"))
	until(t, ctx, "document.querySelectorAll('.attached li:not(.coming)').length === 1")
	eval[bool](t, ctx, offered("paste", "document.querySelector('#text')", "picture.png", samplePicture))
	until(t, ctx, "document.querySelectorAll('.attached li:not(.coming)').length === 2")
	eval[bool](t, ctx, `(() => { const d = new DataTransfer(); d.items.add(new File([new Uint8Array(21e6)], 'film.mov'));
		document.dispatchEvent(new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: d})); return true })()`)
	until(t, ctx, "document.querySelector('.toast')?.innerText.includes('film.mov is not attached')")
	s.oneDraft(t, before, "filename=plan.txt", "filename=picture.png")
	look(t, ctx, "written", "light", 1280, everything)
	eval[bool](t, ctx, "(document.querySelector('.attached li:nth-child(2) input[name=drop]').click(), true)")
	until(t, ctx, "document.querySelectorAll('.attached li').length === 1")
	list := s.drafts(t)
	if len(list) != before+1 || strings.Contains(list[before], "picture.png") {
		t.Error("the file is still there")
	}

	// Sent, and taken back.
	focus(t, ctx, "#text")
	eval[bool](t, ctx, "(document.querySelector('#text').dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', ctrlKey: true, bubbles: true, cancelable: true})), true)")
	until(t, ctx, "location.pathname === '/f/INBOX' && document.querySelector('.toast .undo .left') !== null")
	if !eval[bool](t, ctx, "document.querySelector('.folders [data-outbox]') !== null") {
		t.Error("nothing leads to the outbox")
	}
	look(t, ctx, "undo", "light", 1280, everything)
	do(t, ctx, "undo", chromedp.Click(chromedp.CSS(".toast .undo")))
	until(t, ctx, "location.pathname.startsWith('/compose/') && "+inWriting)
	if got := eval[string](t, ctx, "document.querySelector('#subject').value"); got != "Plans" {
		t.Errorf("the draft has the subject %q", got)
	}
	do(t, ctx, "send", chromedp.Click(chromedp.CSS(".send .button")))
	until(t, ctx, "location.pathname === '/f/INBOX' && document.readyState === 'complete'")
	message := s.sent(t, 1)[0]
	for _, want := range []string{"zoe@example.net", "doe@example.net", "From: Demo Person <demo@example.org>\n", "filename=plan.txt", "See the attached file."} {
		if want == "zoe@example.net" {
			want = second
		}
		if !strings.Contains(message, want) {
			t.Errorf("%q is not in what was sent:\n%s", want, message)
		}
	}
	for range 100 {
		if list = s.drafts(t); len(list) == before || os.Geteuid() == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if len(list) != before && os.Geteuid() != 0 {
		t.Errorf("%d drafts, %d before", len(list), before)
	}
	if n := len(s.sent(t, 1)); n != 1 {
		t.Errorf("%d messages were sent", n)
	}
	// Those who were written to come first now.
	do(t, ctx, "compose", chromedp.Navigate(s.url+"/compose"))
	until(t, ctx, inWriting)
	typed(t, ctx, "z")
	until(t, ctx, "document.querySelectorAll('#to-offers [role=option]').length === 3")
	if got := eval[string](t, ctx, "document.querySelector('#to-offers [role=option]:last-child').innerText"); strings.Contains(got, "doe@") || strings.Contains(got, second) {
		t.Errorf("%q is the last one", got)
	}
}

// samplePicture is a PNG of one point.
var samplePicture = func() string {
	b, err := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
	if err != nil {
		panic(err)
	}
	return string(b)
}()

// Two windows with the same draft: nobody's words are lost.
func TestWritingTwice(t *testing.T) {
	ctx := chromium(t)
	s := start(t)
	s.login(t, ctx)
	before := len(s.drafts(t))
	do(t, ctx, "compose", chromedp.Navigate(s.url+"/compose?to=ann@example.org&subject=Twice"))
	until(t, ctx, inWriting)
	focus(t, ctx, "#text")
	typed(t, ctx, "first")
	until(t, ctx, saved)
	// The other window.
	eval[bool](t, ctx, `(() => {
		const f = new FormData(document.querySelector('.writing'));
		f.set('op', 'save'); f.set('text', 'the other');
		fetch(location.href, {method: 'POST', body: f, headers: {Accept: 'application/json'}}).then(a => { window.other = a.ok; });
		return true;
	})()`)
	until(t, ctx, "window.other === true")
	typed(t, ctx, ", second")
	until(t, ctx, "document.querySelector('.notice.live') !== null")
	look(t, ctx, "conflict", "light", 1280, everything)
	do(t, ctx, "keep", chromedp.Click(chromedp.CSS(".notice.live .button")))
	until(t, ctx, saved)
	list := s.drafts(t)
	if len(list) != before+2 || !strings.Contains(strings.Join(list, ""), "\nfirst, second\n") || !strings.Contains(strings.Join(list, ""), "\nthe other\n") {
		t.Errorf("%d drafts, %d before:\n%s", len(list), before, list[len(list)-1])
	}
}

// The same without scripts.
func TestWritingPlainly(t *testing.T) {
	ctx := chromium(t)
	at := time.Now().Add(-time.Minute)
	s := start(t, htmlMessage("A question", "<p>Shall <b>we</b>?</p>", at))
	s.configure(t, `{"undoSend":5}`)
	withoutScripts(t, ctx)
	s.login(t, ctx)
	before := len(s.drafts(t))
	do(t, ctx, "open", chromedp.Click(chromedp.CSS(".messages li a")))
	until(t, ctx, "document.querySelector('a[href^=\"/compose?reply=\"]') !== null")
	do(t, ctx, "reply", chromedp.Click(chromedp.CSS("a[href^='/compose?reply=']")))
	until(t, ctx, "document.querySelector('#text')?.value.includes('> Shall we?') && document.readyState === 'complete'")
	eval[bool](t, ctx, "(e => { e.focus(); e.setSelectionRange(0, 0); return true })(document.querySelector('#text'))")
	typed(t, ctx, "Gladly.")
	look(t, ctx, "plain-reply", "light", 1280, everything)
	do(t, ctx, "save", chromedp.Click(chromedp.CSS(".send .save")))
	until(t, ctx, "location.pathname.startsWith('/compose/') && document.readyState === 'complete'")
	if list := s.drafts(t); len(list) != before+1 || !strings.Contains(list[before], "In-Reply-To") && !strings.Contains(list[before], "Gladly.") {
		t.Fatalf("%d drafts, %d before", len(list), before)
	}
	file := write(t, t.TempDir(), "list.txt", "one\n")
	do(t, ctx, "attach", chromedp.SetUploadFiles(chromedp.CSS("#files"), []string{file}))
	do(t, ctx, "send", chromedp.Click(chromedp.CSS(".send .button")))
	until(t, ctx, "document.querySelector('.toast .undo') !== null && document.readyState === 'complete'")
	do(t, ctx, "undo", chromedp.Click(chromedp.CSS(".toast .undo")))
	until(t, ctx, "location.pathname.startsWith('/compose/') && document.querySelector('.attached')?.innerText.includes('list.txt')")
	do(t, ctx, "drafts", chromedp.Navigate(s.url+"/f/Drafts"), chromedp.Click(chromedp.CSS(".messages li a")))
	until(t, ctx, "location.pathname.startsWith('/compose/') && document.querySelector('#subject')?.value === 'Re: A question'")
	do(t, ctx, "send again", chromedp.Click(chromedp.CSS(".send .button")))
	message := s.sent(t, 1)[0]
	if !strings.Contains(message, "Gladly.") || !strings.Contains(message, "> Shall we?") || !strings.Contains(message, "filename=list.txt") || !strings.Contains(message, "mallory@evil.example") {
		t.Errorf("sent:\n%s", message)
	}
}

// inEditorOf evaluates in the document of the editor.
func inEditorOf[T any](t *testing.T, ctx context.Context, js string) T {
	t.Helper()
	return eval[T](t, ctx, "(doc => "+js+")(document.querySelector('iframe.editor').contentDocument)")
}

const inEditor = inWriting + " && document.querySelector('.writing.rich iframe.editor')?.contentDocument.body.isContentEditable === true"

// pasted fires a paste with HTML in the editor.
func pasted(html string) string {
	return fmt.Sprintf(`(() => { const data = new DataTransfer(); data.setData('text/html', %q);
		const w = document.querySelector('iframe.editor').contentWindow;
		w.document.body.dispatchEvent(new w.ClipboardEvent('paste', {bubbles: true, cancelable: true, clipboardData: data})); return true })()`, html)
}

// Somebody writes formatted text: by keys and buttons, with a picture, and pastes what is
// hostile, which does nothing here and is not sent.
func TestWritingRich(t *testing.T) {
	ctx := chromium(t)
	s := start(t)
	c := newCanary(t)
	s.configure(t, `{"undoSend":5,"compose":"rich","identities":[{"name":"Demo Person","address":"demo@example.org","signature":"Demo"}]}`)
	s.login(t, ctx)
	before := len(s.drafts(t))
	do(t, ctx, "compose", chromedp.Navigate(s.url+"/compose?to=ann@example.org&subject=Formatted"))
	until(t, ctx, inEditor)
	until(t, ctx, "document.activeElement.className === 'editor'")
	typed(t, ctx, "Hello ")
	press := func(button string) {
		t.Helper()
		do(t, ctx, button, chromedp.Click(chromedp.CSS(".toolbar [data-do="+button+"]")))
	}
	press("bold")
	until(t, ctx, "document.querySelector('[data-do=bold]').ariaPressed === 'true'")
	typed(t, ctx, "bold")
	press("bold")
	typed(t, ctx, " and ")
	press("link")
	until(t, ctx, "document.querySelector('dialog.ask[open] input') !== null")
	typed(t, ctx, "example.org/place\r")
	until(t, ctx, "document.querySelector('dialog.ask') === null")
	typed(t, ctx, " end")
	if got := inEditorOf[string](t, ctx, "doc.body.innerHTML"); !strings.Contains(got, "<b>bold</b>") || !strings.Contains(got, `href="https://example.org/place"`) {
		t.Errorf("the editor has %s", got)
	}
	s.oneDraft(t, before, "<b>bold</b>", "https://example.org/place", "multipart/alternative")

	// What is hostile.
	eval[bool](t, ctx, "(window.ran = false, true)")
	hostile := strings.ReplaceAll(`<p>pasted<script>top.ran=true;parent.ran=true</script><img src=x onerror="top.ran=true"><img src="C/1/img.png"><svg onload="top.ran=true"><image href="C/1/svg"/></svg>`+
		`<a href="javascript:top.ran=true" onclick="top.ran=true">link</a><iframe srcdoc="<script>top.ran=true</script>" src="C/1/frame"></iframe><style>@import url(C/1/css);</style><link rel=stylesheet href="C/1/link">`+
		`<div style="background:url(C/1/bg);color:red" onmouseover="top.ran=true">red</div><form action="C/1/form"><input autofocus onfocus="top.ran=true"></form><video src="C/1/video" poster="C/1/poster"></video><base href="C/1/"><object data="C/1/object"></object><meta http-equiv=refresh content="0;url=C/1/meta">`, "C/", c.url+"/")
	eval[bool](t, ctx, pasted(hostile))
	until(t, ctx, "document.querySelector('iframe.editor').contentDocument.body.innerText.includes('pasted')")
	eval[bool](t, ctx, pasted(`<img src="data:image/png;base64,`+base64.StdEncoding.EncodeToString([]byte(samplePicture))+`" alt="dot">`))
	until(t, ctx, "document.querySelector('iframe.editor').contentDocument.querySelector('img[src^=blob]')?.naturalWidth === 1")
	eval[bool](t, ctx, offered("drop", "document.querySelector('iframe.editor').contentDocument.body", "second.png", samplePicture))
	until(t, ctx, "document.querySelector('iframe.editor').contentDocument.querySelectorAll('img[src^=blob]').length === 2")
	draft := s.oneDraft(t, before, "multipart/related", "pasted", "filename=second.png")
	for _, bad := range []string{"script", "onerror", "javascript", c.url, "url(", "<form", "<iframe", "blob:"} {
		if strings.Contains(draft, bad) {
			t.Errorf("%q is in the draft:\n%s", bad, draft)
		}
	}
	if strings.Count(strings.ReplaceAll(draft, "=\n", ""), `src=3D"cid:`) != 2 || strings.Count(draft, "Content-ID:") != 2 {
		t.Errorf("two pictures are in\n%s", draft)
	}
	time.Sleep(500 * time.Millisecond)
	if hits, knocks := c.take(); len(hits) > 0 || knocks > 0 || eval[bool](t, ctx, "window.ran") {
		t.Errorf("heard %v, %d knocks; ran %v", hits, knocks, eval[bool](t, ctx, "window.ran"))
	}
	look(t, ctx, "rich", "light", 1280, everything)

	// Taken up again it is as it was; plain is asked for.
	do(t, ctx, "reload", chromedp.Reload())
	until(t, ctx, inEditor+" && document.querySelector('iframe.editor').contentDocument.querySelectorAll('img[src^=blob]').length === 2")
	until(t, ctx, "[...document.querySelector('iframe.editor').contentDocument.querySelectorAll('img')].every(e => e.naturalWidth === 1)")
	do(t, ctx, "send", chromedp.Click(chromedp.CSS(".send .button")))
	until(t, ctx, "location.pathname === '/f/INBOX' && document.readyState === 'complete'")
	message := s.sent(t, 1)[0]
	for _, want := range []string{"multipart/alternative", "multipart/related", "<b>bold</b>", "Hello bold and", "text/plain; charset=utf-8; format=flowed", "Content-Disposition: inline", "-- \nDemo"} {
		if !strings.Contains(message, want) {
			t.Errorf("%q is not in\n%s", want, message)
		}
	}

	// Over to plain text, and back.
	do(t, ctx, "compose", chromedp.Navigate(s.url+"/compose?to=ann@example.org"))
	until(t, ctx, inEditor)
	focusFrame := "(document.querySelector('iframe.editor').contentDocument.body.focus(), true)"
	eval[bool](t, ctx, focusFrame)
	typed(t, ctx, "only words")
	do(t, ctx, "plain", chromedp.Click(chromedp.CSS(".send .format")))
	until(t, ctx, "document.querySelector('#text').value.startsWith('only words') && document.querySelector('iframe.editor') === null && !document.querySelector('#text').hidden")
	do(t, ctx, "rich", chromedp.Click(chromedp.CSS(".send .format")))
	until(t, ctx, inEditor+" && document.querySelector('iframe.editor').contentDocument.body.innerText.startsWith('only words')")
	eval[bool](t, ctx, "document.querySelector('iframe.editor').contentDocument.execCommand('selectAll')")
	press("bold")
	do(t, ctx, "plain", chromedp.Click(chromedp.CSS(".send .format")))
	until(t, ctx, "document.querySelector('dialog.ask[open]')?.innerText.includes('is lost')")
}

// Somebody answers a formatted message with a picture.
func TestWritingRichAnswer(t *testing.T) {
	ctx := chromium(t)
	at := time.Now().Add(-time.Minute)
	c := newCanary(t)
	m := htmlMessage("Colours", "", at)
	m.Data = []byte("From: Ann <ann@example.net>\nTo: demo@example.org\nSubject: Colours\nMessage-ID: <colours@example.net>\nDate: " + at.Format(time.RFC1123Z) + "\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html; charset=utf-8\n\n" +
		"<html><head><style>p{color:green}</style></head><body><p style=\"color:#d0342c\" onclick=\"alert(1)\">What about <b>this</b>?</p><img src=\"cid:pic@example.net\" alt=\"a dot\"><img src=\"" + c.url + "/1/remote.png\"><script>alert(1)</script></body></html>\n" +
		"--b\nContent-Type: image/png\nContent-ID: <pic@example.net>\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(samplePicture)) + "\n--b--\n")
	s := start(t, m)
	s.configure(t, `{"undoSend":5,"compose":"rich"}`)
	s.login(t, ctx)
	do(t, ctx, "open", chromedp.Click(chromedp.CSS(".messages li a")))
	until(t, ctx, "document.querySelector('a[href^=\"/compose?reply=\"]') !== null")
	do(t, ctx, "reply", chromedp.Click(chromedp.CSS("a[href^='/compose?reply=']")))
	until(t, ctx, inEditor+" && document.querySelector('iframe.editor').contentDocument.querySelector('blockquote img[src^=blob]')?.naturalWidth === 1")
	until(t, ctx, "document.activeElement.className === 'editor'")
	typed(t, ctx, "I like it.")
	for _, scheme := range []string{"light", "dark"} {
		media(t, ctx, scheme)
		for _, width := range []int64{1280, 390} {
			do(t, ctx, "resize", chromedp.EmulateViewport(width, 844))
			look(t, ctx, "rich-answer", scheme, width, everything)
		}
	}
	do(t, ctx, "resize", chromedp.EmulateViewport(1280, 844))
	do(t, ctx, "send", chromedp.Click(chromedp.CSS(".send .button")))
	message := s.sent(t, 1)[0]
	for _, want := range []string{"In-Reply-To: <colours@example.net>", "I like it.", "<blockquote type=\"cite\"", "color:#d0342c", "<b>this</b>", "cid:pic@example.net", "Content-ID: <pic@example.net>", "> What about this?"} {
		if !strings.Contains(strings.ReplaceAll(message, "=\n", ""), want) && !strings.Contains(message, strings.ReplaceAll(want, "=", "=3D")) {
			t.Errorf("%q is not in\n%s", want, message)
		}
	}
	if strings.Contains(message, c.url) || strings.Contains(message, "onclick") || strings.Contains(message, "<script") {
		t.Errorf("what must not be is in\n%s", message)
	}
	if hits, knocks := c.take(); len(hits) > 0 || knocks > 0 {
		t.Errorf("heard %v, %d knocks", hits, knocks)
	}
}

// Another identity signs in its own way; what was thrown away unsaved can be had back.
func TestWritingAs(t *testing.T) {
	ctx := chromium(t)
	s := start(t)
	s.configure(t, `{"identities":[{"name":"Demo Person","address":"demo@example.org","signature":"Demo $& Person"},{"name":"Info","address":"demo+info@example.org","signature":"The office\nat work"}]}`)
	s.login(t, ctx)
	do(t, ctx, "compose", chromedp.Navigate(s.url+"/compose?to=ann@example.org"))
	until(t, ctx, inWriting)
	focus(t, ctx, "#text")
	typed(t, ctx, "Hello")
	choose := func(i int) {
		t.Helper()
		eval[bool](t, ctx, fmt.Sprintf("(e => { e.selectedIndex = %d; return e.dispatchEvent(new Event('change', {bubbles: true})) })(document.querySelector('#identity'))", i))
	}
	for i, want := range []string{"Hello\n\n-- \nThe office\nat work", "Hello\n\n-- \nDemo $& Person"} {
		choose(1 - i)
		if got := eval[string](t, ctx, "document.querySelector('#text').value"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	do(t, ctx, "discard", chromedp.Click(chromedp.CSS(".send .discard")))
	until(t, ctx, "location.pathname === '/f/INBOX' && document.querySelector('.toast .undo') !== null && document.readyState === 'complete'")
	do(t, ctx, "undo", chromedp.Click(chromedp.CSS(".toast .undo")))
	until(t, ctx, "location.pathname.startsWith('/compose/') && document.querySelector('#text')?.value.startsWith('Hello')")
}

// The pages of writing in every way that they are seen.
func TestWritingScreens(t *testing.T) {
	ctx := chromium(t)
	s := start(t)
	for _, language := range []string{"en", "ar"} {
		s.configure(t, `{"undoSend":5,"language":"`+language+`","identities":[{"name":"Demo Person","address":"demo@example.org"},{"name":"Info","address":"demo+info@example.org"}]}`)
		if language == "en" {
			s.login(t, ctx)
			c := s.client(t)
			page := fetch(t, c, s.url+"/compose")
			token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(page)
			if token == nil {
				t.Fatal(page)
			}
			for _, subject := range []string{"Tomorrow’s meeting", "Wishes"} {
				resp, err := c.PostForm(s.url+"/compose", url.Values{"token": {token[1]}, "op": {"later:" + time.Now().AddDate(0, 1, 0).Format("2006-01-02T15:04")}, "to": {"Ann Lee <ann@example.org>"}, "subject": {subject}, "text": {"x"}})
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
			}
			notices := filepath.Join(s.home, "Maildir", "fantail-webmail", "outbox", "notices")
			write(t, notices, "abc.json", `{"kind":"message","reason":"refused","said":"550 5.1.1 <bob@example.net>: Recipient address rejected: User unknown","subject":"Budget","to":["bob@example.net"],"time":"`+time.Now().Format(time.RFC3339)+`"}`)
		}
		for _, scheme := range []string{"light", "dark"} {
			media(t, ctx, scheme)
			for _, width := range []int64{1280, 390} {
				do(t, ctx, "resize", chromedp.EmulateViewport(width, 844))
				do(t, ctx, "compose", chromedp.Navigate(s.url+"/compose?to=ann@example.org&cc=ben@example.org&subject=Plans&body=Hello"))
				until(t, ctx, inWriting+" && document.readyState === 'complete'")
				eval[bool](t, ctx, offered("drop", "document.querySelector('h1')", "plan.txt", "the plan"))
				until(t, ctx, "document.querySelectorAll('.attached li:not(.coming)').length === 1")
				look(t, ctx, "compose", scheme, width, everything)
				eval[bool](t, ctx, "(document.querySelector('.later').open = true)")
				look(t, ctx, "later", scheme, width, everything)
				do(t, ctx, "outbox", chromedp.Navigate(s.url+"/outbox"))
				until(t, ctx, "document.querySelectorAll('.waiting li').length === 2 && document.querySelector('.outbox .notice') !== null && document.readyState === 'complete'")
				look(t, ctx, "outbox", scheme, width, everything)
			}
		}
	}
	do(t, ctx, "drafts", chromedp.EmulateViewport(1280, 844), chromedp.Navigate(s.url+"/f/Drafts"))
	until(t, ctx, "document.querySelector('.messages li') !== null")
	look(t, ctx, "drafts", "dark", 1280, everything)
}
