package webmail

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"fantail/internal/mail"
	"fantail/internal/message"
	"fantail/internal/store"
	"fantail/internal/webmail/settings"
)

// fakeOutbox remembers what it was given.
type fakeOutbox struct {
	from       string
	recipients []string
	message    string
	left       []string
}

func (o *fakeOutbox) Send(_ context.Context, from string, recipients []string, m io.WriterTo) error {
	var b bytes.Buffer
	_, err := m.WriteTo(&b)
	o.from, o.recipients, o.message = from, recipients, b.String()
	return err
}

func (o *fakeOutbox) Unsubscribe(_ context.Context, url string) error {
	o.left = append(o.left, url)
	return nil
}

// reader is a house whose mail server is mx.example.org, and which can send.
func reader(t *testing.T) (*house, *fakeOutbox) {
	h, o := setup(t), new(fakeOutbox)
	h.site.authority, h.site.outbox = "mx.example.org", o
	return h, o
}

// choose changes the settings.
func (h *house) choose(change func(*settings.Settings)) {
	h.t.Helper()
	if err := h.site.settings.Change(func(s *settings.Settings) error { change(s); return nil }); err != nil {
		h.t.Fatal(err)
	}
}

// says posts a form, follows it, and returns the page that it leads to.
func (h *house) says(path string, form url.Values) string {
	h.t.Helper()
	w := h.post(path, form)
	if w.Code != 303 {
		h.t.Fatalf("POST %s: %d %s", path, w.Code, w.Body)
	}
	return h.get(w.Header().Get("Location"))
}

// TestConversation: a question, my answer in Sent, an answer to that in another folder, and
// what was thrown away.
func TestConversation(t *testing.T) {
	h := setup(t)
	ctx := context.Background()
	for name, use := range map[string]string{"Sent": `\Sent`, "Projects": "", "Trash": `\Trash`} {
		var uses []string
		if use != "" {
			uses = []string{use}
		}
		if err := h.acct.Create(ctx, name, uses...); err != nil && store.KindOf(err) != store.Exists {
			t.Fatal(err)
		}
	}
	letter := func(from, subject, id, refs, body string, hour int) string {
		return fmt.Sprintf("From: %s\nTo: demo@example.org\nSubject: %s\nMessage-ID: <%s>\nReferences: %s\nDate: Thu, 12 Nov 2026 %02d:00:00 +0000\n\n%s\n", from, subject, id, refs, hour, body)
	}
	first := h.add("INBOX", letter("ann@example.org", "Plan", "1@x", "", "the first words", 8), mail.Seen, now)
	h.add("Sent", letter("demo@example.org", "Re: Plan", "2@x", "<1@x>", "my answer", 9), mail.Seen, now)
	third := h.add("Projects", letter("ben@example.org", "Re: Plan", "3@x", "<1@x> <2@x>", "the third words", 10), 0, now)
	h.add("Trash", letter("ann@example.org", "Re: Plan", "4@x", "<1@x>", "thrown away", 11), 0, now)
	h.add("INBOX", letter("demo@example.org", "Re: Plan", "2@x", "<1@x>", "a copy of my answer", 9), mail.Seen, now)
	h.add("INBOX", letter("eve@example.org", "Other", "9@x", "<8@x>", "nothing to do with it", 12), 0, now)

	page := h.get("/m/" + first + "?f=INBOX&u=1")
	wants(t, page, "the first words", "a copy of my answer", "the third words", `<span class="tag">in <bdi>Projects</bdi>`, "3 messages")
	lacks(t, page, "thrown away", "nothing to do", "the first words</bdi>")
	if n := strings.Count(page, "<details class=\"letter\""); n != 3 {
		t.Errorf("%d letters", n)
	}
	if n := strings.Count(page, " open>"); n != 2 { // the one that was asked for, and the unread one
		t.Errorf("%d are open\n%s", n, page)
	}
	if strings.Index(page, "the first words") > strings.Index(page, "the third words") {
		t.Error("the oldest is not first")
	}
	if !h.flags("Projects").Has(mail.Seen) {
		t.Error("what was open is not read")
	}
	// What is done with all is done with those of this folder.
	wants(t, page, `name="m" value="1.2@`)

	// What was asked for is shown, wherever it is, and its copies elsewhere are not.
	page = h.get("/m/" + third + "?f=Projects&u=1")
	wants(t, page, "the first words", "the third words")

	h.choose(func(s *settings.Settings) { s.Order = "newest" })
	page = h.get("/m/" + first + "?f=INBOX&u=1")
	if strings.Index(page, ">the first words") < strings.Index(page, ">the third words") {
		t.Error("the newest is not first")
	}
	h.choose(func(s *settings.Settings) { s.Grouping = "messages" })
	page = h.get("/m/" + first + "?f=INBOX&u=1")
	wants(t, page, "the first words")
	lacks(t, page, "the third words", "<details class=\"letter\"")
}

