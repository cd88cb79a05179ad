package warning

import (
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/store/quota"
)

// said is a message as a client shows it.
func said(t *testing.T, w Warning, s conf.WarningSettings) (h mail.Header, subject, body string) {
	t.Helper()
	text, err := w.Message(s)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if len(line) > 79 || strings.Contains(line, "\r") {
			t.Errorf("line %q", line)
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(string(text)))
	if err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	b, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return m.Header, subject, string(b)
}

var warning = Warning{
	User: "ann@example.org", Host: "mx", Usage: quota.Usage{Octets: 1_640_000_000, Messages: 9}, Limits: quota.Limits{Octets: 2_000_000_000, Messages: 100},
	Now: time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC),
}

// TestLanguages: every language says everything, and its text is one that an administrator
// could have written.
func TestLanguages(t *testing.T) {
	for _, name := range conf.Languages {
		h, subject, body := said(t, warning, conf.WarningSettings{Language: name})
		comma := "1,6 G"
		if name == "en" {
			comma = "1.6 G"
		}
		for _, want := range []string{"ann@example.org", "82", comma, "2 G"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: no %q in %q", name, want, body)
			}
		}
		if !strings.Contains(subject, "82") || strings.Contains(subject+body, "{") {
			t.Errorf("%s: %q, %q", name, subject, body)
		}
		if _, err := conf.ParseWarningText(string(catalogue[name].text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if from := h.Get("From"); from != "postmaster@example.org" || h.Get("To") != "ann@example.org" || h.Get("Auto-Submitted") != "auto-generated" {
			t.Errorf("%s: header %v", name, h)
		}
		if date, err := h.Date(); err != nil || !date.Equal(warning.Now) {
			t.Errorf("%s: %v, %v", name, date, err)
		}
	}
	if len(catalogue) != len(conf.Languages) {
		t.Errorf("%d languages, %d can be configured", len(catalogue), len(conf.Languages))
	}
}

// TestOwnText: the administrator's words and address, and an account that has filled its
// number of messages.
func TestOwnText(t *testing.T) {
	w := warning
	w.User, w.Usage.Messages = "odd name", 95
	text, err := conf.ParseWarningText("Subject: %{percent} %% für %{user}\n\n%{used} / %{limit}\n" + strings.Repeat("long ", 300))
	if err != nil {
		t.Fatal(err)
	}
	h, subject, body := said(t, w, conf.WarningSettings{Text: text, From: "Die Pöst <post@example.org>", Language: "de"})
	if subject != "95 % für odd name" || !strings.HasPrefix(body, "95 Nachrichten / 100 Nachrichten\r\nlong long") && !strings.HasPrefix(body, "95 Nachrichten / 100 Nachrichten\nlong long") {
		t.Errorf("%q, %q", subject, body)
	}
	from, err := h.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Name != "Die Pöst" {
		t.Errorf("from %v, %v", from, err)
	}
	if to, err := h.AddressList("To"); err != nil || len(to) != 1 || to[0].Address != "odd name@mx" {
		t.Errorf("to %q, %v", h.Get("To"), err)
	}
	if _, err := w.Message(conf.WarningSettings{Text: "Subject: a\n\n%{x}"}); err == nil {
		t.Error("a variable that is none")
	}
}

func TestAmounts(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1 kB", 1949: "1.9 kB", 99_990: "99.9 kB", 123_456_789: "123 MB", 1 << 62: "4611686 TB",
	} {
		if got := catalogue["en"].octets(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for _, c := range []struct {
		used, limit int64
		want        uint64
	}{{0, 0, 0}, {5, 0, 0}, {-5, 10, 0}, {1, 3, 33}, {3, 3, 100}, {1 << 62, 1<<62 + 1, 99}, {1 << 62, 1, 9999}} {
		if got := share(c.used, c.limit); got != c.want {
			t.Errorf("%d of %d is %d, want %d", c.used, c.limit, got, c.want)
		}
	}
}
