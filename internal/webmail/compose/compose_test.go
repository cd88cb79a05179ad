package compose

import (
	"bytes"
	"errors"
	"io"
	"net/mail"
	"reflect"
	"strings"
	"testing"
	"time"

	"fantail/internal/message"
)

var (
	ann  = Address{Name: "Ann Lee", Local: "ann", Domain: "example.org"}
	bob  = Address{Local: "bob", Domain: "example.com"}
	when = time.Date(2026, 11, 23, 10, 20, 30, 0, time.FixedZone("", 3600))
)

// file is an attachment that is held in memory.
func file(name, kind, text string) File {
	return File{Name: name, Type: kind, Open: content(text)}
}

// small is a message that can be sent.
func small() *Message {
	return &Message{
		From: ann, To: []Address{bob}, Subject: "Greetings", Date: when,
		MessageID: "<abc@example.org>", Text: "Hello,\n\nall is well.",
	}
}

func build(t testing.TB, m *Message, o Output) (string, *Built) {
	t.Helper()
	b, err := m.Build(o)
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	var out bytes.Buffer
	n, err := b.WriteTo(&out)
	if err != nil || n != int64(out.Len()) {
		t.Fatalf("write: %d of %d octets, %v", n, out.Len(), err)
	}
	return out.String(), b
}