// TestLongConversation: of many messages, the last are whole, and lines lead to the others.
func TestLongConversation(t *testing.T) {
	h := setup(t)
	last := ""
	for i := range maxRelatives + 30 {
		last = h.add("INBOX", fmt.Sprintf("From: a%d@example.org\nSubject: s\nMessage-ID: <%d@x>\nReferences: <root@x>\nDate: Thu, 12 Nov 2026 %02d:%02d:00 +0000\n\nwords %d.\n", i, i, i/60, i%60, i), mail.Seen, now)
	}
	page := h.get("/m/" + last)
	if n := strings.Count(page, `id="m-`); n != maxRelatives {
		t.Errorf("%d letters", n)
	}
	if n := strings.Count(page, "<details class=\"letter\""); n != maxWhole {
		t.Errorf("%d are whole", n)
	}
	for _, m := range regexp.MustCompile(`<div class="letter" id="[^"]*"><a class="sender" href="([^"]*)"`).FindAllStringSubmatch(page, 2) {
		h.get(strings.ReplaceAll(m[1], "&amp;", "&"))
	}
}

// newsletter is a message with pictures, signed by example.com as fields say.
func newsletter(fields string) string {
	return fields + "From: News <news@mail.example.com>\nTo: demo@example.org\nSubject: news\nContent-Type: text/html\n\n" +
		`<p>hello <img src="http://pics.example.com/a.png?x=1&y" alt="A"><img src="https://track.example.com/t" width=1 height=1><img src="https://192.0.2.1/b"><img src="https://2130706433/b"><img src="//localhost/c"></p>` + "\n"
}

