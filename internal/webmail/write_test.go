package webmail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fantail/internal/locale"
	"fmt"
	"html"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"
	"fantail/internal/webmail/outbox"
	"fantail/internal/webmail/settings"
)

// writer is a house whose owner may write.
func writerHouse(t *testing.T) (*house, *int) {
	h := setup(t)
	told := new(int)
	h.site = New(Options{
		Account: h.acct, Name: "demo", Log: slog.New(slog.NewTextHandler(&h.log, nil)), Clock: func() time.Time { return now }, Zone: time.UTC,
		Senders: []string{"demo@example.org", "info@example.org", "@lists.example.org"}, Delimiters: "+", MessageSize: 100_000,
		Due: func() error { *told++; return nil },
	})
	return h, told
}

var actionOf = regexp.MustCompile(`data-writing|action="(/compose[^"]*)"`)

// formOf returns where the form of the page goes.
func formOf(t *testing.T, page string) string {
	t.Helper()
	for _, m := range actionOf.FindAllStringSubmatch(page, -1) {
		if m[1] != "" {
			return html.UnescapeString(m[1])
		}
	}
	t.Fatalf("no form:\n%s", page)
	return ""
}

// message returns the only message of a mailbox.
func (h *house) message(mailbox string) (text string, f mail.Flags, k []mail.Keyword) {
	h.t.Helper()
	ctx := h.t.Context()
	mb, err := h.acct.Open(ctx, mailbox)
	if err != nil {
		h.t.Fatal(err)
	}
	defer mb.Close()
	snap, err := mb.Sync(ctx)
	if err != nil || snap.Len() != 1 {
		h.t.Fatalf("%d messages, %v", snap.Len(), err)
	}
	file, err := mb.OpenMessage(ctx, snap.UID(0))
	if err != nil {
		h.t.Fatal(err)
	}
	all, err := io.ReadAll(file)
	if err = errors.Join(err, file.Close()); err != nil {
		h.t.Fatal(err)
	}
	return string(all), snap.Flags(0), snap.Keywords(0)
}