// read parses octets and reads the draft in them.
func read(t testing.TB, octets string) *Message {
	t.Helper()
	r := strings.NewReader(octets)
	root, err := message.Parse(r, message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	m, err := Read(root, strings.NewReader(octets))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// plainFile is a File that can be compared.
type plainFile struct{ name, kind, id, content string }

func plainFiles(t testing.TB, files []File) (out []plainFile) {
	t.Helper()
	for _, f := range files {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		out = append(out, plainFile{f.Name, f.Type, f.ID, string(b)})
	}
	return out
}

// same compares two messages.
func same(t testing.TB, got, want *Message) {
	t.Helper()
	g, w := *got, *want
	if !reflect.DeepEqual(plainFiles(t, g.Files), plainFiles(t, w.Files)) {
		t.Errorf("files\n%q, want\n%q", plainFiles(t, g.Files), plainFiles(t, w.Files))
	}
	if !reflect.DeepEqual(plainFiles(t, g.Inline), plainFiles(t, w.Inline)) {
		t.Errorf("inline\n%q, want\n%q", plainFiles(t, g.Inline), plainFiles(t, w.Inline))
	}
	if !g.Date.Equal(w.Date) {
		t.Errorf("date %v, want %v", g.Date, w.Date)
	}
	for _, m := range []*Message{&g, &w} {
		m.Files, m.Inline, m.Date = nil, nil, time.Time{}
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got\n%+v, want\n%+v", g, w)
	}
}

func TestPlain(t *testing.T) {
	got, b := build(t, small(), Output{})
	want := `Date: Mon, 23 Nov 2026 10:20:30 +0100
From: Ann Lee <ann@example.org>
To: bob@example.com
Subject: Greetings
Message-ID: <abc@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8; format=flowed; delsp=no
Content-Transfer-Encoding: 7bit

Hello,

all is well.
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if b.SMTPUTF8 || b.EightBit {
		t.Errorf("%+v", b)
	}
	crlf, _ := build(t, small(), Output{CRLF: true})
	if crlf != strings.ReplaceAll(want, "\n", "\r\n") {
		t.Errorf("got with CRLF\n%q", crlf)
	}
}

func TestForms(t *testing.T) {
	m := small()
	m.Bcc = []Address{{Local: "carl", Domain: "example.net"}}
	m.Draft = Draft{Identity: "work", Source: "id1", Action: Replied, Notify: true, To: "dav"}
	for form, want := range map[Form][2]bool{ForTransport: {false, false}, ForSent: {true, false}, ForDrafts: {true, true}} {
		got, _ := build(t, m, Output{Form: form})
		if bcc, draft := strings.Contains(got, "\nBcc: carl@example.net\n"), strings.Contains(got, "X-Fantail-"); bcc != want[0] || draft != want[1] {
			t.Errorf("form %d: Bcc %v, draft fields %v", form, bcc, draft)
		}
	}
	m.To = nil
	got, _ := build(t, m, Output{})
	if !strings.Contains(got, "\nTo: undisclosed-recipients:;\n") {
		t.Errorf("nobody is named:\n%s", got)
	}
	list, err := m.Recipients()
	if err != nil || !reflect.DeepEqual(list, []string{"carl@example.net"}) {
		t.Errorf("recipients %v, %v", list, err)
	}
}

// TestRefused wants the name of the field in every refusal.
func TestRefused(t *testing.T) {
	for _, test := range []struct {
		name, field string
		cause       error
		spoil       func(m *Message)
	}{
		{"line end in subject", "Subject", ErrControl, func(m *Message) { m.Subject = "a\r\nBcc: x@y" }},
		{"bare LF", "Subject", ErrControl, func(m *Message) { m.Subject = "a\nb" }},
		{"C1", "Subject", ErrControl, func(m *Message) { m.Subject = "a\u0085b" }},
		{"line separator", "Subject", ErrControl, func(m *Message) { m.Subject = "a\u2028b" }},
		{"octets", "Subject", ErrUTF8, func(m *Message) { m.Subject = "a\xff" }},
		{"name", "To", ErrControl, func(m *Message) { m.To[0].Name = "a\nb" }},
		{"local part", "Cc", ErrControl, func(m *Message) { m.Cc = []Address{{Local: "a\r", Domain: "b"}} }},
		{"domain", "To", ErrDomain, func(m *Message) { m.To[0].Domain = "a b" }},
		{"domain with a line end", "To", ErrControl, func(m *Message) { m.To[0].Domain = "a\nb" }},
		{"empty label", "To", ErrDomain, func(m *Message) { m.To[0].Domain = "a..b" }},
		{"no local part", "To", ErrLocal, func(m *Message) { m.To[0].Local = "" }},
		{"nobody", "From", ErrNoAddress, func(m *Message) { m.From = Address{} }},
		{"long local part", "To", ErrLocal, func(m *Message) { m.To[0].Local = strings.Repeat("a", 65) }},
		{"no date", "Date", ErrNoDate, func(m *Message) { m.Date = time.Time{} }},
		{"no id", "Message-ID", ErrMessageID, func(m *Message) { m.MessageID = "" }},
		{"id", "In-Reply-To", ErrMessageID, func(m *Message) { m.InReplyTo = "<a@b>\n<c@d>" }},
		{"reference", "References", ErrMessageID, func(m *Message) { m.References = []string{"<a@b>", "x"} }},
		{"file name", "Filename", ErrControl, func(m *Message) { m.Files = []File{file("a\nb", "", "")} }},
		{"file type", "Content-Type", ErrType, func(m *Message) { m.Files = []File{file("a", "text/plain; x=y", "")} }},
		{"multipart", "Content-Type", ErrType, func(m *Message) { m.Files = []File{file("a", "multipart/mixed", "")} }},
		{"file id", "Content-ID", ErrMessageID, func(m *Message) { m.Files = []File{{ID: "a b", Open: content("")}} }},
		{"method", "Method", ErrType, func(m *Message) { m.Calendar = &Calendar{Method: "A\nB"} }},
		{"identity", "X-Fantail-Identity", ErrControl, func(m *Message) { m.Draft.Identity = "a\nb" }},
	} {
		m := small()
		test.spoil(m)
		_, err := m.Build(Output{Form: ForDrafts})
		if test.field == "From" || test.field == "Message-ID" {
			_, err = m.Build(Output{})
		}
		var f *FieldError
		if !errors.As(err, &f) || f.Field != test.field || !errors.Is(err, test.cause) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// TestHeaders wants each header to be read again by two parsers that are not ours, with
// no line beyond the limits.
func TestHeaders(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("word ", 60))
	for _, subject := range []string{
		"plain", "two  spaces   here", "Grüße", "Grüße aus der Stadt", "ein ganz normaler Satz mit Umläuten am Ende: ÄÖÜ",
		"ж", strings.Repeat("ж", 200), strings.Repeat("日本語", 100), "=?utf-8?q?not_encoded?=", long, long + " é", "é " + long,
		"a  é", "é  a", "é  é", strings.Repeat("x", 2000), "emoji 👩‍👩‍👧‍👦 family", "tail =?", "ü" + strings.Repeat(" ", 300) + "b",
		strings.Repeat("a ", 400) + "ß", "ends in =", "\u202eabc",
	} {
		m := small()
		m.Subject = subject
		m.To = []Address{{Name: OneLine(subject)[:min(len(OneLine(subject)), 10)], Local: "x", Domain: "y.example"}, bob}
		m.To[0].Name = OneLine(strings.ToValidUTF8(m.To[0].Name, ""))
		got, _ := build(t, m, Output{})
		head, _, _ := strings.Cut(got, "\n\n")
		for line := range strings.SplitSeq(head, "\n") {
			if len(line) > 998 || strings.Contains(line, "=?") && len(line) > 76 || strings.TrimSpace(line) == "" {
				t.Errorf("%.30q: line %q", subject, line)
			}
		}
		if !isASCII(head) {
			t.Errorf("%.30q: not ASCII", subject)
		}
		back := read(t, got)
		if back.Subject != subject || !reflect.DeepEqual(back.To, m.To) {
			t.Errorf("%.30q: our parser reads %q, %q", subject, back.Subject, back.To)
		}
		theirs, err := mail.ReadMessage(strings.NewReader(got))
		if err != nil {
			t.Fatal(err)
		}
		list, err := theirs.Header.AddressList("To")
		if err != nil || len(list) != 2 || list[0].Name != m.To[0].Name {
			t.Errorf("%.30q: net/mail reads %v, %v", subject, list, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, test := range []struct {
		a    Address
		want string
	}{
		{Address{"", "a", "b.example"}, "a@b.example"},
		{Address{"Ann", "a", "b"}, "Ann <a@b>"},
		{Address{"Ann Lee", "a.b", "c"}, "Ann Lee <a.b@c>"},
		{Address{"Lee, Ann", "a", "b"}, `"Lee, Ann" <a@b>`},
		{Address{`a "b" \c`, "a", "b"}, `"a \"b\" \\c" <a@b>`},
		{Address{"Jörg", "j", "bücher.example"}, "=?utf-8?Q?J=C3=B6rg?= <j@xn--bcher-kva.example>"},
		{Address{"", "a b", "c"}, `"a b"@c`},
		{Address{"", ".a", "c"}, `".a"@c`},
		{Address{"", `a"b`, "c"}, `"a\"b"@c`},
		{Address{"", "root", "[127.0.0.1]"}, "root@[127.0.0.1]"},
		{Address{"  a   b ", "x", "y"}, "a b <x@y>"},
		{Address{"=?x?=", "x", "y"}, "=?utf-8?B?PT94Pz0=?= <x@y>"},
	} {
		m := small()
		m.To = []Address{test.a}
		got, b := build(t, m, Output{})
		if !strings.Contains(got, "\nTo: "+test.want+"\n") || b.SMTPUTF8 {
			t.Errorf("%+v: want %q in\n%s", test.a, test.want, got)
		}
		want, err := test.a.checked()
		if back := read(t, got); err != nil || len(back.To) != 1 || back.To[0] != want {
			t.Errorf("%+v is read as %+v", test.a, back.To)
		}
	}
}

func TestSMTPUTF8(t *testing.T) {
	m := small()
	m.Subject = "Grüße"
	m.From.Name = "Ünal, A."
	m.To = []Address{{"Jörg", "jörg", "bücher.example"}}
	got, b := build(t, m, Output{})
	for _, want := range []string{"\nSubject: Grüße\n", "\nTo: Jörg <jörg@xn--bcher-kva.example>\n", "\nFrom: \"Ünal, A.\" <ann@example.org>\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if !b.SMTPUTF8 {
		t.Error("SMTPUTF8 is not asked for")
	}
	m.To[0].Domain = "xn--bcher-kva.example"
	if back := read(t, got); !reflect.DeepEqual(back.To, m.To) || back.From != m.From || back.Subject != m.Subject {
		t.Errorf("read as %+v", back)
	}
}

// TestLongDraft: what is pasted into a field of addresses does not keep a draft from being
// saved.
func TestLongDraft(t *testing.T) {
	m := small()
	m.Draft.To = strings.TrimSpace(strings.Repeat("Jörg, ", 10_000))
	octets, _ := build(t, m, Output{Form: ForDrafts})
	same(t, read(t, octets), m)
}

func TestMessageID(t *testing.T) {
	id, err := NewMessageID("bücher.example")
	if err != nil || len(id) != len("<@xn--bcher-kva.example>")+26 || !strings.HasSuffix(id, "@xn--bcher-kva.example>") || !isMessageID(id) {
		t.Errorf("%q, %v", id, err)
	}
	if _, err := NewMessageID("a\nb"); !errors.Is(err, ErrControl) {
		t.Errorf("line end: %v", err)
	}
}