func (h *house) frame(id string) (body, policy string) {
	h.t.Helper()
	w := h.do("GET", "/m/"+id+"/body?section=1", nil, map[string]string{"Sec-Fetch-Dest": "iframe"})
	if w.Code != 200 {
		h.t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String(), w.Header().Get("Content-Security-Policy")
}

func TestPictures(t *testing.T) {
	const passed = "Authentication-Results: mx.example.org; dkim=pass header.d=example.com\n"
	h, _ := reader(t)
	id := h.add("INBOX", newsletter(passed), 0, now)
	other := h.add("INBOX", newsletter(passed), 0, now)
	blocked := func(id string) {
		t.Helper()
		body, policy := h.frame(id)
		lacks(t, body, "pics.example.com", "track")
		lacks(t, policy, "http")
	}
	shown := func(id string) {
		t.Helper()
		body, policy := h.frame(id)
		wants(t, body, `<img alt="A" src="https://pics.example.com/a.png?x=1&amp;y">`)
		lacks(t, body, "track", "192.0", "213070", "localhost", "http://")
		wants(t, policy, "img-src data: https:;", "default-src 'none'", "sandbox allow-same-origin allow-popups")
	}
	blocked(id)
	page := h.get("/m/" + id)
	wants(t, page, `value="once"`, `value="sender"`, "Always from mail.example.com", "4 pictures")

	h.says("/m/"+id+"/pictures", url.Values{"allow": {"once"}, "next": {"/m/" + id}})
	shown(id)
	blocked(other)

	page = h.says("/m/"+id+"/pictures", url.Values{"allow": {"sender"}, "next": {"/m/" + id}})
	wants(t, page, "Pictures in mail from news@mail.example.com are shown from now on.", "as you wanted for news@mail.example.com", `value="no"`)
	shown(other)
	if prefs, err := h.site.settings.Load(); err != nil || len(prefs.Trusted) != 1 || prefs.Trusted[0] != "news@mail.example.com" {
		t.Errorf("%v %v", prefs.Trusted, err)
	}
	h.says("/m/"+other+"/pictures", url.Values{"allow": {"no"}, "next": {"/m/" + other}})
	blocked(other)
	h.says("/m/"+other+"/pictures", url.Values{"allow": {"domain"}, "next": {"/m/" + other}})
	shown(other)

	// Whoever only says to be that sender is not trusted, and cannot be.
	for _, fields := range []string{
		"", "Authentication-Results: mx.example.net; dkim=pass header.d=example.com\n", "Authentication-Results: mx.example.org; dkim=pass header.d=evil.example\n",
		"Authentication-Results: mx.example.org; dkim=fail header.d=example.com\n", "Authentication-Results: mx.example.org; dmarc=fail header.from=mail.example.com; dkim=pass header.d=example.com\n",
		"Authentication-Results: mx.example.org; dmarc=pass header.from=evil.example\n", "From: other@evil.example\n" + passed,
		"X: y\nAuthentication-Results: evil (mx.example.org); dmarc=pass\n",
	} {
		forged := h.add("INBOX", newsletter(fields), 0, now)
		blocked(forged)
		page := h.get("/m/" + forged)
		wants(t, page, `value="once"`)
		lacks(t, page, `value="sender"`, `value="domain"`)
		if w := h.post("/m/"+forged+"/pictures", url.Values{"allow": {"domain"}}); w.Code != 409 {
			t.Errorf("%q: %d", fields, w.Code)
		}
	}
	if w := h.do("POST", "/m/"+id+"/pictures", url.Values{"allow": {"once"}, "token": {"x"}}, visit); w.Code != 403 {
		t.Errorf("without the token: %d", w.Code)
	}
	if w := h.post("/m/"+id+"/pictures", url.Values{"allow": {"x"}}); w.Code != 400 {
		t.Errorf("something else: %d", w.Code)
	}
	h.choose(func(s *settings.Settings) { s.Pictures = "never" })
	blocked(id)
	h.choose(func(s *settings.Settings) { s.Pictures, s.Trusted = "always", nil })
	shown(other)
}

func TestWarnings(t *testing.T) {
	h, _ := reader(t)
	headers := map[string]string{headerAccount: "demo@example.org", headerToken: "t"}
	for _, c := range []struct{ fields, want string }{
		{"From: Ann <ann@example.com>", ""},
		{"From: Ann <ann@example.com>\nReply-To: ann@mail.example.com", ""},
		{"From: Ann <ann@example.com>\nReply-To: ann@evil.example", "An answer would go to ann@evil.example"},
		{"From: Ann <ann@example.com>\nReply-To: list@lists.example\nList-Id: <x.lists.example>", ""},
		{"Authentication-Results: mx.example.org; dmarc=pass\nFrom: Ann <ann@example.com>\nReply-To: ann@shop.example", ""},
		{"Authentication-Results: mx.example.org; dmarc=fail header.from=example.com\nFrom: Ann <ann@example.com>", "probably not from example.com"},
		{"Authentication-Results: mx.example.org; spf=fail; dkim=none\nFrom: Ann <ann@example.com>", "probably not from example.com"},
		{"Authentication-Results: mx.example.org; spf=fail; dkim=pass header.d=example.com\nFrom: Ann <ann@example.com>", ""},
		{"Authentication-Results: evil.example; dmarc=fail\nFrom: Ann <ann@example.com>", ""},
		{"From: \"ceo@example.org\" <x@evil.example>", "shows ceo@example.org, but the message is from x@evil.example"},
		{"From: \"ann@mail.example.com\" <ann@example.com>", ""},
		{"From: x <x@exarnple.org>", "exarnple.org only looks like example.org"},
		{"From: x <x@xn--exmple-4nf.org>", "only looks like example.org"},
		{"From: x <x@mail.example.org>", ""},
		{"From: x <x@xn--mnchen-3ya.de>", ""},
		{"From: x <x@xn--pypal-4ve.com>", "has letters that look like others; it is xn--pypal-4ve.com"},
		{"From: x <x@xn--80ak6aa92e.com>", "has letters that look like others"},
		{"From: x <x@xn--e1afmkfd.xn--p1ai>", ""},
	} {
		id := h.add("INBOX", c.fields+"\nSubject: x\n\nx\n", 0, now)
		page := h.do("GET", "/m/"+id, nil, headers).Body.String()
		got := strings.Contains(page, `class="notice warn"`)
		if got != (c.want != "") || !strings.Contains(page, c.want) {
			t.Errorf("%q: want %q:\n%s", c.fields, c.want, regexp.MustCompile(`(?s)<div class="notice warn".*?</div>`).FindString(page))
		}
	}
}

func TestUnsubscribe(t *testing.T) {
	const ways = "List-Unsubscribe: <mailto:leave@lists.example?subject=x>,\n <https://lists.example/u?x=1>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n"
	const good = "Authentication-Results: mx.example.org; dkim=pass header.d=lists.example header.b=abcd\n" +
		"DKIM-Signature: v=1; d=lists.example; b=ab\n cdef; h=From:List-Unsubscribe:\n List-Unsubscribe-Post\n"
	rest := "From: a@lists.example\nList-Id: =?utf-8?q?<script>?= <x.lists.example>\nSubject: x\n\nx\n"
	h, o := reader(t)
	for _, c := range []struct {
		name, fields string
		oneClick     bool
		want         []string
	}{
		{"one click", good + ways, true, []string{">Unsubscribe</button>"}},
		{"not signed", ways, false, []string{`href="https://lists.example/u?x=1"`, "lists.example. Nobody vouches"}},
		{"signed by another", strings.ReplaceAll(good, "d=lists", "d=evil") + strings.ReplaceAll(ways, "x", "y"), true, nil},
		{"the signature does not cover it", strings.Replace(good, ":List-Unsubscribe:", ":", 1) + ways, false, []string{"Nobody vouches"}},
		{"another signature", strings.Replace(good, "header.b=abcd", "header.b=zzzz", 1) + ways, false, []string{"Nobody vouches"}},
		{"two fields", good + ways + "List-Unsubscribe: <https://evil.example/>\n", false, []string{"Nobody vouches"}},
		{"no post", good + strings.Replace(ways, "One-Click", "Two", 1), false, []string{`href="https://lists.example/u?x=1"`}},
		{"mail", "List-Unsubscribe: <mailto:leave@lists.example?subject=x>\n", false, []string{`href="/compose?mailto=mailto%3Aleave%40lists.example%3Fsubject%3Dx"`}},
		{"nothing of use", "List-Unsubscribe: <javascript:alert(1)>, <http://lists.example/>, <https://a:b@c.example/>, <https:///>, <mailto:>, x\n", false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			o.left = nil
			id := h.add("INBOX", c.fields+rest, 0, now)
			page := h.get("/m/" + id)
			wants(t, page, c.want...)
			lacks(t, page, "<script>", "javascript:", "c.example")
			if offers := strings.Contains(page, "/unsubscribe?"); offers != c.oneClick {
				t.Errorf("one click: %v", offers)
			}
			w := h.post("/m/"+id+"/unsubscribe", url.Values{"next": {"/m/" + id}})
			if c.oneClick && (w.Code != 303 || len(o.left) != 1) || !c.oneClick && (w.Code != 409 || len(o.left) != 0) {
				t.Errorf("%d %v", w.Code, o.left)
			}
		})
	}
}

