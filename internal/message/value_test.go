package message

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestContentType(t *testing.T) {
	tests := []struct{ in, want string }{
		{"text/html; charset=utf-8", "text/html charset=utf-8"},
		{"TEXT/Plain ; CharSet = \"utf-8\" (c) ; ; x=\"a\\\"b\\\\c\"", `text/plain CharSet=utf-8 x=a"b\c`},
		{"(c) text (c) / (d) html (e) ; a=b", "text/html a=b"},
		{"text/html", "text/html"},
		// RFC 2045 section 5.2.
		{"", "text/plain charset=us-ascii"},
		{"text", "text/plain charset=us-ascii"},
		{"/plain", "text/plain charset=us-ascii"},
		{"text/", "text/plain charset=us-ascii"},
		// Broken, but clear.
		{"text/html charset=utf-8", "text/html charset=utf-8"},
		{"text/html, a; charset=utf-8", "text/html charset=utf-8"},
		{"text/plain; name=foo bar (1).txt; a=b", "text/plain name=foo bar (1).txt a=b"},
		{"text/plain; charset=utf-8 name=\"x\" a = b", "text/plain charset=utf-8 name=x a=b"},
		{"multipart/mixed; boundary=a=b?c", "multipart/mixed boundary=a=b?c"},
		{"text/plain; charset; a=b", "text/plain a=b"},
		{"text/plain; a=\"b; c=d", "text/plain a=b; c=d"},
		{"text/plain; a=\"b\"c; d=e", "text/plain a=b d=e"},
		// RFC 2231 section 3 and 4.
		{"text/plain; n*0=a; n*1=\"b c\"; x=y; n*2=d", "text/plain n=ab cd x=y"},
		{"text/plain; n*1=b; n*0=a", "text/plain n=ab"},
		{"text/plain; title*=utf-8''f%C3%B6", "text/plain title*=utf-8''f%C3%B6"},
		{"text/plain; u*0*=utf-8'en'a%20; u*1=b%'; u*2*=c%C3", "text/plain u*=utf-8'en'a%20b%25%27c%C3"},
		{"text/plain; u*0=a; u*1*=%20b", "text/plain u*=''a%20b"},
		{"text/plain; gap*0=a; gap*2=c; none*1=x; n*x=y; N*0=1; n*1=2; n*1=3", "text/plain gap=a gap*2=c none*1=x n*x=y N=12"},
	}
	for _, tt := range tests {
		p := parse(t, "Content-Type: "+tt.in+"\n\n")
		got := p.Type + "/" + p.Subtype
		for _, a := range p.Params {
			got += " " + a.Name + "=" + a.Value
		}
		if got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

func TestContentFields(t *testing.T) {
	p := parse(t, `content-transfer-encoding: BASE64 (comment); x
Content-ID:  <a@b>
Content-Description: folded
	text =?utf-8?q?x?=
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
Content-Language: en, de (German), fr-CH
Content-Location: http://example.com/
Content-Disposition: Attachment; filename="a b"; size=1
Content-Disposition: inline
Content-Type : text/html

`)
	got := fmt.Sprintf("%q", []any{p.Encoding, p.ID, p.Description, p.MD5, p.Language, p.Location, p.Disposition, p.DispositionParams, p.Type})
	want := `["base64" "<a@b>" "folded\ttext =?utf-8?q?x?=" "Q2hlY2sgSW50ZWdyaXR5IQ==" ["en" "de" "fr-CH"] "http://example.com/" "attachment" [{"filename" "a b"} {"size" "1"}] "text"]`
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if p := parse(t, "\n"); p.Encoding != "7bit" || p.Disposition != "" || p.Language != nil {
		t.Errorf("defaults: %+v", p)
	}
}

func TestFilename(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Content-Disposition: attachment; filename=a.txt", "a.txt"},
		{"Content-Disposition: attachment; filename=\"plain\"; filename*=iso-8859-1'de'f%F6", "fö"},
		{"Content-Disposition: attachment; filename*0*=utf-8''%C3; filename*1*=%A4.txt", "ä.txt"},
		{"Content-Disposition: attachment; filename=\"=?utf-8?q?f=C3=B6?=.txt\"", "fö.txt"},
		{"Content-Disposition: attachment; filename*=nonsense", "nonsense"},
		{"Content-Disposition: attachment\nContent-Type: a/b; name=\"x\ty\"", "xy"},
		{"Content-Type: a/b; name=\"caf\xe9\"", "café"},
		{"Subject: none", ""},
	}
	for _, tt := range tests {
		if got := parse(t, tt.in+"\n\n").Filename(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestDecodeHeader(t *testing.T) {
	tests := []struct{ in, want string }{
		// RFC 2047 section 8.
		{"=?ISO-8859-1?Q?a?=", "a"},
		{"=?ISO-8859-1?Q?a?= b", "a b"},
		{"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"},
		{"=?ISO-8859-1?Q?a?=  \r\n  =?ISO-8859-1?Q?b?=", "ab"},
		{"=?ISO-8859-1?Q?a_b?=", "a b"},
		{"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"},
		{"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"},
		{"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=", "If you can read this yo"},
		{"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"},
		{"=?utf-8*en?q?a?=", "a"},
		// Split characters, missing padding, adjacent text.
		{"=?utf-8?q?=C3?= =?UTF-8?b?pA?=", "ä"},
		{"x=?utf-8?q?=C3=A4?=y", "xäy"},
		{"=?utf-8?Q?a b?=", "a b"},
		{"=?utf-8?q?what??=", "what?"},
		{"=?utf-8?q??=x", "x"},
		{"=?utf-8?q?a=3?= =?utf-8?q?=zz?=", "a=3=zz"},
		{"=?utf-8?q?a=0D=0Ab=00?=", "a  b "},
		// No encoded-words.
		{"=?utf-8?x?a?= =?utf-8?q?a", "=?utf-8?x?a?= =?utf-8?q?a"},
		{"=?=?utf-8?q?a?=", "=?a"},
		{"plain\r\n text", "plain text"},
		{"gr\xc3\xbc\xc3\x9fe", "grüße"},
		{"gr\xfc\xdfe", "grüße"},
		// Charsets.
		{"=?unknown?q?=C3=A4_=E4?=", "ä ä"},
		{"=?us-ascii?q?=C3=A4?=", "ä"},
		{"=?iso-8859-1?q?=80?=", "€"},
		{"=?cp932?b?k/qWew==?=", "日本"},
		{"=?ks_c_5601-1987?b?x9GxuQ==?=", "한국"},
		{"=?gb2312?b?1tC5+g==?=", "中国"},
		{"=?utf-7?q?Hi_+ZeVnLIqe-_+-?=", "Hi 日本語 +"},
		{"=?utf-16be?b?AOQ=?=", "ä"},
		{"=?utf-32be?b?AAAA5A==?=", "ä"},
	}
	for _, tt := range tests {
		if got := DecodeHeader(tt.in); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestBaseSubject(t *testing.T) {
	tests := []struct {
		in, want string
		reply    bool
	}{
		{"", "", false},
		{"a", "a", false},
		{" a \t b ", "a b", false},
		{"Re: a", "a", true},
		{"RE : Fwd:fw: a", "a", true},
		{"re[2]: a", "a", true},
		{"re [x] : a", "a", true},
		{"[list] a", "a", false},
		{"[list] Re: [x] a", "a", true},
		{"[list] [x] a", "a", false},
		{"[list]", "[list]", false},
		{"[a][b]", "[b]", false},
		{"Re: [a] [b] ", "[b]", true},
		{"a (fwd)", "a", true},
		{"a (FWD) (fwd) ", "a", true},
		{"[fwd: a]", "a", true},
		{"[fwd: Re: [x] a (fwd)]", "a", true},
		{"[fwd: a] b", "b", false},
		{"re:", "", true},
		{"really", "really", false},
		{"a [b]", "a [b]", false},
		{"[[a] b", "[[a] b", false},
		{"=?utf-8?q?Re:_=C3=A4?=", "ä", true},
	}
	for _, tt := range tests {
		if got, reply := ReplySubject(tt.in); got != tt.want || reply != tt.reply {
			t.Errorf("%s: %q %v, want %q %v", tt.in, got, reply, tt.want, tt.reply)
		}
	}
}

func TestParseDate(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T09:55:06-06:00"},
		{"21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06Z"},
		{"Thu,\t13\n Feb 1969 23:32 -0330 (Newfoundland Time)", "1969-02-13T23:32:00-03:30"},
		{"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T09:55:06-06:00"},
		{"1 Jan 20 00:00:00 EST", "2020-01-01T00:00:00-05:00"},
		{"1 Jan 120 00:00:00 PDT", "2020-01-01T00:00:00-07:00"},
		{"Wed Jan  1 10:00:00 2020", "2020-01-01T10:00:00Z"},
		{"Wednesday, January 1, 2020 1:02:03 PM", "2020-01-01T13:02:03Z"},
		{"2020-01-05T10:11:12.123+01:00", "2020-01-05T10:11:12+01:00"},
		{"1-Jan-2020 10:00:00 +0100", "2020-01-01T10:00:00+01:00"},
		{"1 Jan 2020 10:00:00 GMT+0200", "2020-01-01T10:00:00+02:00"},
		{"31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z"},
		// RFC 5256 section 2.2.
		{"1 Jan 2020", "2020-01-01T00:00:00Z"},
		{"1 Jan 2020 25:00:00 +0100", "2020-01-01T00:00:00+01:00"},
		{"1 Jan 2020 10:00:00 +9999", "2020-01-01T10:00:00Z"},
		{"1 Jan 2020 10:00:00 XYZ", "2020-01-01T10:00:00Z"},
		{"30 Feb 2020 10:00:00 +0000", ""},
		{"32 Jan 2020", ""},
		{"Jan 2020", ""},
		{"yesterday", ""},
		{"", ""},
		{"1 Jan 99999999999999999999", ""},
	}
	for _, tt := range tests {
		got, ok := ParseDate(tt.in)
		if s := got.Format(time.RFC3339); ok != (tt.want != "") || ok && s != tt.want {
			t.Errorf("%s: %s %v, want %s", tt.in, s, ok, tt.want)
		}
	}
	p := parse(t, "Date: 1 Jan 2020\nDate: 2 Jan 2020\n")
	if got, ok := p.Date(); !ok || got.Day() != 2 {
		t.Errorf("last of two dates: %v %v", got, ok)
	}
}

func TestEnvelope(t *testing.T) {
	p := parse(t, "from: A <a@b>\nFROM: c@d\nSender: \nReply-To: r@s\nTo:\nSubject: one\nSubject: a\n\tb   c\nDate:\nMessage-ID:  <x@y>\nIn-Reply-To: foo\n\t<z@y>\n")
	e := p.Envelope()
	if got := list(e.From) + "/" + list(e.Sender) + "/" + list(e.ReplyTo) + "/" + list(e.To); got != "A||a|b ; ||c|d/A||a|b ; ||c|d/||r|s/" {
		t.Errorf("addresses %s", got)
	}
	if *e.Subject != "a b c" || *e.Date != "" || *e.MessageID != "<x@y>" || *e.InReplyTo != "foo\t<z@y>" {
		t.Errorf("strings %q %q %q %q", *e.Subject, *e.Date, *e.MessageID, *e.InReplyTo)
	}
	e = parse(t, "\n").Envelope()
	if e.Subject != nil || e.Date != nil || e.MessageID != nil || e.InReplyTo != nil || e.From != nil || e.Sender != nil {
		t.Errorf("not empty: %+v", e)
	}
}

func TestGet(t *testing.T) {
	p := parse(t, "A: 1\r\n 2\r\na : 3\r\nFrom x Mon: y\r\nno colon\r\nB:\r\n\r\n")
	if v, ok := p.Get("a"); v != "1 2" || !ok {
		t.Errorf("a: %q %v", v, ok)
	}
	if v, ok := p.Get("b"); v != "" || !ok {
		t.Errorf("b: %q %v", v, ok)
	}
	if v, _ := parse(t, "C:\r a\rb\r\r\n c\r\n").Get("c"); v != "a b  c" {
		t.Errorf("lone CRs: %q", v)
	}
	if _, ok := p.Get(""); ok {
		t.Error("a field without a name")
	}
	var names []string
	for _, f := range p.Fields {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, ","); got != "A,a,,,B" {
		t.Errorf("names %s", got)
	}
}

// TestFind goes through the example of RFC 9051 section 6.4.5.1.
func TestFind(t *testing.T) {
	inner := "Content-Type: multipart/mixed; boundary=i\n\n--i\nA: 3.1\n\n--i\nContent-Type: application/x; n=3.2\n\n--i--\n"
	deep := "Content-Type: multipart/mixed; boundary=d\n\n--d\nContent-Type: image/gif\n\n--d\nContent-Type: message/rfc822\n\n" +
		"Content-Type: multipart/mixed; boundary=e\n\n--e\nA: 4.2.1\n\n--e\nContent-Type: multipart/alternative; boundary=f\n\n--f\nA: 4.2.2.1\n\n--f\nContent-Type: text/richtext\n\n--f--\n--e--\n--d--\n"
	p := parse(t, "Content-Type: multipart/mixed; boundary=o\n\n--o\nA: 1\n\n--o\nContent-Type: application/octet-stream\n\n--o\nContent-Type: message/rfc822\n\n"+inner+"\n--o\n"+deep+"\n--o--\n")
	tests := []struct {
		path []int
		want string
	}{
		{nil, "multipart/mixed"},
		{[]int{1}, "text/plain"},
		{[]int{2}, "application/octet-stream"},
		{[]int{3}, "message/rfc822"},
		{[]int{3, 1}, "text/plain"},
		{[]int{3, 2}, "application/x"},
		{[]int{4}, "multipart/mixed"},
		{[]int{4, 1}, "image/gif"},
		{[]int{4, 2}, "message/rfc822"},
		{[]int{4, 2, 1}, "text/plain"},
		{[]int{4, 2, 2}, "multipart/alternative"},
		{[]int{4, 2, 2, 1}, "text/plain"},
		{[]int{4, 2, 2, 2}, "text/richtext"},
		{[]int{0}, ""},
		{[]int{-1}, ""},
		{[]int{5}, ""},
		{[]int{1, 1}, ""},
		{[]int{3, 3}, ""},
		{[]int{4, 2, 2, 3}, ""},
		{[]int{4, 2, 1, 1}, ""},
	}
	for _, tt := range tests {
		got := ""
		if f := p.Find(tt.path); f != nil {
			got = f.Type + "/" + f.Subtype
		}
		if got != tt.want {
			t.Errorf("%v: %s, want %s", tt.path, got, tt.want)
		}
	}
	text := parse(t, "\nx")
	if text.Find([]int{1}) != text || text.Find([]int{2}) != nil || text.Find([]int{1, 1}) != nil {
		t.Error("part 1 of a text is the text, and all")
	}
	fwd := parse(t, "Content-Type: message/rfc822\n\nContent-Type: text/html\n\nx")
	if fwd.Find([]int{1}) != fwd || fwd.Find([]int{1, 1}) != fwd.Message || fwd.Find([]int{1, 2}) != nil {
		t.Error("part 1.1 of a message/rfc822 is the text in it")
	}
}
