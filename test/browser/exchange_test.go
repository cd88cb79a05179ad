package browser

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// A file of many messages goes through the front into a folder and out again.
func TestExchange(t *testing.T) {
	s := start(t)
	c := s.client(t)
	token := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(fetch(t, c, s.url+"/folders"))
	if token == nil {
		t.Fatal("no form")
	}
	var file bytes.Buffer
	const messages = 300
	for i := range messages {
		fmt.Fprintf(&file, "From a@b Tue Nov  3 03:05:06 2026\nStatus: RO\nSubject: imported %d\nContent-Type: text/plain\n\n>From here\n%s\n\n", i, strings.Repeat("many words in it\n", 500))
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, f := range [][2]string{{"token", token[1]}, {"f", "Archive"}} {
		if err := form.WriteField(f[0], f[1]); err != nil {
			t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile("file", "mail.mbox")
	if err == nil {
		_, err = part.Write(file.Bytes())
	}
	if err != nil || form.Close() != nil {
		t.Fatal(err)
	}
	send := func(path, kind string, body io.Reader) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v\n%.500s", path, resp.Status, err, b)
		}
		return string(b)
	}
	if page := send("/folders/import", form.FormDataContentType(), &body); !strings.Contains(page, fmt.Sprintf("%d messages were imported into Archive.", messages)) {
		t.Errorf("%.2000s", page)
	}
	out := send("/folders/export", "application/x-www-form-urlencoded", strings.NewReader(url.Values{"token": {token[1]}, "f": {"Archive"}}.Encode()))
	if n := strings.Count(out, "\nSubject: imported "); n != messages || strings.Count(out, "\n>From here\n") != messages {
		t.Errorf("%d messages come out", n)
	}
}
