package message

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// live returns the octets of memory that are in use.
func live() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestBounded checks what is kept of messages beyond every limit.
func TestBounded(t *testing.T) {
	lim := DefaultLimits()
	for _, kind := range nastyMail {
		name, in := kind.name, kind.make(12<<20)
		before := live()
		p, err := Parse(strings.NewReader(in), lim)
		if err != nil {
			t.Fatal(err)
		}
		n := live() - before
		runtime.KeepAlive(in)
		runtime.KeepAlive(p)
		t.Logf("%-24s %8d octets of memory", name, n)
		if n > 8<<20 {
			t.Errorf("%s: %d octets of memory are in use", name, n)
		}
		if p.Span() != (Span{0, int64(len(in))}) {
			t.Errorf("%s: message %v of %d octets", name, p.Span(), len(in))
		}
		var parts, fields, depth, kept int
		var walk func(p *Part, level int)
		walk = func(p *Part, level int) {
			parts++
			fields += len(p.Fields)
			depth = max(depth, level)
			for _, f := range p.Fields {
				kept += int(f.Span.Len)
			}
			for _, c := range p.Parts {
				walk(c, level+1)
			}
			if p.Message != nil {
				walk(p.Message, level+1)
			}
		}
		walk(p, 1)
		if parts > lim.Parts || fields > lim.Fields || depth > lim.Depth || int64(kept) > lim.Headers {
			t.Errorf("%s: %d parts, %d fields, depth %d, %d octets", name, parts, fields, depth, kept)
		}
	}
}

func TestLimits(t *testing.T) {
	lim := DefaultLimits()
	tests := []struct {
		name   string
		change func(*Limits)
		in     string
		want   string
	}{
		{"depth", func(l *Limits) { l.Depth = 2 }, "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--a\n\ny\n--a--\n", "multipart/mixed 84 11\n application/octet-stream 15 3\n text/plain 1 0\n"},
		{"message", func(l *Limits) { l.Depth = 1 }, "Content-Type: message/rfc822\n\nSubject: x\n", "application/octet-stream 12 1\n"},
		{"parts", func(l *Limits) { l.Parts = 3 }, "Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a\nContent-Type: message/rfc822\n\ny\n--a\n\nz\n--a--\n", "multipart/mixed 67 11\n text/plain 1 0\n application/octet-stream 20 5\n"},
		{"header", func(l *Limits) { l.Header = 20 }, "A: b\nB: c\nContent-Type: text/html\n\nx\n", "text/plain 3 1\n"},
		{"headers", func(l *Limits) { l.Headers = 70 }, "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/html\n\nx\n--a\nContent-Type: text/html\n\nx\n--a--\n", "multipart/mixed 77 9\n text/html 1 0\n text/plain 1 0\n"},
		{"fields", func(l *Limits) { l.Fields = 1 }, "A: b\nContent-Type: text/html\n\nx\n", "text/plain 3 1\n"},
		{"params", func(l *Limits) { l.Params = 1 }, "Content-Type: multipart/mixed; a=b; boundary=a\n\n--a\n\nx\n--a--\n", "multipart/mixed 17 4\n"},
	}
	for _, tt := range tests {
		l := lim
		tt.change(&l)
		p, err := Parse(strings.NewReader(tt.in), l)
		if err != nil {
			t.Fatal(err)
		}
		if got := outline(p); got != tt.want {
			t.Errorf("%s:\n%swant\n%s", tt.name, got, tt.want)
		}
		check(t, []byte(tt.in), p)
	}
	lim.Addresses = 2
	p, err := Parse(strings.NewReader("To: a@b, c@d, e@f\nTo: g@h\n"), lim)
	if err != nil {
		t.Fatal(err)
	}
	if got := list(p.Envelope().To); got != "||a|b ; ||c|d" {
		t.Errorf("addresses %s", got)
	}
}

func TestClipped(t *testing.T) {
	lim := DefaultLimits()
	lim.Header = 12
	p, err := Parse(strings.NewReader("A: b\nB: c\n d\nC: e\n\nx"), lim)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Clipped || len(p.Fields) != 1 || p.Fields[0].Span != (Span{0, 5}) || p.Body != (Span{19, 1}) {
		t.Errorf("clipped %v, fields %v, body %v", p.Clipped, p.Fields, p.Body)
	}
}

func TestReadError(t *testing.T) {
	broken := errors.New("broken")
	for _, in := range []string{"", "Subject: x\n", "Subject: x\n\nbody"} {
		_, err := Parse(io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken)), DefaultLimits())
		if !errors.Is(err, broken) {
			t.Errorf("%q: %v", in, err)
		}
	}
	if _, err := Parse(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("ab"))), DefaultLimits()); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("timeout: %v", err)
	}
}
