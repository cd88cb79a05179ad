package webmail

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fantail/internal/mail"
	"fantail/internal/webmail/settings"
)

func (h *house) contactLinks(path string) []string {
	h.t.Helper()
	var list []string
	for _, m := range regexp.MustCompile(`href="(/contacts/[^"]*)"><span class="face"`).FindAllStringSubmatch(h.get(path), -1) {
		list = append(list, m[1])
	}
	return list
}

func TestContacts(t *testing.T) {
	h := setup(t)
	wants(t, h.get("/contacts"), "No contacts yet.")
	wants(t, h.get("/contacts/new"), "New contact")
	save := func(kv url.Values) *httptest.ResponseRecorder {
		t.Helper()
		kv.Set("op", "save")
		return h.post("/contacts", kv)
	}
	h.done(save(url.Values{"name": {"Ann <b>Lee</b>"}, "email": {"ann@example.org", "", "ann@work.example"}, "phone": {"+44 20 1"}, "groups": {"Friends, Work,"}, "note": {"a\r\nb"}}), "Contact saved: Ann &lt;b&gt;Lee&lt;/b&gt;.", false)
	h.done(save(url.Values{"email": {"ben@example.org"}}), "Contact saved: ben@example.org.", false)
	page := h.get("/contacts")
	wants(t, page, "ann@example.org", "ben@example.org", `href="/contacts?g=Friends"`)
	lacks(t, page, "<b>Lee")
	links := h.contactLinks("/contacts?q=lee+work.ex")
	if len(links) != 1 || len(h.contactLinks("/contacts?g=Work")) != 1 || len(h.contactLinks("/contacts?q=zzz")) != 0 {
		t.Fatalf("%q", links)
	}
	page = h.get(links[0])
	wants(t, page, `value="ann@work.example"`, `value="Friends, Work"`, "a\nb</textarea>", `value="&#43;44 20 1"`, "/search?q=from%3Aann%40example.org")

	// What another program has written there stays.
	id := strings.TrimPrefix(links[0], "/contacts/")
	file := filepath.Join(h.acct.Path(), settings.Directory, "contacts", id+".vcf")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(text, []byte("END:VCARD"), []byte("X-SHOE-SIZE:43\r\nEND:VCARD"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	changed := save(url.Values{"id": {id}, "name": {"Ann Moe"}, "email": {"ann@work.example"}})
	if text, err = os.ReadFile(file); err != nil || !bytes.Contains(text, []byte("X-SHOE-SIZE:43")) || !bytes.Contains(text, []byte("Ann Moe")) || bytes.Contains(text, []byte("ann@example.org")) {
		t.Errorf("%s, %v", text, err)
	}
	h.done(changed, "Contact saved: Ann Moe.", true)
	wants(t, h.get(links[0]), "Lee", "ann@example.org")

	h.done(h.post("/contacts", url.Values{"op": {"delete"}, "id": {id}}), "Contact deleted: Ann &lt;b&gt;Lee&lt;/b&gt;.", true)
	wants(t, h.get(links[0]), "ann@example.org")

	for _, c := range []struct {
		form url.Values
		code int
		says string
	}{
		{url.Values{"op": {"save"}}, 422, "Write a name"},
		{url.Values{"op": {"save"}, "name": {"x"}, "email": {"no address"}}, 422, "is not an e-mail address"},
		{url.Values{"op": {"save"}, "name": {"x"}, "email": {"a@b.example, c@d.example"}}, 422, "is not an e-mail address"},
		{url.Values{"op": {"save"}, "id": {"../../x"}, "name": {"x"}}, 404, "No such contact"},
		{url.Values{"op": {"delete"}, "id": {"nobody"}}, 404, "No such contact"},
		{url.Values{"op": {"add"}, "email": {"x"}}, 400, "Not done"},
		{url.Values{"op": {"explode"}}, 400, "Not done"},
	} {
		if w := h.post("/contacts", c.form); w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%v: %d\n%s", c.form, w.Code, w.Body)
		}
	}
	if w := h.do("GET", "/contacts/nobody", nil, visit); w.Code != 404 {
		t.Errorf("nobody: %d", w.Code)
	}
}

func TestAddSender(t *testing.T) {
	h := setup(t)
	id := h.add("INBOX", plainMail, mail.Seen, now)
	wants(t, h.get("/m/"+id+"?f=INBOX&u=1"), `name="email" value="j@example.org"`, "Add to contacts")
	form := url.Values{"op": {"add"}, "name": {"Jürgen M"}, "email": {"J@example.org"}, "next": {"/f/INBOX"}}
	h.done(h.post("/contacts", form), "Contact saved: Jürgen M.", false)
	form.Set("email", "j@EXAMPLE.org")
	h.done(h.post("/contacts", form), "among your contacts already: Jürgen M.", false)
	if n := len(h.contactLinks("/contacts")); n != 1 {
		t.Errorf("%d contacts", n)
	}
}

// TestExchange: what is exported can be imported elsewhere, and is completed there.
func TestExchange(t *testing.T) {
	h, other := setup(t), setup(t)
	h.post("/contacts", url.Values{"op": {"save"}, "name": {"Zoë van den Berg"}, "email": {"zoe@example.org"}, "groups": {"Garden"}})
	w := h.do("GET", "/contacts/export", nil, visit)
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/vcard; charset=utf-8" || !strings.Contains(w.Body.String(), "BEGIN:VCARD") {
		t.Fatalf("%d %v\n%s", w.Code, w.Header(), w.Body)
	}
	send := func(token, file string) *httptest.ResponseRecorder {
		var body bytes.Buffer
		m := multipart.NewWriter(&body)
		m.WriteField("token", token)
		f, err := m.CreateFormFile("file", "c.vcf")
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, file)
		m.Close()
		r := httptest.NewRequest("POST", "/contacts/import", &body)
		for k, v := range visit {
			r.Header.Set(k, v)
		}
		r.Header.Set("Content-Type", m.FormDataContentType())
		out := httptest.NewRecorder()
		other.site.ServeHTTP(out, r)
		return out
	}
	if w := send("wrong", w.Body.String()); w.Code != 403 {
		t.Errorf("without the token: %d", w.Code)
	}
	large := w.Body.String() + strings.Repeat("NOISE:"+strings.Repeat("x", 200)+"\r\n", 1000) // more than other forms may be
	other.done(send(visit[headerToken], large), "New contacts: 1.", false)
	if got := other.get("/contacts/complete?q=zoe+be"); got != `[{"name":"Zoë van den Berg","address":"zoe@example.org","text":"Zoë van den Berg \u003czoe@example.org\u003e"}]`+"\n" {
		t.Error(got)
	}
	if got := other.get("/contacts/complete?q=gard"); got != `[{"name":"Garden","group":true}]`+"\n" {
		t.Error(got)
	}
	if got := other.get("/contacts/complete?q="); got != "[]\n" {
		t.Error(got)
	}
	if w := send(visit[headerToken], strings.Repeat("x", maxImport)); w.Code == 303 {
		t.Errorf("too large: %d", w.Code)
	}
}
