package compose

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os/exec"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"fantail/internal/message"
)

const pixel = "\x89PNG\r\n\x1a\nnot much more"

const forwarded = "From: a@b\nSubject: inner\n\ntext of it\n"

// everything has all that a message can have, in its normal form.
func everything() *Message {
	sender := Address{Name: "Office", Local: "office", Domain: "example.org"}
	return &Message{
		From: ann, Sender: &sender,
		ReplyTo: []Address{{Local: "replies", Domain: "example.org"}},
		To:      []Address{bob, {Name: "Jörg, der Ältere", Local: "j", Domain: "xn--bcher-kva.example"}},
		Cc:      []Address{{Name: "C", Local: "c d", Domain: "example.net"}},
		Bcc:     []Address{{Local: "secret", Domain: "example.net"}},
		Subject: "Über alles", Date: when, MessageID: "<abc@example.org>",
		InReplyTo: "<p@x>", References: []string{"<o@x>", "<p@x>"},
		Rich:   true,
		HTML:   `<div>Grüße</div><div><img src="cid:pic@x" alt="a dot"></div>`,
		Inline: []File{{Name: "dot.png", Type: "image/png", ID: "pic@x", Open: content(pixel)}},
		Files: []File{
			file("Bericht über ein langes Jahr mit einem sehr langen Namen, der nicht enden will.txt", "text/plain", "a\nb"),
			file("", "application/octet-stream", ""),
			file("inner.eml", "message/rfc822", forwarded),
			file(`quo"te\.bin`, "application/x-thing", "\x00\r\n\r\x01"),
		},
		Receipt: true, Priority: High,
		Draft: Draft{Identity: "id Ä", Source: "xyz", Action: Forwarded, Notify: true, To: "dav, \"e", Cc: "é", Bcc: "=?x"},
	}
}

func TestDraftRoundTrip(t *testing.T) {
	plain := small()
	plain.Text = "Hi,\n\n> quoted " + strings.Repeat("words and ", 30) + "end\n>> deeper\n> -- \n> sig\n\n > no quote\nFrom here\n.\n" +
		strings.Repeat("日本語の文章", 100) + "\nlast\n\n-- \nAnn"
	fixed := small()
	fixed.Fixed, fixed.Text = true, "trailing  \n>odd\n> > odd\n\n"
	empty := &Message{Date: when}
	invited := small()
	invited.Calendar = &Calendar{Method: "REPLY", Data: "BEGIN:VCALENDAR\nEND:VCALENDAR\n"}
	attached := small()
	attached.Files = []File{file("x.txt", "text/plain", "no line end")}
	for name, m := range map[string]*Message{
		"all": everything(), "plain": plain, "fixed": fixed, "empty": empty, "calendar": invited, "attached": attached,
	} {
		t.Run(name, func(t *testing.T) {
			for _, o := range []Output{{Form: ForDrafts}, {Form: ForDrafts, CRLF: true}, {Form: ForDrafts, EightBit: true}} {
				octets, _ := build(t, m, o)
				got := read(t, octets)
				for i, f := range plainFiles(t, got.Files) {
					if f.kind == "message/rfc822" { // its lines end like all others
						got.Files[i].Open = content(strings.ReplaceAll(f.content, "\r\n", "\n"))
					}
				}
				same(t, got, m)
				again, _ := build(t, read(t, octets), o)
				if again != octets {
					t.Errorf("%+v: built again\n%s\nwant\n%s", o, again, octets)
				}
			}
		})
	}
}

