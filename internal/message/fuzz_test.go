package message

import (
	"bytes"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

var fuzzMessages = []string{
	"",
	"\n",
	"\r\n\r\n",
	"From a@b Mon Jan 1 00:00:00 2020\nSubject: x\n no\n\nbody",
	"Subject: =?utf-8?q?a?=\r\n =?utf-8?b?YQ==?=\r\nFrom: a <b@c>, g: d@e;\r\nTo: x\n\nbody\r\n",
	"To: ,;\nTo: g:;, a@b\nCC:\nCc: (c) d, e@f\nBcc: x\nfrom: h\nFrom: i\nDate: 1 Jan 2020 00:00 +0000\nSubject: Fwd: y\nSubject:\n\n",
	"Content-Type: multipart/mixed; boundary=b\n\npre\n--b\n\none\n--b\r\nContent-Type: text/html\r\n\r\ntwo\r\n--b--\nepi\n",
	"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/digest; boundary=\"b b\"\n\n--b b\n\nSubject: i\n\nx\n--b b--\n--b\n",
	"Content-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary*0=b; boundary*1=c\n\n--bc\n--bc--",
	"Content-Type: text/plain; charset=utf-7\nContent-Transfer-Encoding: quoted-printable\nContent-Disposition: attachment; filename*=utf-8''a%20b\n\n+AOQ- =C3=\n=20 \n",
	"Content-Type: text/html; charset=iso-2022-jp\nContent-Transfer-Encoding: base64\n\nGyRC\nRnxLXBsoQg==\n",
	"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n#86)C\n`\nend\n",
}

// normal returns s with every line end as CRLF.
func normal(s []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(s, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}

// check reports what is inconsistent in a tree.
func check(t *testing.T, in []byte, p *Part) {
	t.Helper()
	cut := func(s Span) []byte { return in[s.Off:s.End()] }
	if p.Body.Off != p.Header.End() || p.Body.Len < 0 {
		t.Fatalf("body %v does not follow header %v", p.Body, p.Header)
	}
	header, body := normal(cut(p.Header)), normal(cut(p.Body))
	if int64(len(header)) != p.HeaderSize || int64(len(body)) != p.BodySize {
		t.Fatalf("sizes %d and %d, want %d and %d", p.HeaderSize, p.BodySize, len(header), len(body))
	}
	if n, m := bytes.Count(header, []byte("\n")), bytes.Count(body, []byte("\n")); int64(n) != p.HeaderLines || int64(m) != p.BodyLines {
		t.Fatalf("lines %d and %d, want %d and %d", p.HeaderLines, p.BodyLines, n, m)
	}
	at := p.Header.Off
	for _, f := range p.Fields {
		if f.Span.Off != at || f.Span.Len <= 0 {
			t.Fatalf("field at %v, want %d", f.Span, at)
		}
		if f.Name != "" && !bytes.HasPrefix(cut(f.Span), []byte(f.Name)) && isToken(f.Name[0]) {
			t.Fatalf("field %q at %q", f.Name, cut(f.Span))
		}
		at = f.Span.End()
	}
	if rest := string(in[at:p.Header.End()]); !p.Clipped && rest != "" && rest != "\n" && rest != "\r\n" {
		t.Fatalf("fields end before %q", rest)
	}
	if p.Type == "" || p.Subtype == "" || p.Encoding == "" {
		t.Fatalf("type %q/%q, encoding %q", p.Type, p.Subtype, p.Encoding)
	}
	if p.Message != nil {
		if p.Message.Span() != p.Body {
			t.Fatalf("message %v does not fill %v", p.Message.Span(), p.Body)
		}
		check(t, in, p.Message)
	}
	at = p.Body.Off
	for _, c := range p.Parts {
		if c.Header.Off < at || c.Body.End() > p.Body.End() {
			t.Fatalf("part %v is not in %v behind %d", c.Span(), p.Body, at)
		}
		at = c.Body.End()
		check(t, in, c)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range fuzzMessages {
		f.Add([]byte(s))
	}
	small := Limits{Depth: 3, Parts: 4, Header: 60, Headers: 100, Fields: 5, Addresses: 2, Params: 2}
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, lim := range []Limits{DefaultLimits(), small, {}} {
			s := NewScanner(lim)
			p, err := s.Parse(bytes.NewReader(in))
			if err != nil {
				t.Fatal(err)
			}
			if p.Span() != (Span{0, int64(len(in))}) {
				t.Fatalf("message %v of %d octets", p.Span(), len(in))
			}
			check(t, in, p)
			again, err := s.Parse(iotest.OneByteReader(bytes.NewReader(in)))
			if err != nil || !reflect.DeepEqual(p, again) {
				t.Fatalf("octet by octet: %v", err)
			}
			p.Walk(func(p *Part) bool {
				if long, short := p.Envelope().SortKeys().Append(nil), p.SortKeys().Append(nil); !bytes.Equal(short, long) {
					t.Fatalf("sort keys %q, of the envelope %q", short, long)
				}
				p.Date()
				p.Filename()
				return true
			})
			if _, err := Preview(p, bytes.NewReader(in)); err != nil {
				t.Fatal(err)
			}
		}
		a, _ := Parse(bytes.NewReader(in), DefaultLimits())
		b, _ := Parse(bytes.NewReader(normal(in)), DefaultLimits())
		if outline(a) != outline(b) {
			t.Fatalf("as stored\n%swith CRLF\n%s", outline(a), outline(b))
		}
	})
}

func FuzzAddresses(f *testing.F) {
	for _, s := range []string{"a@b", `"a b" <@c,@d:e@f> (g)`, "g: a, b;, =?a?q?,?= <c@[d]", `"\"<`, "((a)\\", "a . b @ c . d", "<<>>,;:;@:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		as := ParseAddresses(s, 50)
		if len(as) > 52 {
			t.Fatalf("%d addresses", len(as))
		}
		open := false
		for _, a := range as {
			if (a.Kind == GroupEnd) != open && a.Kind != Mailbox {
				t.Fatalf("groups nest in %v", as)
			}
			open = a.Kind == GroupStart || open && a.Kind == Mailbox
			if a.Kind == Mailbox && a.Host == "" || strings.ContainsAny(a.Name+a.Route+a.Mailbox+a.Host, "\r\n") {
				t.Fatalf("bad address %+v", a)
			}
		}
		if open {
			t.Fatalf("open group in %v", as)
		}
	})
}

