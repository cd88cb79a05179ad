package message

import (
	"io"
	"mime"
	"net/mail"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func downgrade(t testing.TB, text string) (string, bool) {
	t.Helper()
	root, err := Parse(strings.NewReader(text), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	r, needed := Downgraded(strings.NewReader(text), root)
	if !needed {
		return text, false
	}
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(got), true
}

func TestDowngraded(t *testing.T) {
	for in, want := range map[string]string{
		"Subject: Grüße\n":                                            "Subject: =?utf-8?b?R3LDvMOfZQ==?=\n",
		"Subject: Grüße aus Köln am Rhein\r\n":                        "Subject: =?utf-8?b?R3LDvMOfZQ==?= aus =?utf-8?b?S8O2bG4=?= am Rhein\n",
		"subject:Käse\n Köln\n":                                       "subject: =?utf-8?b?S8Okc2UgS8O2bG4=?=\n",
		"From: Jürgen <j@example.org>, \"a, b\" <a@b>\n":              "From: =?utf-8?b?SsO8cmdlbg==?= <j@example.org>, \"a, b\" <a@b>\n",
		"To: =?utf-8?q?=C3=A4?= <a@b>, \"Ü, b\" <c@d>\n":              "To: =?utf-8?q?=C3=A4?= <a@b>, =?utf-8?b?w5wsIGI=?= <c@d>\n",
		"Cc: ü@example.org, x@y\n":                                    "Cc: =?utf-8?b?w7xAZXhhbXBsZS5vcmc=?=:;, x@y\n",
		"Cc: Jö <jö@b>\n":                                             "Cc: =?utf-8?b?SsO2IDxqw7ZAYj4=?=:;\n",
		"To: Döner: a@b, c@d;\n":                                      "To: =?utf-8?b?RMO2bmVy?=: a@b, c@d;\n",
		"To: Döner:;\n":                                               "To: =?utf-8?b?RMO2bmVy?=: ;\n",
		"Content-Type: text/plain; name=\"Ä ö.txt\"; charset=utf-8\n": "Content-Type: text/plain; name*=utf-8''%C3%84%20%C3%B6.txt; charset=utf-8\n",
		"Content-Disposition: attachment; filename=Ä\n":               "Content-Disposition: attachment; filename*=utf-8''%C3%84\n",
		"X-Ä: b\n": "X-?: b\n",
	} {
		if got, needed := downgrade(t, in+"\nbödy\n"); !needed || got != want+"\nbödy\n" {
			t.Errorf("%q:\n got %q\nwant %q", in, got, want+"\nbödy\n")
		}
	}
	for _, in := range []string{"Subject: a\n\nbödy\n", "Subject: \xe4\n\n", "", "\nä\n"} {
		if got, needed := downgrade(t, in); needed {
			t.Errorf("%q became %q", in, got)
		}
	}
}

// TestDowngradedParts: the headers of parts and of messages within change, bodies do not.
func TestDowngradedParts(t *testing.T) {
	const in = "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Description: ä\n\nä\n--x\nContent-Type: message/rfc822\n\n" +
		"Subject: ö\nTo: a@b\n\nö\n--x--\nü\n"
	want := strings.Replace(strings.Replace(in, "Description: ä", "Description: =?utf-8?b?w6Q=?=", 1), "Subject: ö", "Subject: =?utf-8?b?w7Y=?=", 1)
	if got, needed := downgrade(t, in); !needed || got != want {
		t.Errorf("got\n%s", got)
	}
}

// TestDowngradedLong: lines keep within 76 octets, and what a client decodes is what
// there was.
func TestDowngradedLong(t *testing.T) {
	subject := strings.TrimSpace(strings.Repeat("Überlänge und noch ein Wort ", 20))
	got, _ := downgrade(t, "Subject: "+subject+"\nContent-Disposition: attachment; filename=\""+strings.Repeat("ä€", 60)+"\"\n\n")
	for line := range strings.Lines(got) {
		if len(line) > 77 {
			t.Errorf("%d octets: %s", len(line), line)
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil || text != subject {
		t.Errorf("%q, %v", text, err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Disposition"))
	if err != nil || params["filename"] != strings.Repeat("ä€", 60) {
		t.Errorf("%q, %v", params["filename"], err)
	}
}

// TestDowngradedInTime: hostile headers cost time for their length.
func TestDowngradedInTime(t *testing.T) {
	for _, field := range []string{
		"Subject: " + strings.Repeat("ä", 500_000), "Subject: " + strings.Repeat("ä a ", 200_000), "To: ä" + strings.Repeat(";", 1_000_000),
		"To: ä" + strings.Repeat("a@b,", 200_000), "To: " + strings.Repeat("ä@b,", 200_000), "To: ä" + strings.Repeat("x:", 400_000),
		"Content-Type: a; " + strings.Repeat("ä;", 300_000), "Content-Type: a; b=\"" + strings.Repeat("ä", 300_000), "To: ä" + strings.Repeat("\"", 900_000),
		"To: ä" + strings.Repeat("<", 900_000), "To: ä" + strings.Repeat("(", 900_000),
	} {
		began := time.Now()
		if _, needed := downgrade(t, field+"\n\n"); !needed {
			t.Errorf("%.30s: not needed", field)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%.30s: took %v", field, took)
		}
	}
}

func FuzzDowngraded(f *testing.F) {
	f.Add("Subject: Grüße\nTo: a: b@c, \"ä\" <d@e>;, ö@x\n\nü\n")
	f.Add("Content-Type: multipart/mixed; boundary=x; n=\"ä\\\"\"\n\n--x\nContent-Disposition: a; filename=ö; =\n\n--x--\n")
	f.Add("From: \xc3\xa4:;\nSender: ;;:ä<\nReply-To: ä (\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, needed := downgrade(t, text)
		root, err := Parse(strings.NewReader(got), DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		if !needed {
			return
		}
		for i := range root.Fields {
			f := &root.Fields[i]
			if value := f.Value(); !ascii(value) && utf8.ValidString(value) && !strings.Contains(text, value) {
				t.Errorf("%q has still %q", got, value)
			}
		}
		if again, needed := downgrade(t, got); needed {
			t.Errorf("%q becomes %q", got, again)
		}
	})
}