func (h *house) jobs() []outbox.Entry {
	h.t.Helper()
	list, err := h.site.box.List()
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func TestWriteAndSend(t *testing.T) {
	h, told := writerHouse(t)
	page := h.get("/compose?to=bob@example.org&subject=Hi")
	wants(t, page, `value="bob@example.org"`, `value="Hi"`, `name="files"`, `enctype="multipart/form-data"`)
	form := url.Values{"op": {"save"}, "to": {"Bob <bob@example.org>, half"}, "bcc": {"c@example.org"}, "subject": {"Hi\r\nX-Evil: yes"}, "text": {"Hello\r\n\r\n>x\r\n"}, "identity": {"info@example.org"}}
	w := h.post("/compose", form)
	if w.Code != 303 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	text, f, _ := h.message("Drafts")
	if !f.Has(mail.Draft|mail.Seen) || strings.Contains(text, "\nX-Evil") {
		t.Errorf("%v\n%s", f, text)
	}
	wants(t, text, "From: info@example.org\n", "To: Bob <bob@example.org>\n", "Bcc: c@example.org\n", "X-Fantail-To: half\n", "format=flowed", "\n\nHello\n")
	page = h.get(w.Header().Get("Location"))
	wants(t, page, `value="Bob &lt;bob@example.org&gt;, half"`, `value="Hi X-Evil: yes"`, "\n&gt; x", "Draft saved")
	action := formOf(t, page)

	// What is no address is asked for, and nothing is lost.
	form.Set("op", "send")
	w = h.post(action, form)
	if w.Code != 200 || len(h.jobs()) != 0 {
		t.Fatalf("%d, %v", w.Code, h.jobs())
	}
	wants(t, w.Body.String(), "This is not an address: half")
	lacks(t, w.Body.String(), `name="anyway"`)
	action = formOf(t, w.Body.String())

	// A forgotten attachment is asked for once.
	form.Set("to", "bob@example.org")
	form.Set("text", "See the attached file.")
	w = h.post(action, form)
	wants(t, w.Body.String(), "attachment", `name="anyway"`)
	action = formOf(t, w.Body.String())
	form.Set("anyway", "1")
	w = h.post(action, form)
	if w.Code != 303 || *told != 1 {
		t.Fatalf("%d, told %d times: %s", w.Code, *told, w.Body)
	}
	list := h.jobs()
	if len(list) != 1 {
		t.Fatalf("%+v", list)
	}
	j := list[0].Job
	if j.From != "info@example.org" || fmt.Sprint(j.To) != "[bob@example.org c@example.org]" || !j.NotBefore.Equal(now.Add(10*time.Second)) || !j.Copy || j.Draft.Mailbox != "Drafts" {
		t.Errorf("%+v", j)
	}
	_, _, k := h.message("Drafts")
	if fmt.Sprint(k) != "[$SubmitPending]" {
		t.Errorf("keywords %v", k)
	}
	// What the transport gets has no Bcc; the copy has.
	release, err := h.site.box.Lock()
	if err != nil {
		t.Fatal(err)
	}
	held, _, err := h.site.box.Claim(now.Add(time.Minute))
	if err != nil || held == nil {
		t.Fatal(err)
	}
	file, err := held.Message()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	sent, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	var kept bytes.Buffer
	if err := held.WriteCopy(&kept); err != nil {
		t.Fatal(err)
	}
	lacks(t, string(sent), "Bcc", " c@example.org", "X-Fantail", "\nX-Evil")
	wants(t, kept.String(), "Bcc: c@example.org\n", "\n\nSee the attached file.\n")
	if err := errors.Join(held.Retry(now.Add(time.Hour), "451 later"), release()); err != nil {
		t.Fatal(err)
	}
	page = h.get("/outbox")
	wants(t, page, "451 later", "Hi X-Evil: yes")

	// Taken back: the draft is as it was, and leads on.
	wants(t, h.get(w.Header().Get("Location")), "Message sent.", "/undo/")
	token := regexp.MustCompile(`/undo/[^"]+`).FindString(h.get(w.Header().Get("Location")))
	w = h.post(token, url.Values{})
	if w.Code != 303 || !strings.HasPrefix(w.Header().Get("Location"), "/compose/") || len(h.jobs()) != 0 {
		t.Errorf("%d %s, %+v", w.Code, w.Header(), h.jobs())
	}
	wants(t, h.get(w.Header().Get("Location")), "See the attached file.")
	if _, _, k := h.message("Drafts"); len(k) != 0 {
		t.Errorf("keywords %v", k)
	}
}

// TestPendingDraft: what waits to be sent cannot be sent again, nor changed.
func TestPendingDraft(t *testing.T) {
	h, _ := writerHouse(t)
	w := h.post("/compose", url.Values{"op": {"send"}, "to": {"bob@example.org"}, "subject": {"x"}, "text": {"y"}})
	if w.Code != 303 {
		t.Fatal(w.Code, w.Body)
	}
	mb, err := h.acct.Open(t.Context(), "Drafts")
	if err != nil {
		t.Fatal(err)
	}
	defer mb.Close()
	snap, err := mb.Sync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	action := draftPath(idOf(snap.Base(0)), place{"Drafts", snap.UID(0)})
	wants(t, h.get(action), "waits to be sent")
	if w := h.post(action, url.Values{"op": {"send"}, "to": {"bob@example.org"}}); w.Code != 409 || len(h.jobs()) != 1 {
		t.Errorf("%d, %+v", w.Code, h.jobs())
	}
	id := h.jobs()[0].ID
	if w := h.post("/outbox/"+id, url.Values{"op": {"now"}}); w.Code != 303 || !h.jobs()[0].Job.NotBefore.Equal(now) {
		t.Errorf("%d, %+v", w.Code, h.jobs())
	}
	if w := h.post("/outbox/"+id, url.Values{"op": {"edit"}}); w.Code != 303 || w.Header().Get("Location") != action {
		t.Errorf("%d %s", w.Code, w.Header())
	}
	if w := h.post("/outbox/"+id, url.Values{"op": {"cancel"}}); w.Code != 409 {
		t.Errorf("%d", w.Code)
	}
	wants(t, h.get("/outbox"), "Nothing waits to be sent.")
}

func TestSendLater(t *testing.T) {
	h, _ := writerHouse(t)
	form := url.Values{"op": {"later"}, "to": {"bob@example.org"}, "subject": {"x"}, "text": {"y"}, "at": {"2026-11-13T09:30"}}
	w := h.post("/compose", form)
	if list := h.jobs(); w.Code != 303 || len(list) != 1 || !list[0].Job.NotBefore.Equal(time.Date(2026, 11, 13, 9, 30, 0, 0, time.UTC)) {
		t.Fatalf("%d, %+v", w.Code, list)
	}
	wants(t, h.get(w.Header().Get("Location")), "Friday, 13 November 2026, 09:30", "/undo/")
	for _, wrong := range []string{"", "2026-11-12T14:00", "2028-01-01T00:00", "tomorrow"} {
		form.Set("at", wrong)
		if w := h.post("/compose", form); w.Code != 422 || len(h.jobs()) != 1 {
			t.Errorf("%q: %d, %+v", wrong, w.Code, h.jobs())
		}
	}
}

const inquiry = "From: Bob <bob@example.org>\nTo: demo+shop@example.org, carl@example.org\nSubject: Question\nMessage-ID: <q@example.org>\n" +
	"Date: Thu, 12 Nov 2026 10:00:00 +0000\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nWell?\n--x\nContent-Type: text/plain\nContent-Disposition: attachment; filename=note.txt\n\nnoted\n--x--\n"

func TestWriteAnswer(t *testing.T) {
	h, _ := writerHouse(t)
	id := h.add(mail.Inbox, inquiry, 0, now)
	page := h.get("/compose?reply=" + id + "&f=INBOX")
	wants(t, page, `value="Bob &lt;bob@example.org&gt;"`, `value="Re: Question"`, "&gt; Well?", "Thursday, 12 November 2026, 10:00, Bob &lt;bob@example.org&gt; wrote:")
	lacks(t, page, "note.txt", "carl@")
	wants(t, h.get("/compose?replyall="+id+"&f=INBOX"), `carl@example.org`)
	wants(t, h.get("/compose?forward="+id+"&f=INBOX"), `value="Fwd: Question"`, "note.txt", "Forwarded message", "Subject: Question")
	wants(t, h.get("/compose?attach="+id+"&f=INBOX"), "Question.eml")

	w := h.post(formOf(t, page), url.Values{"op": {"send"}, "to": {"bob@example.org"}, "subject": {"Re: Question"}, "text": {"Fine.\n\n> Well?"}, "identity": {"demo@example.org"}})
	if w.Code != 303 {
		t.Fatal(w.Code, w.Body)
	}
	j := h.jobs()[0].Job
	if j.Mark != outbox.Answered || j.Source.Mailbox != mail.Inbox || j.Source.UID != 1 || j.From != "demo+shop@example.org" {
		t.Errorf("%+v", j)
	}
	text, _, _ := h.message("Drafts")
	wants(t, text, "In-Reply-To: <q@example.org>\n", "References: <q@example.org>\n", "From: demo+shop@example.org\n")

	page = h.get("/compose?forward=" + id + "&f=INBOX")
	w = h.post(formOf(t, page), url.Values{"op": {"send"}, "to": {"dan@example.org"}, "subject": {"Fwd: Question"}, "text": {"See."}, "identity": {"demo@example.org"}})
	if w.Code != 303 || len(h.jobs()) != 2 {
		t.Fatal(w.Code, w.Body)
	}
	for _, e := range h.jobs() {
		if e.Job.To[0] == "dan@example.org" && e.Job.Mark != outbox.Forwarded {
			t.Errorf("%+v", e.Job)
		}
	}
}

// files posts a form as a browser does that has files.
func (h *house) files(path string, fields [][2]string, files map[string]string) *httptest.ResponseRecorder {
	h.t.Helper()
	var list [][3]string
	for name, text := range files {
		list = append(list, [3]string{"files", name, text})
	}
	return h.multipart(path, fields, list...)
}

// multipart posts a form with files, of which each has the name of its field, its own, and
// its content.
func (h *house) multipart(path string, fields [][2]string, files ...[3]string) *httptest.ResponseRecorder {
	h.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, f := range fields {
		if err := w.WriteField(f[0], f[1]); err != nil {
			h.t.Fatal(err)
		}
	}
	for _, f := range files {
		p, err := w.CreateFormFile(f[0], f[1])
		if err == nil {
			_, err = io.WriteString(p, f[2])
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		h.t.Fatal(err)
	}
	r := httptest.NewRequest("POST", path, &body)
	for k, v := range visit {
		r.Header.Set(k, v)
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	out := httptest.NewRecorder()
	h.site.ServeHTTP(out, r)
	return out
}

func TestUploads(t *testing.T) {
	h, _ := writerHouse(t)
	token := [2]string{"token", visit[headerToken]}
	fields := [][2]string{token, {"op", "save"}, {"to", "bob@example.org"}, {"subject", "Files"}, {"text", "Here."}}
	w := h.files("/compose", fields, map[string]string{"../../evil\u202e.txt": "secret", "b.txt": ""})
	if w.Code != 303 {
		t.Fatal(w.Code, h.log.String())
	}
	page := h.get(w.Header().Get("Location"))
	wants(t, page, "evil.txt", "b.txt")
	text, _, _ := h.message("Drafts")
	wants(t, text, "c2VjcmV0") // in base64
	// A second save keeps them, and drops what it is told to.
	key := regexp.MustCompile(`name="drop" value="([^"]*b\.txt)"`).FindStringSubmatch(page)
	if key == nil {
		t.Fatal(page)
	}
	w = h.files(formOf(t, page), append(fields, [2]string{"drop", html.UnescapeString(key[1])}), nil)
	page = h.get(w.Header().Get("Location"))
	wants(t, page, "evil.txt")
	lacks(t, page, "b.txt")

	// More than can be sent is refused, and the draft stays.
	w = h.files(formOf(t, page), fields, map[string]string{"large": strings.Repeat("x", 90_000)})
	if w.Code != 413 {
		t.Errorf("too large: %d", w.Code)
	}
	if text, _, _ := h.message("Drafts"); !strings.Contains(text, "c2VjcmV0") {
		t.Error("the draft was lost")
	}
	// The token must come first, and be right.
	for _, bad := range [][][2]string{fields[1:], {{"op", "save"}, token}, {{"token", "x"}, {"op", "save"}}, nil} {
		if w := h.files("/compose", bad, nil); w.Code < 400 {
			t.Errorf("%v: %d", bad, w.Code)
		}
	}
	r := httptest.NewRequest("POST", "/compose", strings.NewReader("--x\r\n"))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	out := httptest.NewRecorder()
	h.site.ServeHTTP(out, r)
	if out.Code < 400 {
		t.Errorf("half a form: %d", out.Code)
	}
}

// TestAutosave: a script gets data, and saves again where that says.
func TestAutosave(t *testing.T) {
	h, _ := writerHouse(t)
	headers := map[string]string{"Accept": "application/json"}
	for k, v := range visit {
		headers[k] = v
	}
	action := "/compose"
	for i := range 3 {
		w := h.do("POST", action, url.Values{"token": {visit[headerToken]}, "op": {"save"}, "subject": {fmt.Sprint("draft ", i)}}, headers)
		var answer struct{ Action, Saved string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 || answer.Action == action {
			t.Fatalf("%d %s, %v", w.Code, w.Body, err)
		}
		action = answer.Action
	}
	if text, _, _ := h.message("Drafts"); !strings.Contains(text, "Subject: draft 2") {
		t.Error(text)
	}
	// Another window threw it away: what is typed here is kept all the same.
	if w := h.post(action, url.Values{"op": {"discard"}}); w.Code != 303 {
		t.Error(w.Code)
	}
	if w := h.post(action, url.Values{"op": {"save"}, "subject": {"again"}}); w.Code != 303 {
		t.Error(w.Code, w.Body)
	}
	if text, _, _ := h.message("Drafts"); !strings.Contains(text, "Subject: again") {
		t.Error(text)
	}
}

// TestIdentities: settings choose names, not addresses that are somebody else's.
func TestWriteAs(t *testing.T) {
	h, _ := writerHouse(t)
	err := h.site.settings.Change(func(s *settings.Settings) error {
		s.Identities = []settings.Identity{{Name: "Evil", Address: "boss@example.org"}, {Name: "Demo", Address: "demo@example.org", Signature: "Yours", NoCopy: true}}
		s.UndoSend = new(int)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	page := h.get("/compose")
	wants(t, page, "Demo &lt;demo@example.org&gt;", "-- \nYours")
	lacks(t, page, "boss@")
	w := h.post("/compose", url.Values{"op": {"send"}, "to": {"b@example.org"}, "subject": {"x"}, "text": {"y"}, "identity": {"boss@example.org"}})
	if w.Code != 303 || h.jobs()[0].Job.From != "demo@example.org" || h.jobs()[0].Job.Copy || !h.jobs()[0].Job.NotBefore.Equal(now) {
		t.Errorf("%d %+v", w.Code, h.jobs())
	}
	// A draft of another program cannot either.
	id := h.add("Drafts", "From: boss@example.org\nTo: b@example.org\nSubject: y\n\nz\n", mail.Draft, now)
	w = h.post("/compose/"+id+"?f=Drafts", url.Values{"op": {"send"}, "to": {"b@example.org"}, "subject": {"x"}, "text": {"y"}, "identity": {"boss@example.org"}})
	for _, e := range h.jobs() {
		if e.Job.From != "demo@example.org" {
			t.Errorf("%d %+v", w.Code, e.Job)
		}
	}
}

func TestOutboxNotices(t *testing.T) {
	h, _ := writerHouse(t)
	w := h.post("/compose", url.Values{"op": {"send"}, "to": {"bob@example.org"}, "subject": {"<b>x</b>"}, "text": {"y"}})
	release, err := h.site.box.Lock()
	if err != nil {
		t.Fatal(w.Code, err)
	}
	defer release()
	held, _, err := h.site.box.Claim(now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := held.Fail(outbox.Refused, "550 <script>alert(1)</script>"); err != nil {
		t.Fatal(err)
	}
	page := h.get("/outbox")
	wants(t, page, "was refused", "550 &lt;script&gt;", "&lt;b&gt;x&lt;/b&gt;")
	if w := h.post("/outbox/"+held.ID, url.Values{"op": {"dismiss"}}); w.Code != 303 {
		t.Error(w.Code)
	}
	lacks(t, h.get("/outbox"), "was refused")
}

// idOfForm returns the Message-ID that a page has for its message.
func idOfForm(t *testing.T, page string) string {
	t.Helper()
	m := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatal(page)
	}
	return html.UnescapeString(m[1])
}

// json posts a form as scripts do.
func (h *house) json(path string, form url.Values, into any) int {
	h.t.Helper()
	headers := map[string]string{"Accept": "application/json"}
	for k, v := range visit {
		headers[k] = v
	}
	form.Set("token", visit[headerToken])
	w := h.do("POST", path, form, headers)
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		h.t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return w.Code
}

// TestTwoWindows: of two versions nobody's is lost, and a request that is sent twice makes
// one draft.
func TestTwoWindows(t *testing.T) {
	h, _ := writerHouse(t)
	id := idOfForm(t, h.get("/compose"))
	var answer struct{ Action, ID, Conflict, Error string }
	form := url.Values{"op": {"save"}, "id": {id}, "subject": {"one"}}
	if code := h.json("/compose", form, &answer); code != 200 || answer.ID != id {
		t.Fatalf("%d %+v", code, answer)
	}
	first := answer.Action
	form.Set("keep", "over") // the answer was lost
	if code := h.json("/compose", form, &answer); code != 200 || answer.Action == first {
		t.Fatalf("%d %+v", code, answer)
	}
	form.Del("keep")
	form.Set("subject", "two")
	if code := h.json(first, form, &answer); code != 409 || !strings.HasPrefix(answer.Conflict, "/compose/") || answer.Error == "" {
		t.Fatalf("%d %+v", code, answer)
	}
	if text, _, _ := h.message("Drafts"); !strings.Contains(text, "Subject: one\n") {
		t.Error(text)
	}
	// Without scripts the page asks, and has what was typed.
	w := h.post(first, form)
	wants(t, w.Body.String(), "changed in another window", `value="two"`, `name="keep" value="own"`, html.EscapeString(answer.Conflict))
	form.Set("keep", "own")
	if code := h.json(first, form, &answer); code != 200 || answer.ID == id {
		t.Fatalf("%d %+v", code, answer)
	}
	list := h.get("/f/Drafts")
	wants(t, list, "one", "two", `href="/compose/`)
	lacks(t, list, `href="/m/`)
	// One that is not ours is no id.
	form = url.Values{"op": {"save"}, "id": {"<x@y>\r\nX-Evil: 1"}, "subject": {"three"}}
	if code := h.json("/compose", form, &answer); code != 200 || !ownID.MatchString(answer.ID) {
		t.Fatalf("%d %+v", code, answer)
	}
}

// TestDiscard: what is thrown away can be had back.
func TestDiscard(t *testing.T) {
	h, _ := writerHouse(t)
	w := h.post("/compose", url.Values{"op": {"save"}, "subject": {"precious"}})
	action := strings.Split(w.Header().Get("Location"), "&done=")[0]
	w = h.post(action, url.Values{"op": {"discard"}, "next": {"/f/INBOX"}})
	if w.Code != 303 {
		t.Fatal(w.Code, w.Body)
	}
	lacks(t, h.get("/f/Drafts"), "precious")
	token := regexp.MustCompile(`/undo/[^"]+`).FindString(h.get(w.Header().Get("Location")))
	w = h.post(token, url.Values{})
	wants(t, h.get(w.Header().Get("Location")), `value="precious"`)
}

// TestSendByScript: a script is told of doubts, and how long there is to think again.
func TestSendByScript(t *testing.T) {
	h, _ := writerHouse(t)
	var answer struct {
		Asked  []string
		Anyway bool
		Action string
		Undo   string
	}
	form := url.Values{"op": {"send"}, "to": {"Zoe <zoe@example.net>"}, "text": {"x"}, "next": {"/"}}
	if code := h.json("/compose", form, &answer); code != 200 || len(answer.Asked) != 1 || !answer.Anyway || answer.Undo != "" {
		t.Fatalf("%d %+v", code, answer)
	}
	form.Set("anyway", "1")
	if code := h.json(answer.Action, form, &answer); code != 200 || answer.Undo == "" {
		t.Fatalf("%d %+v", code, answer)
	}
	home := h.do("GET", "/?done="+answer.Undo, nil, visit)
	page := h.get(home.Header().Get("Location"))
	wants(t, page, `data-left="10"`, `href="/outbox"`, "Message sent.")
	// Who was written to is completed from now on, and can become a contact.
	wants(t, h.get("/contacts/complete?q=zo"), `"text":"Zoe \u003czoe@example.net\u003e"`)
	wants(t, h.get("/contacts"), `value="zoe@example.net"`, `value="forget"`)
	if w := h.post("/contacts", url.Values{"op": {"forget"}, "email": {"zoe@example.net"}}); w.Code != 303 {
		t.Error(w.Code)
	}
	lacks(t, h.get("/contacts/complete?q=zo"), "zoe@")
}

// TestReminders: who does not want to be asked is not, but for what cannot be sent.
func TestReminders(t *testing.T) {
	h, _ := writerHouse(t)
	err := h.site.settings.Change(func(s *settings.Settings) error {
		s.Reminders = "off"
		s.Identities = []settings.Identity{{Address: "demo@example.org", Bcc: "archive@example.org"}, {Address: "info@example.org", Bcc: "all@example.org"}}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	page := h.get("/compose")
	wants(t, page, `name="bcc" value="archive@example.org"`)
	if w := h.post("/compose", url.Values{"op": {"send"}, "to": {"nobody"}}); w.Code != 200 || len(h.jobs()) != 0 {
		t.Errorf("%d", w.Code)
	}
	w := h.post("/compose", url.Values{"op": {"send"}, "to": {"b@example.org"}, "bcc": {"archive@example.org"}, "text": {"attached"}, "identity": {"info@example.org"}})
	if w.Code != 303 || len(h.jobs()) != 1 || !slices.Contains(h.jobs()[0].Job.To, "all@example.org") {
		t.Errorf("%d %+v", w.Code, h.jobs())
	}
}

// TestAgain: what was refused can be sent once more, as it is now.
func TestAgain(t *testing.T) {
	h, _ := writerHouse(t)
	h.post("/compose", url.Values{"op": {"send"}, "to": {"bob@example.org"}, "subject": {"Hello"}, "text": {"y"}})
	release, err := h.site.box.Lock()
	if err != nil {
		t.Fatal(err)
	}
	held, _, err := h.site.box.Claim(now.Add(time.Hour))
	if err != nil || held == nil {
		t.Fatal(err)
	}
	wants(t, h.get("/outbox"), "On its way")
	if err := errors.Join(held.Fail(outbox.Refused, "550 full"), held.Done(), h.site.setPending(t.Context(), held.Job.Draft, mail.Remove), release()); err != nil {
		t.Fatal(err)
	}
	page := h.get("/outbox")
	wants(t, page, "The server said: <bdi>550 full", `value="again"`, `href="/compose/`)
	w := h.post("/outbox/"+held.ID, url.Values{"op": {"again"}})
	if list := h.jobs(); w.Code != 303 || len(list) != 1 || list[0].Job.Subject != "Hello" {
		t.Errorf("%d %+v", w.Code, list)
	}
	lacks(t, h.get("/outbox"), "was refused")
	if w := h.post("/outbox/"+held.ID, url.Values{"op": {"again"}}); w.Code != 410 {
		t.Errorf("%d", w.Code)
	}
}

// TestOwnAddresses: those that the account may write from are its own, whatever it is called.
func TestOwnAddresses(t *testing.T) {
	h, _ := writerHouse(t)
	r := h.site.understand(httptest.NewRequest("GET", "/", nil))
	if got := fmt.Sprint(h.site.ownAddresses(r)); got != "[demo@example.org info@example.org]" {
		t.Error(got)
	}
	id := h.add(mail.Inbox, "From: Bob <bob@example.org>\nTo: info@example.org, carl@example.org\nSubject: x\n\ny\n", 0, now)
	page := h.get("/compose?replyall=" + id + "&f=INBOX")
	wants(t, page, `value="info@example.org" selected`, `name="to" value="Bob &lt;bob@example.org&gt;, carl@example.org"`, `name="next" value="/m/`)
}

// TestSendLimit: what is beyond the limit stays a draft.
func TestSendLimit(t *testing.T) {
	h := setup(t)
	h.site.addresses = []string{"demo@example.org"}
	h.site.sendLimit = 3
	send := func(to string) int {
		t.Helper()
		return h.post("/compose", url.Values{"op": {"send"}, "to": {to}, "subject": {"x"}, "text": {"y"}}).Code
	}
	if code := send("a@example.org, b@example.org"); code != 303 {
		t.Errorf("%d", code)
	}
	w := h.post("/compose", url.Values{"op": {"send"}, "to": {"c@example.org, d@example.org"}, "subject": {"x"}, "text": {"y"}})
	if w.Code != 429 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), locale.Match("en", "").Text("compose.tooMany")) {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if code := send("c@example.org"); code != 303 || len(h.jobs()) != 2 {
		t.Errorf("%d, %d jobs", code, len(h.jobs()))
	}
}
