package message

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// smallMessage is what most mail is like: some 2 kB of header, one line ends
// up in every field that programs look at.
var smallMessage = `Return-Path: <bounce-1234@lists.example.org>
Delivered-To: user@example.com
Received: from mx.example.com (mx.example.com [192.0.2.1])
	by mail.example.com (Postfix) with ESMTPS id 4ABCDEF0123
	for <user@example.com>; Mon,  1 Jan 2024 10:00:00 +0100 (CET)
Received: from lists.example.org (lists.example.org [198.51.100.7])
	by mx.example.com (Postfix) with ESMTP id 4ABCDEF0122
	for <user@example.com>; Mon,  1 Jan 2024 10:00:00 +0100 (CET)
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s1;
	t=1704099600; h=from:to:subject:date:message-id; bh=frcCV1k9oG9oKj3dpUqd
	Jg1PxRT2RSN/XKdLCPjaYaY=; b=` + strings.Repeat("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2\n\t", 4) + `
Date: Mon, 1 Jan 2024 09:59:58 +0000
From: "Doe, Jane" <jane.doe@example.org>
To: List <list@lists.example.org>, John <john@example.net>
Cc: user@example.com
Message-ID: <20240101095958.1234@example.org>
In-Reply-To: <20231231230000.999@example.net>
References: <20231230@example.net> <20231231230000.999@example.net>
Subject: Re: [list] =?utf-8?q?Gr=C3=BC=C3=9Fe?= and a subject
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8; format=flowed
Content-Transfer-Encoding: 8bit
List-Id: <list.lists.example.org>
X-Spam-Status: No, score=-1.9

` + strings.Repeat("Some line of text that is about as long as lines of text use to be.\n", 15)

// mixedMessage has text, HTML and an attachment of n octets.
func mixedMessage(n int) string {
	head, _, _ := strings.Cut(smallMessage, "Content-Type:")
	line := strings.Repeat("QUJD", 19) + "\n"
	return head + `Content-Type: multipart/mixed; boundary="outer-=_1"

--outer-=_1
Content-Type: multipart/alternative; boundary="inner-=_2"

--inner-=_2
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

` + strings.Repeat("A line of quoted-printable text, such as =C3=A4=C3=B6=C3=BC, soft break=\n", 20) + `
--inner-=_2
Content-Type: text/html; charset=utf-8

<html><head><title>x</title></head><body>` + strings.Repeat("<p>A paragraph with <b>bold</b> text</p>\n", 30) + `</body></html>
--inner-=_2--

--outer-=_1
Content-Type: application/pdf; name="a file.pdf"
Content-Disposition: attachment; filename="a file.pdf"
Content-Transfer-Encoding: base64

` + strings.Repeat(line, n/len(line)) + `--outer-=_1--
`
}

func BenchmarkParse(b *testing.B) {
	for _, bm := range []struct{ name, in string }{
		{"small", smallMessage},
		{"small-crlf", string(normal([]byte(smallMessage)))},
		{"mixed-10k", mixedMessage(6000)},
		{"mixed-10M", mixedMessage(10 << 20)},
	} {
		b.Run(bm.name, func(b *testing.B) {
			s := NewScanner(DefaultLimits())
			r := strings.NewReader(bm.in)
			b.SetBytes(int64(len(bm.in)))
			b.ReportAllocs()
			for b.Loop() {
				r.Reset(bm.in)
				if _, err := s.Parse(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFiles parses mail in files, open and close included, beside what only
// reading them costs. The mails have 10.9 kB, the mean of real ones.
func BenchmarkFiles(b *testing.B) {
	const count = 2000
	dir := b.TempDir()
	names := make([]string, count)
	for i := range names {
		names[i] = filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(names[i], []byte(mixedMessage(10900-5100)), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	s := NewScanner(DefaultLimits())
	buf := make([]byte, 64<<10)
	for _, bm := range []struct {
		name string
		use  func(f *os.File) error
	}{
		{"read", func(f *os.File) error {
			for {
				if _, err := f.Read(buf); err == io.EOF {
					return nil
				} else if err != nil {
					return err
				}
			}
		}},
		{"parse", func(f *os.File) error {
			_, err := s.Parse(f)
			return err
		}},
		{"parse and keys", func(f *os.File) error {
			p, err := s.Parse(f)
			if err != nil {
				return err
			}
			buf = p.ThreadKeys().Append(p.SortKeys().Append(buf[:0]))[:cap(buf)]
			return nil
		}},
		{"everything", func(f *os.File) error {
			p, err := s.Parse(f)
			if err != nil {
				return err
			}
			buf = p.ThreadKeys().Append(p.SortKeys().Append(buf[:0]))[:cap(buf)]
			_, err = Preview(p, f)
			return err
		}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				f, err := os.Open(names[i%count])
				if err != nil {
					b.Fatal(err)
				}
				if err := bm.use(f); err != nil {
					b.Fatal(err)
				}
				if err := f.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
		})
	}
}

// BenchmarkDerive makes from a parsed mail what a cache keeps of it.
func BenchmarkDerive(b *testing.B) {
	in := mixedMessage(6000)
	p, err := Parse(strings.NewReader(in), DefaultLimits())
	if err != nil {
		b.Fatal(err)
	}
	e := p.Envelope()
	sorting, threading := e.SortKeys().Append(nil), p.ThreadKeys().Append(nil)
	b.Logf("sort keys have %d octets, thread keys %d", len(sorting), len(threading))
	r := strings.NewReader(in)
	html := "Content-Type: text/html\n\n" + strings.Repeat("<p>A paragraph with <b>bold</b> text</p>\n", 30)
	page := parse(b, html)
	for _, bm := range []struct {
		name string
		f    func() error
	}{
		{"envelope", func() error { p.Envelope(); return nil }},
		{"sort keys", func() error { e.SortKeys(); return nil }},
		{"thread keys", func() error { p.ThreadKeys(); return nil }},
		{"append keys", func() error {
			sorting = e.SortKeys().Append(sorting[:0])
			return nil
		}},
		{"read sort keys", func() error { _, err := ParseSortKeys(sorting); return err }},
		{"read thread keys", func() error { _, err := ParseThreadKeys(threading); return err }},
		{"preview", func() error { _, err := Preview(p, r); return err }},
		{"preview of html", func() error { _, err := Preview(page, strings.NewReader(html)); return err }},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := bm.f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNasty does everything with a megabyte of each kind of nasty mail, and
// says how many times as long that takes as with plain mail of that size.
func BenchmarkNasty(b *testing.B) {
	const size = 1 << 20
	plain := 0.0
	kinds := append([]nasty{{"plain", fill("Subject: plain\n\n", "Some line of text that is about as long as lines use to be.\n", "")}}, nastyMail...)
	for _, kind := range kinds {
		b.Run(kind.name, func(b *testing.B) {
			in := kind.make(size)
			s := NewScanner(DefaultLimits())
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				useAll(b, s, in)
			}
			cost := b.Elapsed().Seconds() / float64(b.N)
			if kind.name == "plain" {
				plain = cost
			}
			if plain > 0 {
				b.ReportMetric(cost/plain, "times-plain")
			}
		})
	}
}

func BenchmarkBase64(b *testing.B) {
	in := []byte(strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 10000))
	dst := make([]byte, len(in))
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		d := base64Decoder{}
		if _, _, err := d.Transform(dst, in, true); err != nil {
			b.Fatal(err)
		}
	}
}