const invitation = "From: Ann Lee <ann@example.com>\nTo: demo@example.org\nSubject: Invitation\nContent-Type: multipart/alternative; boundary=x\n\n" +
	"--x\nContent-Type: text/plain\n\nCome!\n--x\nContent-Type: text/calendar; method=REQUEST\n\n" +
	"BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:u1\nDTSTAMP:20261101T000000Z\nDTSTART:20261120T130000Z\nDTEND:20261120T140000Z\n" +
	"SUMMARY:Lunch <script>alert(1)</script>\nLOCATION:Room\\n5\nDESCRIPTION:Bring <b>cake</b>\\nand tea\nRRULE:FREQ=WEEKLY;COUNT=3\nURL:javascript:alert(1)\n" +
	"ORGANIZER;CN=Ann Lee:mailto:ann@example.com\nATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:demo@example.org\nATTENDEE;CN=\"Ben <i>\";PARTSTAT=ACCEPTED:mailto:ben@example.com\n" +
	"END:VEVENT\nEND:VCALENDAR\n--x--\n"

func TestInvitation(t *testing.T) {
	h, o := reader(t)
	h.choose(func(s *settings.Settings) { s.Zone = "Europe/Berlin" })
	id := h.add("INBOX", invitation, 0, now)
	page := h.get("/m/" + id)
	wants(t, page, "Ann Lee invites you", "Lunch &lt;script&gt;", "Friday, 20 November 2026, 14:00 – 15:00 (CET)", "every week, 3 times", "Room 5",
		"Bring &lt;b&gt;cake", "Ben &lt;i&gt;", "accepted", "no answer yet", ">Accept</button>", "Come!")
	lacks(t, page, "<script>", "javascript:", "<b>cake")
	section := regexp.MustCompile(`name="section" value="([^"]*)"`).FindStringSubmatch(page)
	if section == nil {
		t.Fatal(page)
	}
	page = h.says("/m/"+id+"/invitation", url.Values{"answer": {"accepted"}, "section": section[1:], "next": {"/m/" + id}})
	wants(t, page, "You have accepted: Lunch", `value="accepted" aria-pressed="true"`)
	if o.from != "demo@example.org" || strings.Join(o.recipients, " ") != "ann@example.com" {
		t.Errorf("from %s to %v", o.from, o.recipients)
	}
	wants(t, o.message, "method=REPLY", "Subject: Accepted: Lunch")
	lacks(t, o.message, "BEGIN:VALARM")
	h.says("/m/"+id+"/invitation", url.Values{"answer": {"declined"}, "section": section[1:], "next": {"/m/" + id}})
	h.holds("INBOX", "Invitation S $InviteDeclined")
	for _, form := range []url.Values{{"answer": {"x"}, "section": section[1:]}, {"answer": {"accepted"}, "section": {"1"}}, {"answer": {"accepted"}, "section": {"9"}}} {
		if w := h.post("/m/"+id+"/invitation", form); w.Code < 400 {
			t.Errorf("%v: %d", form, w.Code)
		}
	}

	cancelled := h.add("INBOX", strings.ReplaceAll(invitation, "REQUEST", "CANCEL"), 0, now)
	page = h.get("/m/" + cancelled)
	wants(t, page, "Ann Lee has cancelled", "invitation cancelled")
	lacks(t, page, ">Accept</button>")
	forged := h.add("INBOX", strings.Replace(invitation, "From: Ann Lee <ann@", "From: Eve <eve@", 1), 0, now)
	wants(t, h.get("/m/"+forged), "was not sent by who organizes")
	h.site.outbox = nil
	lacks(t, h.get("/m/"+id), ">Accept</button>")
	if w := h.post("/m/"+id+"/invitation", url.Values{"answer": {"accepted"}, "section": section[1:]}); w.Code != 400 {
		t.Errorf("without a way to send: %d", w.Code)
	}
}

