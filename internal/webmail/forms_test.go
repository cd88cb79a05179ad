package webmail

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"fantail/internal/webmail/outbox"
	"fantail/internal/webmail/settings"
)

// ourFields are those that a message may have that was written here.
var ourFields = []string{
	"From", "To", "Cc", "Bcc", "Reply-To", "Subject", "Date", "Message-Id", "In-Reply-To", "References", "Mime-Version", "Content-Type", "Content-Transfer-Encoding",
	"Content-Language", "User-Agent",
}

// written is what somebody writes into the form of a message.
type written struct{ identity, to, cc, bcc, subject, text, file, kind string }

// send posts the form as browsers do.
func (h *house) send(l written) *httptest.ResponseRecorder {
	h.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range [][2]string{{"token", visit[headerToken]}, {"op", "send"}, {"anyway", "1"}, {"identity", l.identity}, {"to", l.to}, {"cc", l.cc}, {"bcc", l.bcc}, {"subject", l.subject}, {"text", l.text}} {
		if err := w.WriteField(f[0], f[1]); err != nil {
			h.t.Fatal(err)
		}
	}
	// Written by hand: what stands in these is not what a browser lets stand there.
	part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="files"; filename="` + l.file + `"`}, "Content-Type": {l.kind}})
	if err == nil {
		_, err = io.WriteString(part, "data")
	}
	if err = errors.Join(err, w.Close()); err != nil {
		h.t.Fatal(err)
	}
	return h.postAs("/compose", w.FormDataContentType(), b.Bytes())
}

func (h *house) postAs(path, kind string, body []byte) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest("POST", path, bytes.NewReader(body))
	for k, v := range visit {
		r.Header.Set(k, v)
	}
	r.Header.Set("Content-Type", kind)
	w := httptest.NewRecorder()
	h.site.ServeHTTP(w, r)
	return w
}

// leaves looks at all that would leave: fields of ours alone, lines that are lines, and
// recipients that are addresses.
func (h *house) leaves(what any) (n int) {
	h.t.Helper()
	for _, e := range h.jobs() {
		n++
		for _, a := range append([]string{e.Job.From}, e.Job.To...) {
			if strings.ContainsFunc(a, unicode.IsControl) || strings.ContainsAny(a, " <>\u2028\u2029") || !strings.Contains(a, "@") {
				h.t.Errorf("%q: it goes to %q", what, a)
			}
		}
		if e.Job.From != "demo@example.org" && e.Job.From != "info@example.org" {
			h.t.Errorf("%q: it is from %q", what, e.Job.From)
		}
		dir := filepath.Join(h.acct.Path(), settings.Directory, "outbox", string(outbox.Queued), e.ID)
		for _, name := range []string{"message", "head"} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				h.t.Fatal(err)
			}
			h.isClean(what, name, text)
		}
	}
	return n
}

func (h *house) isClean(what any, name string, text []byte) {
	h.t.Helper()
	unix := bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	head, _, _ := bytes.Cut(unix, []byte("\n\n"))
	if bytes.ContainsAny(head, "\r\x00") {
		h.t.Errorf("%q: %s has %q", what, name, head)
	}
	m, err := mail.ReadMessage(bytes.NewReader(unix))
	if err != nil {
		h.t.Errorf("%q: %s: %v: %q", what, name, err, head)
		return
	}
	for field, values := range m.Header {
		if !slices.Contains(ourFields, field) || len(values) != 1 || field == "Bcc" && name == "message" {
			h.t.Errorf("%q: %s has %s: %q", what, name, field, values)
		}
	}
	for line := range bytes.SplitSeq(unix, []byte("\n")) {
		if len(line) > 998 { // RFC 5322 section 2.1.1
			h.t.Errorf("%q: %s has a line of %d octets", what, name, len(line))
		}
	}
}

// injections are what ends a line, a field or a header somewhere.
var injections = []string{
	"\r\nX-Evil: 1", "\nX-Evil: 1", "\rX-Evil: 1", "\r\n\r\nbody", "\n\nbody", "\x00", "\u2028X-Evil: 1", "\u0085X-Evil: 1", "\v\fX-Evil: 1", "=?utf-8?q?=0d=0aX-Evil:_1?=",
	"=?utf-8?b?DQpYLUV2aWw6IDE=?=", "\"\r\nX-Evil: 1", "\\\r\nX-Evil: 1", "(\r\nX-Evil: 1)", "<x@y>\r\nX-Evil: 1", "%0d%0aX-Evil: 1", "\x1b]0;x\x07", "\u202egnp.exe", "\ufeff", strings.Repeat("x", 2000), strings.Repeat("\u00e9", 2000), "\xff\xfe",
}

// TestInjection: no field of the form makes a field of the header, a recipient or a line.
func TestInjection(t *testing.T) {
	fields := map[string]func(*written, string){
		"identity": func(l *written, s string) { l.identity += s }, "to": func(l *written, s string) { l.to += s }, "name": func(l *written, s string) { l.to = s + " <bob@example.org>" },
		"quoted name": func(l *written, s string) { l.to = `"` + s + `" <bob@example.org>` }, "local part": func(l *written, s string) { l.to = "bob" + s + "@example.org" },
		"second": func(l *written, s string) { l.to += ", c@example.org" + s }, "group": func(l *written, s string) { l.to = "g" + s + ": d@example.org;" }, "cc": func(l *written, s string) { l.cc = "c@example.org" + s },
		"bcc": func(l *written, s string) { l.bcc = "d@example.org" + s }, "subject": func(l *written, s string) { l.subject += s }, "subject alone": func(l *written, s string) { l.subject = s },
		"text": func(l *written, s string) { l.text += s }, "file": func(l *written, s string) { l.file = s + ".txt" }, "kind": func(l *written, s string) { l.kind = "text/plain; name=x" + s }, "main kind": func(l *written, s string) { l.kind = s },
	}
	sent := 0
	for name, put := range fields {
		for _, s := range injections {
			h, _ := writerHouse(t)
			l := written{"demo@example.org", "bob@example.org", "", "", "Hello", "Text", "a.txt", "text/plain"}
			put(&l, s)
			if w := h.send(l); w.Code >= 500 {
				t.Errorf("%s, %.40q: %d %s", name, s, w.Code, w.Body)
			}
			sent += h.leaves([]string{name, s})
		}
	}
	if sent < len(fields)*len(injections)/2 {
		t.Errorf("only %d messages would leave", sent)
	}
}

// TestInjectedSettings: nor do an identity and its signature.
func TestInjectedSettings(t *testing.T) {
	for _, s := range injections {
		h, _ := writerHouse(t)
		form := url.Values{"op": {"save"}, "i": {"0"}, "was": {""}, "address": {"demo@example.org"}, "name": {"Ann" + s}, "replyTo": {"ann@example.org" + s}, "bcc": {"b@example.org" + s}, "signature": {s}}
		w := h.post("/settings/identities", form)
		if w.Code >= 500 {
			t.Errorf("%.40q: %d", s, w.Code)
		}
		h.send(written{"demo@example.org", "bob@example.org", "", "", "Hello", "Text", "a.txt", "text/plain"})
		if h.leaves(s) != 1 {
			t.Errorf("%.40q: nothing leaves", s)
		}
	}
}

// FuzzLetter has anything stand in the form of a message.
func FuzzLetter(f *testing.F) {
	f.Add("demo@example.org", "Bob <bob@example.org>", "c@example.org", "d@example.org", "Hello", "Text\r\n-- \r\n>x", "a.txt", "text/plain")
	for _, s := range injections {
		f.Add(s, "bob@example.org, "+s, s, s+"@example.org", s, s, s, s)
	}
	f.Fuzz(func(t *testing.T, identity, to, cc, bcc, subject, text, file, kind string) {
		h, _ := writerHouse(t)
		l := written{identity, to, cc, bcc, subject, text, file, kind}
		if w := h.send(l); w.Code >= 500 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		h.leaves(l)
	})
}

// FuzzMultipart has anything stand behind the first field of a form with files.
func FuzzMultipart(f *testing.F) {
	for _, s := range []string{
		"--x\r\nContent-Disposition: form-data; name=\"op\"\r\n\r\nsave\r\n--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a\"\r\nContent-Type: text/plain\r\n\r\nb\r\n--x--\r\n",
		"--x--", "--x\r\n\r\n", "--x\r\nContent-Disposition: form-data; filename=\"../../x\"\r\n\r\nb", "--x\r\nContent-Disposition: form-data; name=\"to\"\r\nContent-Transfer-Encoding: base64\r\n\r\n!!\r\n--x--",
		"--x\r\nContent-Disposition: form-data; name=\"drop\"\r\n\r\n0 a\r\n--x\r\nContent-Disposition: form-data; name=\"at\"\r\n\r\n9999\r\n--x\r\nContent-Disposition: form-data; name=\"op\"\r\n\r\nlater\r\n--x--",
		strings.Repeat("--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n", maxFields+2),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, rest []byte) {
		h, _ := writerHouse(t)
		body := append([]byte("--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n"+visit[headerToken]+"\r\n"), rest...)
		if w := h.postAs("/compose", "multipart/form-data; boundary=x", body); w.Code >= 500 {
			t.Errorf("%d %s\n%s", w.Code, w.Body, h.log.String())
		}
		h.leaves(rest)
	})
}

// FuzzSettingsForm has anything stand in the forms of the settings: what is kept afterwards
// is settings, and every page of them is shown.
func FuzzSettingsForm(f *testing.F) {
	pages := []string{"general", "appearance", "pictures", "identities", "templates"}
	for i, s := range []string{
		"language=de&zone=Europe/Berlin&undoSend=30&swipeEnd=star&swipeStart=none", "theme=dark&density=compact", "op=trust&who=@b.example", "op=save&i=0&address=demo@example.org&name=Ann&signature=x%0d%0ay", "op=save&i=0&name=n&subject=s&text=t",
		"op=delete&i=-1", "op=up&i=99999999999999999999", "swipeEnd=%00", "op=save&i=1&address=%ff", "&&&=;",
	} {
		f.Add(uint8(i%len(pages)), s, s)
	}
	f.Fuzz(func(t *testing.T, page uint8, first, second string) {
		h := setup(t)
		path := "/settings/" + pages[int(page)%len(pages)]
		for _, form := range []string{first, second} {
			if w := h.postAs(path, "application/x-www-form-urlencoded", []byte("token="+url.QueryEscape(visit[headerToken])+"&"+form)); w.Code >= 500 {
				t.Errorf("%d %s\n%s", w.Code, w.Body, h.log.String())
			}
		}
		if s, err := settings.Open(h.acct.Path()).Load(); err != nil || s.Check() != nil {
			t.Errorf("%+v, %v", s, err)
		}
		for _, p := range pages {
			if w := h.do("GET", "/settings/"+p, nil, visit); w.Code != http.StatusOK {
				t.Errorf("%s: %d", p, w.Code)
			}
		}
	})
}
