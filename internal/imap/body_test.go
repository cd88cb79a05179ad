package imap_test

import (
	"bufio"
	"strings"
	"testing"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/message"
)

func parse(t testing.TB, text string) *message.Part {
	t.Helper()
	p, err := message.Parse(strings.NewReader(text), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const mixed = `From: a@example.org
Content-Type: multipart/mixed; boundary=x

--x

Hello
there
--x
Content-Type: image/png; name="a b.png"
Content-Transfer-Encoding: BASE64
Content-Disposition: attachment; filename="a \"b\".png"
Content-ID: <1@x>
Content-Description: a picture
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
Content-Language: de, en
Content-Location: http://example.org/

AAAA
--x
Content-Type: message/rfc822

Subject: inner

text
--x--
`

func TestBody(t *testing.T) {
	const png = `"image" "png" ("name" "a b.png") "<1@x>" "a picture" "base64" 4`
	const env = `(NIL "inner" NIL NIL NIL NIL NIL NIL NIL NIL)`
	const text = `"text" "plain" ("charset" "us-ascii") NIL NIL "7bit" `
	for _, c := range []struct{ name, text, body, structure string }{
		{"no header", "\nx\n", "(" + text + "3 1)", "(" + text + "3 1 NIL NIL NIL NIL)"},
		{"empty", "", "(" + text + "0 0)", "(" + text + "0 0 NIL NIL NIL NIL)"},
		{
			"mixed", mixed,
			`((` + text + `12 1)(` + png + `)("message" "rfc822" NIL NIL NIL "7bit" 22 ` + env + ` (` + text + `4 0) 2) "mixed")`,
			`((` + text + `12 1 NIL NIL NIL NIL)` +
				`(` + png + ` "Q2hlY2sgSW50ZWdyaXR5IQ==" ("attachment" ("filename" "a \"b\".png")) ("de" "en") "http://example.org/")` +
				`("message" "rfc822" NIL NIL NIL "7bit" 22 ` + env + ` (` + text + `4 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)` +
				` "mixed" ("boundary" "x") NIL NIL NIL)`,
		},
		{
			"multipart without parts", "Content-Type: multipart/mixed; boundary=x\n\nnone\n",
			`("application" "octet-stream" ("boundary" "x") NIL NIL "7bit" 6)`,
			`("application" "octet-stream" ("boundary" "x") NIL NIL "7bit" 6 NIL NIL NIL NIL)`,
		},
		{
			"one language, no parameters of the disposition", "Content-Type: a/b\nContent-Language: de\nContent-Disposition: inline\n\n",
			`("a" "b" NIL NIL NIL "7bit" 0)`,
			`("a" "b" NIL NIL NIL "7bit" 0 NIL ("inline" NIL) "de" NIL)`,
		},
		{
			"8-bit and NUL", "Content-Type: a/b; x=\"\xe4\x00\"\n\n",
			"(\"a\" \"b\" (\"x\" {2}\r\n\xe4?) NIL NIL \"7bit\" 0)",
			"(\"a\" \"b\" (\"x\" {2}\r\n\xe4?) NIL NIL \"7bit\" 0 NIL NIL NIL NIL)",
		},
	} {
		p := parse(t, c.text)
		for extended, want := range map[bool]string{false: c.body, true: c.structure} {
			if got := encode(t, false, func(e *wire.Encoder) { imap.WriteBody(e, p, extended) }); got != want {
				t.Errorf("%s, extended %v:\n got %s\nwant %s", c.name, extended, got, want)
			}
		}
	}
}

func TestEnvelope(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "\n", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"},
		{
			"defaults of sender and reply-to", "From: A <a@x>\nDate: today\nSubject:\n\n",
			`("today" "" (("A" NIL "a" "x")) (("A" NIL "a" "x")) (("A" NIL "a" "x")) NIL NIL NIL NIL NIL)`,
		},
		{
			"everything",
			"Date: d\nSubject: =?utf-8?q?=C3=A4?=\n folded\nFrom: f@x\nSender: s@x\nReply-To: r@x\nTo: t@x,\n u@x\n" +
				"Cc: c@x\nBcc: b@x\nIn-Reply-To: <i@x>\nMessage-ID: <m@x>\n\n",
			`("d" "=?utf-8?q?=C3=A4?= folded" ((NIL NIL "f" "x")) ((NIL NIL "s" "x")) ((NIL NIL "r" "x"))` +
				` ((NIL NIL "t" "x")(NIL NIL "u" "x")) ((NIL NIL "c" "x")) ((NIL NIL "b" "x")) "<i@x>" "<m@x>")`,
		},
		{
			"group", "To: friends: a@x, b@x;\n\n",
			`(NIL NIL NIL NIL NIL ((NIL NIL "friends" NIL)(NIL NIL "a" "x")(NIL NIL "b" "x")(NIL NIL NIL NIL)) NIL NIL NIL NIL)`,
		},
		{"8-bit", "Subject: \xe4\n\n", "(NIL {1}\r\n\xe4 NIL NIL NIL NIL NIL NIL NIL NIL)"},
	} {
		env := parse(t, c.text).Envelope()
		if got := encode(t, false, func(e *wire.Encoder) { imap.WriteEnvelope(e, env) }); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
	env := parse(t, "Subject: \xc3\xa4\n\n").Envelope()
	if got := encode(t, true, func(e *wire.Encoder) { imap.WriteEnvelope(e, env) }); !strings.HasPrefix(got, `(NIL "ä" `) {
		t.Errorf("with UTF-8: %s", got)
	}
}

// reader reads what a server sends by the grammar of RFC 9051 section 9.
type reader struct{ *wire.Scanner }

func (r reader) nstring() { r.NString() }

// params reads body-fld-param.
func (r reader) params() {
	if r.TryName("NIL") {
		return
	}
	n := r.List(func() { r.IMAPString() })
	if n == 0 || n%2 != 0 {
		r.Expected("pairs of strings")
	}
}

// body reads the rule body.
func (r reader) body(extended bool) {
	r.ListStart()
	if r.Peek() == '(' {
		for r.Peek() == '(' {
			r.body(extended)
		}
		r.SP()
		r.IMAPString()
		if extended {
			r.SP()
			r.params()
			r.extension()
		}
		r.ListEnd()
		return
	}
	typ := r.IMAPString()
	r.SP()
	subtype := r.IMAPString()
	if typ == "multipart" {
		r.Expected("a type that is not multipart")
	}
	r.SP()
	r.params()
	r.SP()
	r.nstring()
	r.SP()
	r.nstring()
	r.SP()
	r.IMAPString()
	r.SP()
	r.Number()
	switch {
	case typ == "message" && (subtype == "rfc822" || subtype == "global"):
		r.SP()
		r.envelope()
		r.SP()
		r.body(extended)
		fallthrough
	case typ == "text":
		r.SP()
		r.Number()
	}
	if extended {
		r.SP()
		r.nstring()
		r.extension()
	}
	r.ListEnd()
}

// extension reads body-fld-dsp, body-fld-lang and body-fld-loc.
func (r reader) extension() {
	r.SP()
	if !r.TryName("NIL") {
		r.ListStart()
		r.IMAPString()
		r.SP()
		r.params()
		r.ListEnd()
	}
	r.SP()
	if r.Peek() == '(' {
		if r.List(func() { r.IMAPString() }) == 0 {
			r.Expected("a language")
		}
	} else {
		r.nstring()
	}
	r.SP()
	r.nstring()
}

// envelope reads the rule envelope.
func (r reader) envelope() {
	r.ListStart()
	r.nstring()
	r.SP()
	r.nstring()
	for range 6 {
		r.SP()
		if r.TryName("NIL") {
			continue
		}
		r.ListStart()
		for ok := true; ok; ok = r.Peek() == '(' {
			r.ListStart()
			for i := range 4 {
				if i > 0 {
					r.SP()
				}
				r.nstring()
			}
			r.ListEnd()
		}
		r.ListEnd()
	}
	r.SP()
	r.nstring()
	r.SP()
	r.nstring()
	r.ListEnd()
}

// FuzzBody: whatever a message is, its structure and its envelope are what the
// grammar says.
func FuzzBody(f *testing.F) {
	f.Add(mixed)
	f.Add("Content-Type: multipart/digest; boundary=\"\xe4\"\n\n--\xe4\n\n--\xe4\n\nSubject: \x00\n\n--\xe4--")
	f.Add("Content-Type: message/rfc822\nContent-Language: a, b\n\nTo: g: a@b, \"x\r\n\" <@c:d@e>;\nFrom:\n\n")
	lim := message.Limits{Depth: 5, Parts: 20, Header: 1000, Headers: 5000, Fields: 50, Addresses: 20, Params: 10}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := message.Parse(strings.NewReader(text), lim)
		if err != nil {
			t.Fatal(err)
		}
		for _, utf8 := range []bool{false, true} {
			out := encode(t, utf8, func(e *wire.Encoder) {
				imap.WriteBody(e, p, false)
				e.SP()
				imap.WriteBody(e, p, true)
				e.SP()
				imap.WriteEnvelope(e, p.Envelope())
				e.CRLF()
			})
			generous := wire.Limits{Line: 1 << 20, Literal: 1 << 20, Literals: 1 << 20, Depth: 100}
			r := reader{wire.NewScanner(bufio.NewReader(strings.NewReader(out)), generous, func() error { return nil })}
			if err := r.Next(); err != nil {
				t.Fatal(err)
			}
			r.body(false)
			r.SP()
			r.body(true)
			r.SP()
			r.envelope()
			r.CRLF()
			if r.Err() != nil {
				t.Fatalf("%q: %v", out, r.Err())
			}
		}
	})
}
