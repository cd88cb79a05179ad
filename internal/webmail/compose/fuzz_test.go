package compose

import (
	"bytes"
	"errors"
	"net/mail"
	"strings"
	"testing"

	"fantail/internal/message"
)

// FuzzBuild: whatever somebody types, it is refused with the name of a field, or it is
// a message in which every field is one that we have written, and which is read again as
// it was. In particular no input brings a line end into the header.
func FuzzBuild(f *testing.F) {
	f.Add("Greetings", "Ann", "ann", "example.org", "Hello", "file.txt", false)
	f.Add("Grüße\r\nBcc: x@y", "a\nb", "ä", "bücher.example", "> q\n-- \nx", "ä\n.txt", true)
	f.Add("=?utf-8?q?x?=", "Lee, Ann", "a b", "[1.2.3.4]", "\x00\xff\r", strings.Repeat("ä", 90), false)
	f.Add("  a   b  ", `"\`, `"`, "x", strings.Repeat("word ", 300), `a"\b`, true)
	f.Fuzz(func(t *testing.T, subject, name, local, domain, text, filename string, rich bool) {
		m := small()
		m.Subject = subject
		m.To = []Address{{name, local, domain}, bob}
		m.Draft = Draft{Identity: name, To: text, Source: domain}
		m.Files = []File{file(filename, "text/plain", text)}
		if m.Rich = rich; rich {
			m.HTML, m.Text = text, ""
		} else {
			m.Text = text
		}
		b, err := m.Build(Output{Form: ForDrafts})
		if err != nil {
			var field *FieldError
			if !errors.As(err, &field) {
				t.Fatal(err)
			}
			return
		}
		var out bytes.Buffer
		if _, err := b.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		checkFields(t, out.String())
		first := read(t, out.String())
		if want := strings.Trim(subject, " "); first.Subject != want {
			t.Fatalf("subject %q is read as %q", want, first.Subject)
		}
		if want, err := m.To[0].checked(); err != nil || len(first.To) != 2 || first.To[0] != want {
			t.Fatalf("address %+v is read as %+v", want, first.To)
		}
		if got := plainFiles(t, first.Files)[0]; got.name != strings.TrimSpace(filename) || got.content != text {
			t.Fatalf("file %q is read as %q", filename, got.name)
		}
		// What was read is in its normal form: from there on nothing changes.
		again, _ := build(t, first, Output{Form: ForDrafts})
		second := read(t, again)
		same(t, second, first)
	})
}

// checkFields wants the header to have our fields and no others, on lines of legal
// length.
func checkFields(t *testing.T, octets string) {
	t.Helper()
	head, _, _ := strings.Cut(octets, "\n\n")
	if strings.ContainsAny(head, "\r\x00") {
		t.Fatalf("control characters in %q", head)
	}
	for line := range strings.SplitSeq(head, "\n") {
		if len(line) > 998 || strings.TrimSpace(line) == "" {
			t.Fatalf("line %q", line)
		}
	}
	root, err := message.Parse(strings.NewReader(octets), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	order := []string{
		"Date", "From", "To", "Subject", "Message-ID", fieldIdentity, fieldSource, fieldTo,
		"MIME-Version", "Content-Type", "Content-Transfer-Encoding",
	}
	for _, f := range root.Fields {
		for len(order) > 0 && order[0] != f.Name {
			order = order[1:]
		}
		if len(order) == 0 {
			t.Fatalf("field %q is none of ours, or not in its place:\n%s", f.Name, head)
		}
		order = order[1:]
	}
	if _, err := mail.ReadMessage(strings.NewReader(octets)); err != nil {
		t.Fatalf("net/mail: %v\n%s", err, head)
	}
}