func FuzzDecodeHeader(f *testing.F) {
	for _, s := range []string{"a", "=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "=?x?q?\xff?=\xff", "=?utf-16*en?B?AGEAYg==?=a =?", "=?utf-7?q?+AOQ-?="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := DecodeHeader(s)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n") {
			t.Fatalf("%q gives %q", s, got)
		}
		base, _ := ReplySubject(s)
		if trim(base) != base {
			t.Fatalf("%q has base subject %q", s, base)
		}
		ParseDate(s)
	})
}

func FuzzParams(f *testing.F) {
	for _, s := range []string{"text/plain; a=b", `a/b; c="d\"e"; f*0*=u''%41; f*1=g; f*3=h`, "a/b;;x=y z=w (c); q", "a/b; c*=utf-8'en'%C3%A4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sc := fieldScanner{s: s}
		params := sc.params(20)
		if len(params) > 20 || sc.i > len(s) {
			t.Fatalf("%d parameters, at %d of %d", len(params), sc.i, len(s))
		}
		for _, p := range params {
			if p.Name == "" || !utf8.ValidString(p.Decode()) {
				t.Fatalf("bad parameter %q", p)
			}
		}
		languages(s, 10)
	})
}

func FuzzText(f *testing.F) {
	for _, encoding := range []string{"7bit", "base64", "quoted-printable", "x-uuencode"} {
		for _, charset := range []string{"", "utf-8", "utf-7", "utf-16", "utf-32", "iso-2022-jp", "hz-gb-2312", "gbk", "euc-kr", "iso-2022-kr", "koi8-r", "nonsense"} {
			f.Add(encoding, charset, []byte("begin 644 x\n#86)C\n`\nend\n"))
			f.Add(encoding, charset, []byte("a=C3=A4= \n\t \nYWJj\n=\xff\x1b$B"))
		}
	}
	f.Fuzz(func(t *testing.T, encoding, charset string, body []byte) {
		p := &Part{Type: "text", Subtype: "plain", Encoding: encoding, Body: Span{0, int64(len(body))}, Params: []Param{{"charset", charset}}}
		if _, err := io.Copy(io.Discard, p.Decoded(bytes.NewReader(body))); err != nil {
			t.Fatalf("decode: %v", err)
		}
		all, err := io.ReadAll(p.Text(bytes.NewReader(body), 1<<20))
		if err != nil || !utf8.Valid(all) {
			t.Fatalf("text %q: %v", all, err)
		}
		part, err := io.ReadAll(iotest.OneByteReader(p.Text(bytes.NewReader(body), 7)))
		if err != nil || len(part) > 7 || !bytes.HasPrefix(all, part) || len(all) > len(part)+utf8.UTFMax && len(part) <= 7-utf8.UTFMax {
			t.Fatalf("first octets of %q: %q: %v", all, part, err)
		}
	})
}