func TestStructure(t *testing.T) {
	octets, _ := build(t, everything(), Output{})
	root, err := message.Parse(strings.NewReader(octets), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	root.Walk(func(p *message.Part) bool {
		got = append(got, p.Type+"/"+p.Subtype+" "+p.Encoding+" "+p.Disposition)
		return p.Message == nil
	})
	want := []string{
		"multipart/mixed 7bit ",
		"multipart/alternative 7bit ",
		"text/plain quoted-printable ",
		"multipart/related 7bit ",
		"text/html quoted-printable ",
		"image/png base64 inline",
		"text/plain base64 attachment",
		"application/octet-stream base64 attachment",
		"message/rfc822 7bit attachment",
		"application/x-thing base64 attachment",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for line := range strings.SplitSeq(octets, "\n") {
		if len(line) > 78 {
			t.Errorf("line of %d octets: %q", len(line), line)
		}
	}
}

// TestPython reads a message with the email package of Python, which is nobody of ours.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	const script = `
import sys, json, email, email.policy
m = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
files = [[p.get_filename() or "", p.get_content_type()] for p in m.walk() if p.get_content_disposition()]
text = m.get_body(preferencelist=("plain",)).get_content()
html = m.get_body(preferencelist=("html",)).get_content()
print(json.dumps({"subject": m["subject"], "to": [[a.display_name, a.addr_spec] for a in m["to"].addresses],
  "files": files, "text": text, "html": html, "defects": [str(d) for p in m.walk() for d in p.defects]}))
`
	octets, _ := build(t, everything(), Output{CRLF: true})
	cmd := exec.Command(python, "-c", script)
	cmd.Stdin = strings.NewReader(octets)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Subject, Text, HTML string
		To, Files           [][2]string
		Defects             []string
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	m := everything()
	if got.Subject != m.Subject || got.To[1] != [2]string{m.To[1].Name, "j@xn--bcher-kva.example"} || len(got.Defects) > 0 {
		t.Errorf("%+v", got)
	}
	names := [][2]string{{"dot.png", "image/png"}}
	for _, f := range m.Files {
		names = append(names, [2]string{f.Name, f.Type})
	}
	if !reflect.DeepEqual(got.Files, names) {
		t.Errorf("files %q, want %q", got.Files, names)
	}
	if got.Text != "Grüße\n[a dot]\n" || !strings.Contains(got.HTML, m.HTML) {
		t.Errorf("text %q, HTML %q", got.Text, got.HTML)
	}
}

// TestGoMIME reads a message with Go's own packages: the leaves in order, with their
// names and decoded sizes.
func TestGoMIME(t *testing.T) {
	m := everything()
	m.Calendar = &Calendar{Method: "REPLY", Data: "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"}
	octets, _ := build(t, m, Output{CRLF: true})
	theirs, err := mail.ReadMessage(strings.NewReader(octets))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var walk func(h interface{ Get(string) string }, body io.Reader)
	walk = func(h interface{ Get(string) string }, body io.Reader) {
		kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(kind, "multipart/") {
			for r := multipart.NewReader(body, params["boundary"]); ; {
				p, err := r.NextRawPart()
				if errors.Is(err, io.EOF) {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				walk(p.Header, p)
			}
		}
		switch h.Get("Content-Transfer-Encoding") {
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, body)
		case "quoted-printable":
			body = quotedprintable.NewReader(body)
		}
		b, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		_, disposition, _ := mime.ParseMediaType(h.Get("Content-Disposition")) // without one there is no name
		got = append(got, fmt.Sprintf("%s %s %q %.20q", kind, params["method"], disposition["filename"], b))
	}
	walk(theirs.Header, theirs.Body)
	want := []string{
		`text/plain  "" "Grüße\r\n[a dot]\r\n"`,
		`text/html  "" "<!DOCTYPE html><html"`,
		`image/png  "dot.png" "\x89PNG\r\n\x1a\nnot much mor"`,
		`text/calendar REPLY "" "BEGIN:VCALENDAR\r\nEND"`,
		`text/plain  "` + m.Files[0].Name + `" "a\nb"`,
		`application/octet-stream  "" ""`,
		`message/rfc822  "inner.eml" "From: a@b\r\nSubject: "`,
		`application/x-thing  "quo\"te\\.bin" "\x00\r\n\r\x01"`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestForwardedMessage wants the octets of a message unchanged, or the message sent as
// a file.
func TestForwardedMessage(t *testing.T) {
	boundary := small().boundary()
	for _, test := range []struct{ name, octets, kind, encoding string }{
		{"ASCII", forwarded, "message/rfc822", "7bit"},
		{"CRLF", strings.ReplaceAll(forwarded, "\n", "\r\n"), "message/rfc822", "7bit"},
		{"8bit", "Subject: x\n\nä\n", "message/rfc822", "8bit"},
		{"no end", "Subject: x\n\nend", "message/rfc822", "7bit"},
		{"long line", "Subject: x\n\n" + strings.Repeat("y", 999) + "\n", "application/octet-stream", "base64"},
		{"longest line", "Subject: x\n\n" + strings.Repeat("y", 998) + "\r\n", "message/rfc822", "7bit"},
		{"NUL", "Subject: x\n\n\x00\n", "application/octet-stream", "base64"},
		{"lone CR", "Subject: x\n\na\rb\n", "application/octet-stream", "base64"},
		{"CR at end", "Subject: x\n\na\r", "application/octet-stream", "base64"},
		{"our boundary", "Subject: x\n\n--" + boundary + "_1--\n", "application/octet-stream", "base64"},
		{"empty", "", "application/octet-stream", "base64"},
	} {
		m := small()
		m.Files = []File{file("m.eml", "message/rfc822", test.octets)}
		octets, b := build(t, m, Output{})
		root, err := message.Parse(strings.NewReader(octets), message.DefaultLimits())
		if err != nil || len(root.Parts) != 2 {
			t.Fatalf("%s: %d parts, %v", test.name, len(root.Parts), err)
		}
		p := root.Parts[1]
		if kind := p.Type + "/" + p.Subtype; kind != test.kind || p.Encoding != test.encoding || b.EightBit != (test.encoding == "8bit") {
			t.Errorf("%s: %s %s", test.name, kind, p.Encoding)
		}
		got, err := io.ReadAll(p.Decoded(strings.NewReader(octets)))
		want := test.octets
		if test.kind == "message/rfc822" {
			want = strings.ReplaceAll(want, "\r\n", "\n")
		}
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", test.name, got, err)
		}
	}
}

// TestInlineIDs: identifiers of others are kept, whatever they are, and so is what names
// them.
func TestInlineIDs(t *testing.T) {
	for _, id := range []string{"image001.png@01D.AB", "plain", "a&b@x", "a'b%c@x", "ä", "<x>", ""} {
		m := small()
		f := File{Name: "p.png", Type: "image/png", ID: id, Open: content(pixel)}
		m.Rich, m.Text, m.HTML, m.Inline = true, "", `<img src="cid:`+cidURL(id)+`">`, []File{f}
		b, err := m.Build(Output{})
		if legal := isContentID(id); !legal {
			if err == nil && id != "" {
				t.Errorf("%q is sent", id)
			}
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := b.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		same(t, read(t, out.String()), m)
	}
}

func TestTransferEncoding(t *testing.T) {
	for _, test := range []struct{ text, seven, eight string }{
		{"plain\n", "7bit", "7bit"},
		{"ä\n", "quoted-printable", "8bit"},
		{strings.Repeat("x", 999), "quoted-printable", "quoted-printable"},
		{strings.Repeat("x", 998) + "\n", "7bit", "7bit"},
		{"--=_X\n", "quoted-printable", "quoted-printable"},
		{"a --=_X\n-=_X\n", "7bit", "7bit"},
		{"\x1b[0m", "quoted-printable", "quoted-printable"},
	} {
		if got := transferEncoding(test.text, "--=_X", false); got != test.seven {
			t.Errorf("%.20q: %s", test.text, got)
		}
		if got := transferEncoding(test.text, "--=_X", true); got != test.eight {
			t.Errorf("%.20q: %s where 8bit is allowed", test.text, got)
		}
	}
}

func TestQuotedPrintable(t *testing.T) {
	for _, text := range []string{
		"", "\n", "a\n", "ä=\n", "trail \n", "tab\t\n", "From me\n.\n..\n", strings.Repeat("x", 76) + "\n", strings.Repeat("x", 77) + "\n",
		strings.Repeat("ä", 100) + "\n", strings.Repeat("a ", 100) + "\n", "no end", "x " + strings.Repeat("y", 75) + "\n",
	} {
		var out bytes.Buffer
		if err := writeText(&out, text, "quoted-printable"); err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(out.String(), "\n") {
			if len(line) > 76 || strings.TrimRight(line, " \t") != line || strings.HasPrefix(line, "From ") || line == "." {
				t.Errorf("%.20q: line %q", text, line)
			}
		}
		got, err := io.ReadAll(quotedprintable.NewReader(&out))
		if err != nil || string(got) != text {
			t.Errorf("%.20q is read as %q, %v", text, got, err)
		}
	}
}

// TestFailures wants errors of attachments and of the writer to come out.
func TestFailures(t *testing.T) {
	broken := errors.New("broken")
	for _, kind := range []string{"text/plain", "message/rfc822"} {
		opened := 0
		m := small()
		m.Files = []File{{Type: kind, Open: func() (io.ReadCloser, error) {
			if opened++; opened > 1 || kind == "text/plain" {
				return nil, broken
			}
			return io.NopCloser(strings.NewReader(forwarded)), nil
		}}}
		b, err := m.Build(Output{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.WriteTo(io.Discard); !errors.Is(err, broken) {
			t.Errorf("%s: %v", kind, err)
		}
		m.Files[0].Open = func() (io.ReadCloser, error) { return nil, broken }
		if _, err := m.Build(Output{}); errors.Is(err, broken) != (kind == "message/rfc822") {
			t.Errorf("%s, at once: %v", kind, err)
		}
	}
	b, err := small().Build(Output{})
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	r.CloseWithError(broken)
	if _, err := b.WriteTo(w); !errors.Is(err, broken) {
		t.Errorf("a writer that fails: %v", err)
	}
}

// endless gives n octets without having them.
type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	if e.n <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), e.n)
	e.n -= n
	return int(n), nil
}

func large(n int64) *Message {
	m := small()
	m.Files = []File{{Name: "large.bin", Open: func() (io.ReadCloser, error) { return io.NopCloser(&endless{n}), nil }}}
	return m
}

// TestMemory wants the memory for an attachment not to depend on its size.
func TestMemory(t *testing.T) {
	cost := func(size int64) uint64 {
		b, err := large(size).Build(Output{CRLF: true})
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := b.WriteTo(io.Discard); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	cost(1)
	if small, big := cost(1<<10), cost(8<<20); big > small+64<<10 {
		t.Errorf("%d octets for 1 kB, %d for 8 MB", small, big)
	}
}

func BenchmarkAttachment25MB(b *testing.B) {
	const size = 25 << 20
	b.SetBytes(size)
	b.ReportAllocs()
	m := large(size)
	for b.Loop() {
		built, err := m.Build(Output{CRLF: true})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := built.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
