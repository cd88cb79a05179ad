package webmail

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"fantail/internal/mail"
)

// fileForm posts a form with a file, as browsers do: fields first, in their order.
func (h *house) fileForm(path, token, folder, file string) *httptest.ResponseRecorder {
	h.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, f := range [][2]string{{tokenField, token}, {"f", folder}} {
		if err := w.WriteField(f[0], f[1]); err != nil {
			h.t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile("file", "x.mbox")
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := part.Write([]byte(file)); err != nil {
		h.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		h.t.Fatal(err)
	}
	r := httptest.NewRequest("POST", path, &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set(headerToken, "secret-token")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	out := httptest.NewRecorder()
	h.site.ServeHTTP(out, r)
	return out
}

// TestExchangeFolder: a folder that was saved as a file comes back as it was, marks and dates
// included.
func TestExchangeFolder(t *testing.T) {
	h := setup(t)
	create := func(name string) {
		t.Helper()
		if err := h.acct.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	create("Work")
	h.add("Work", "Subject: one\n\nFrom here\n>From there\n", mail.Seen|mail.Answered, now.Add(-time.Hour))
	h.add("Work", "Subject: two\n\nx", mail.Flagged, now.Add(-2*time.Hour))
	w := h.post("/folders/export", url.Values{"f": {"Work"}})
	file := w.Body.String()
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/mbox" || !strings.Contains(w.Header().Get("Content-Disposition"), "Work.mbox") {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	wants(t, file, "\nStatus: RO\nX-Status: A\nSubject: one\n\n>From here\n>>From there\n\nFrom ", "\nStatus: O\nX-Status: F\nSubject: two\n")

	create("Copy")
	w = h.fileForm("/folders/import", "secret-token", "Copy", file)
	if w.Code != 303 || !strings.HasPrefix(w.Header().Get("Location"), "/f/Copy?done=") {
		t.Fatalf("%d %s %s", w.Code, w.Header(), w.Body)
	}
	wants(t, h.get(w.Header().Get("Location")), "2 messages were imported into Copy.")
	for _, folder := range []string{"Work", "Copy"} {
		v, err := h.site.boxes.open(t.Context(), folder)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for i := range v.snap.Len() {
			stat, err := v.Stat(t.Context(), v.snap.UID(i))
			if err != nil {
				t.Fatal(err)
			}
			root, err := v.Structure(t.Context(), v.snap.UID(i))
			if err != nil {
				t.Fatal(err)
			}
			got += fmt.Sprintln(v.snap.Flags(i), stat.Date.Unix()-now.Unix(), subjectOf(root), len(root.Fields))
		}
		if want := fmt.Sprintln(mail.Seen|mail.Answered, -3600, "one", 1) + fmt.Sprintln(mail.Flags(mail.Flagged), -7200, "two", 1); got != want {
			t.Errorf("%s:\n%swant\n%s", folder, got, want)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
	undo := regexp.MustCompile(`action="(/undo/[^"]+)"`).FindStringSubmatch(h.get(w.Header().Get("Location")))
	h.post(undo[1], url.Values{})
	h.holds("Copy")

	if w := h.fileForm("/folders/import", "secret-token", "Copy", "Date: Mon, 2 Nov 2026 10:00:00 +0000\nSubject: alone\n\nFrom a\n"); w.Code != 303 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	h.holds("Copy", "alone S")
}

// Forms that are not ours, files that are no mail, and folders that are not there.
func TestImportRefuses(t *testing.T) {
	h := setup(t)
	for _, c := range []struct {
		token, folder, file string
		code                int
	}{
		{"wrong", "INBOX", "From a\nSubject: x\n\nx\n", 403},
		{"secret-token", "INBOX", "PK\x03\x04...", 422},
		{"secret-token", "INBOX", "", 422},
		{"secret-token", "INBOX", "From a\nSubject: x\n\nx\n\nFrom b\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03packed\n", 422},
		{"secret-token", "Nowhere", "From a\nSubject: x\n\nx\n", 404},
		{"secret-token", "../../etc", "From a\nSubject: x\n\nx\n", 404},
	} {
		if w := h.fileForm("/folders/import", c.token, c.folder, c.file); w.Code != c.code {
			t.Errorf("%.20q into %s: %d, want %d", c.file, c.folder, w.Code, c.code)
		}
	}
	h.holds("INBOX")
	r := httptest.NewRequest("POST", "/folders/import", strings.NewReader("token=secret-token"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set(headerToken, "secret-token")
	w := httptest.NewRecorder()
	if h.site.ServeHTTP(w, r); w.Code != 400 {
		t.Errorf("no file: %d", w.Code)
	}
}