const filesMail = "Subject: a/b\nDate: Thu, 12 Nov 2026 14:02:00 +0000\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nwords\n" +
	"--x\nContent-Type: image/png; name=\"../../a.png\"\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\niVBORw0KGgouLi4uSUhEUg==\n" +
	"--x\nContent-Type: text/plain; name=A.PNG\nContent-Disposition: attachment\n\n<script>alert(1)</script> https://example.org/\u202e\n" +
	"--x\nContent-Type: application/pdf; name=a.pdf\nContent-Disposition: attachment\n\n%PDF-1.4\n" +
	"--x\nContent-Type: image/png; name=evil.png\nContent-Disposition: attachment\n\n<script>alert(1)</script>\n" +
	"--x\nContent-Type: image/svg+xml; name=evil.svg\nContent-Disposition: attachment\n\n<svg onload=alert(1)>\n" +
	"--x\nContent-Type: message/rfc822\n\nFrom: Eve <eve@evil.example>\nSubject: inner <b>\nContent-Type: multipart/mixed; boundary=y\n\n--y\nContent-Type: text/html\n\n<p onclick=x>inner words\n--y\nContent-Type: image/png; name=deep.png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgouLi4uSUhEUg==\n--y--\n" +
	"--x\nContent-Type: message/rfc822\n\nSubject: plain\n\nplain inner words\n--x--\n"

func TestFiles(t *testing.T) {
	h := setup(t)
	id := h.add("INBOX", filesMail, 0, now)
	page := h.get("/m/" + id)
	for _, m := range regexp.MustCompile(`<a class="file" href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		path := strings.ReplaceAll(m[1], "&amp;", "&")
		if strings.Contains(path, "/evil.png") {
			continue // its page is there; its picture is not
		}
		got := h.get(path)
		if strings.HasSuffix(strings.Split(path, "?")[0], ".pdf") {
			continue
		}
		if foreignScript(got) {
			t.Errorf("%s:\n%s", path, got)
		}
	}
	lacks(t, page, "/view/6/", "evil.svg?\" target")
	w := h.do("GET", "/m/"+id+"/image/2/x", nil, visit)
	if w.Code != 200 || w.Header().Get("Content-Type") != "image/png" || !strings.HasPrefix(w.Header().Get("Content-Disposition"), `inline; filename="_.._a.png"`) {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for _, path := range []string{"/image/5/x", "/image/6/x", "/image/3/x", "/pdf/2/x", "/pdf/5/x", "/view/6/x", "/view/4/x", "/view/9/x", "/view/0/x", "/view/x/x", "/image/9/x"} {
		if w := h.do("GET", "/m/"+id+path, nil, visit); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := h.do("GET", "/m/"+id+"/pdf/4/x", nil, visit); w.Header().Get("Content-Type") != "application/pdf" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	text := h.get("/m/" + id + "/view/3/x")
	wants(t, text, "&lt;script&gt;", `href="https://example.org/"`)
	lacks(t, text, "\u202e")

	inner := h.get("/m/" + id + "/view/7/x")
	wants(t, inner, "inner &lt;b&gt;", "eve@evil.example", "section=7.1", "deep.png", "/view/7.2/deep.png")
	lacks(t, inner, `action="/act"`, "/compose?reply")
	body := h.do("GET", "/m/"+id+"/body?section=7.1", nil, visit)
	wants(t, body.Body.String(), "inner words")
	lacks(t, body.Body.String(), "onclick")
	if w := h.do("GET", "/m/"+id+"/image/7.2/x", nil, visit); w.Code != 200 {
		t.Errorf("a picture of a message in a message: %d", w.Code)
	}
	wants(t, h.get("/m/"+id+"/view/8/x"), "plain inner words")
}

func TestZip(t *testing.T) {
	h := setup(t)
	id := h.add("INBOX", filesMail, 0, now)
	w := h.do("GET", "/m/"+id+"/all.zip", nil, visit)
	if w.Code != 200 || w.Header().Get("Content-Disposition") != `attachment; filename="a_b.zip"` {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	z, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, in); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if got := strings.Join(names, "|"); got != "_.._a.png|A.PNG|a.pdf|evil.png|evil.svg|inner _b_.eml|plain.eml" {
		t.Errorf("names %s", got)
	}
	id = h.add("INBOX", plainMail, 0, now)
	if w := h.do("GET", "/m/"+id+"/all.zip", nil, visit); w.Code != 404 {
		t.Errorf("without files: %d", w.Code)
	}
}

func TestUniqueNames(t *testing.T) {
	var files []file
	for _, n := range []string{"a.txt", "A.TXT", "a (2).txt", "a.txt", "b", "b"} {
		files = append(files, file{Name: n})
	}
	if got := strings.Join(uniqueNames(files), "|"); got != "a.txt|A (2).TXT|a (2) (2).txt|a (3).txt|b|b (2)" {
		t.Errorf("got %s", got)
	}
}

func TestHeaderPage(t *testing.T) {
	h := setup(t)
	evil := `"><script>alert(1)</script>`
	id := h.add("INBOX", "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nX-"+evil+": "+evil+"\nReceived: from a\n by b\nno colon\n\nx\n", 0, now)
	page := h.get("/m/" + id + "/headers")
	wants(t, page, "Grüße", "=?utf-8?q?", "from a by b", "&lt;script&gt;")
	if foreignScript(page) {
		t.Error(page)
	}
}

func TestPassages(t *testing.T) {
	quote := strings.Repeat("> line\n", 8)
	for _, c := range []struct {
		in     string
		folded int
	}{
		{"hello\n" + quote, 1}, {quote, 0}, {"hello\n> short\n", 0}, {quote + "yes\n" + quote + "no\n", 2}, {quote + "-- \nsignature\n", 0},
		{"Ja.\n\n-----Ursprüngliche Nachricht-----\nVon: Ann\n" + strings.Repeat("line\n", 9), 1},
		{"Yes.\n\n________________________________\nFrom: Ann <a@example.org>\n" + strings.Repeat("line\n", 9), 1},
		{"Yes.\n\n-----Original Message-----\n\n" + strings.Repeat("no field\n", 9), 0},
		{"A\n-----\nB: c\n" + strings.Repeat("line\n", 9), 0},
	} {
		n := 0
		for _, p := range passages(plainText(c.in, false, false, true)) {
			if p.Folded {
				n++
			}
		}
		if n != c.folded {
			t.Errorf("%q: %d folded, want %d", c.in, n, c.folded)
		}
	}
}

func TestIsAnswer(t *testing.T) {
	for header, want := range map[string]bool{
		"Subject: x": false, "Subject: Re: x": false, "In-Reply-To: <a@b>\nSubject: Re: x": true, "References: <a@b>\nSubject: x": true,
		"References: <a@b>\nSubject: Fwd: x": false, "References: <a@b>\nSubject: WG: x": false, "In-Reply-To: <a@b>": true, "In-Reply-To: <a@b>\nSubject: AW: Fwd: x": true,
	} {
		root, err := message.Parse(strings.NewReader(header+"\n\nx\n"), message.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		if got := isAnswer(root); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}

// TestSchemes: the document of a message goes by the theme, and is white in print.
func TestSchemes(t *testing.T) {
	h := setup(t)
	id := h.add("INBOX", "In-Reply-To: <a@b>\nSubject: Re: x\nContent-Type: text/html\n\n<p style='color:#000000'>Yes.<blockquote type=cite>"+strings.Repeat("words ", 200), 0, now)
	body := "/m/" + id + "/body?section=1"
	wants(t, h.get(body), "color-scheme: light dark;", "color:light-dark(#000000,#e8e8e8)", `<details class="wm-quote"><summary>Quoted text</summary>`)
	wants(t, h.get(body+"&colours=own"), "color-scheme: only light;", `style="color:#000000"`, "wm-quote")
	page := h.get(body + "&print=1")
	wants(t, page, "color-scheme: only light;", `style="color:#000000"`)
	lacks(t, page, "<details")
	for theme, want := range map[settings.Theme]string{"dark": "color-scheme: dark;", "light": "color-scheme: only light;"} {
		if err := h.site.settings.Change(func(now *settings.Settings) error { now.Theme = theme; return nil }); err != nil {
			t.Fatal(err)
		}
		wants(t, h.get(body), want)
	}
	wants(t, h.get("/m/"+id+"?colours=own"), "&amp;colours=own\" sandbox", "Colours for the dark theme")
}

// TestAnswers: where there is a way out, each message leads to the page where one writes.
func TestAnswers(t *testing.T) {
	h, _ := reader(t)
	id := h.add("INBOX", "List-Post: <mailto:l@lists.example>\n"+plainMail, 0, now)
	page := h.get("/m/" + id)
	for _, how := range []string{"reply", "replyall", "list", "forward"} {
		wants(t, page, `href="/compose?`+how+"="+id+`&amp;f=INBOX&amp;u=1"`)
	}
	lacks(t, h.get("/m/"+h.add("INBOX", text("x"), 0, now)), "/compose?replyall", "/compose?list")
	h.site.outbox = nil
	lacks(t, h.get("/m/"+id), "/compose")
}

// TestPrint: the HTML of a message by itself says whose it is.
func TestPrint(t *testing.T) {
	h := setup(t)
	id := h.add("INBOX", "From: \"<b>Eve\" <eve@example.org>\nTo: demo@example.org\nSubject: <script>x\nContent-Type: text/html\n\n<p>words\n", 0, now)
	page := h.get("/m/" + id)
	path := regexp.MustCompile(`href="(/m/[^"]*print=1)"`).FindStringSubmatch(page)
	if path == nil {
		t.Fatal(page)
	}
	body := h.get(strings.ReplaceAll(path[1], "&amp;", "&"))
	wants(t, body, "&lt;script&gt;x", "&lt;b&gt;Eve", "eve@example.org", "12 November 2026", "words")
	lacks(t, body, "<script", "<b>Eve")
	lacks(t, h.get("/m/"+id+"/body?section=1"), "eve@example.org")
	h.choose(func(s *settings.Settings) { s.Language = "de" })
	bad := h.add("INBOX", "Subject: x\nContent-Type: text/html\n\n<a href=https://evil.example/>www.bank.com</a> <a href=https://bank.com@evil.example/>x</a> <a href=https://xn--bnk-vna.com/>x</a>\n", 0, now)
	wants(t, h.get("/m/"+bad), "Dieser Link zeigt bank.com", "führt aber zu evil.example.")
	wants(t, h.get("/m/"+bad+"/body?section=1"), "Dieser Link zeigt bank.com")
}

// TestCopies: a message that came twice is one letter, and both are read and done with.
func TestCopies(t *testing.T) {
	h := setup(t)
	twice := "From: a@example.org\nSubject: x\nMessage-ID: <1@x>\n\nwords\n"
	id := h.add("INBOX", twice, 0, now)
	h.add("INBOX", twice, 0, now)
	page := h.get("/m/" + id)
	if n := strings.Count(page, ">words<"); n != 1 {
		t.Errorf("it is shown %d times", n)
	}
	wants(t, page, `name="m" value="1.2@`)
	h.holds("INBOX", "x S", "x S")
}
