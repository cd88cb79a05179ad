package wire_test

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"

	"fantail/internal/imap/wire"
)

func TestEncoder(t *testing.T) {
	type enc = *wire.Encoder
	for _, c := range []struct {
		name string
		do   func(enc)
		want string // "": refused
	}{
		{"numbered", func(e enc) { e.Numbered(5, "EXISTS").CRLF() }, "* 5 EXISTS\r\n"},
		{"tagged code", func(e enc) {
			e.Tagged("a]1", "OK").SP().CodeStart("UIDNEXT").SP().Number(7).CodeEnd().Text("done").CRLF()
		}, "a]1 OK [UIDNEXT 7] done\r\n"},
		{"tag with plus", func(e enc) { e.Tagged("a+", "OK") }, ""},
		{"continue", func(e enc) { e.Continue("") }, "+ \r\n"},
		{"continue text", func(e enc) { e.Continue("idling") }, "+ idling\r\n"},
		{"atom", func(e enc) { e.Atom("a b") }, ""},
		{"empty atom", func(e enc) { e.Atom("") }, ""},
		{"atom with bracket", func(e enc) { e.Atom("a]") }, ""},
		{"flags", func(e enc) { e.List(func() { e.Flag(`\Seen`).SP().Flag("$x").SP().Flag(`\*`) }) }, `(\Seen $x \*)`},
		{"flag injection", func(e enc) { e.Flag("x\r\n* BYE") }, ""},
		{"flag without name", func(e enc) { e.Flag(`\`) }, ""},
		{"quoted", func(e enc) { e.Quoted(`a "b\`) }, `"a \"b\\"`},
		{"quoted line", func(e enc) { e.Quoted("a\r\nb") }, ""},
		{"quoted 8-bit", func(e enc) { e.Quoted("ä") }, ""},
		{"quoted UTF-8", func(e enc) { e.UTF8 = true; e.Quoted("ä") }, `"ä"`},
		{"quoted of octets", func(e enc) { e.QuotedOf([]byte("a b")) }, `"a b"`},
		{"quoted of octets to escape", func(e enc) { e.QuotedOf([]byte(`a"b`)) }, ""},
		{"quoted of octets with line end", func(e enc) { e.QuotedOf([]byte("a\n")) }, ""},
		{"string 8-bit", func(e enc) { e.String("ä") }, "{2}\r\nä"},
		{"string UTF-8", func(e enc) { e.UTF8 = true; e.String("ä") }, `"ä"`},
		{"string latin1", func(e enc) { e.UTF8 = true; e.String("\xe4") }, "{1}\r\n\xe4"},
		{"string line", func(e enc) { e.String("a\r\nb") }, "{4}\r\na\r\nb"},
		{"string NUL", func(e enc) { e.String("a\x00") }, ""},
		{"string empty", func(e enc) { e.String("") }, `""`},
		{"string long", func(e enc) { e.String(strings.Repeat("x", 1025)) }, "{1025}\r\n" + strings.Repeat("x", 1025)},
		{"nstring", func(e enc) { e.NString("", false).SP().NString("", true) }, `NIL ""`},
		{"astring", func(e enc) { e.AString("a]").SP().AString("nil").SP().AString("a b") }, `a] "nil" "a b"`},
		{"numbers", func(e enc) { e.Number(4294967295).SP().Number64(1 << 40) }, "4294967295 1099511627776"},
		{"negative", func(e enc) { e.Number64(-1) }, ""},
		{"literal", func(e enc) { e.Literal(3, strings.NewReader("abcdef")) }, "{3}\r\nabc"},
		{"literal8", func(e enc) { e.Literal8(3, strings.NewReader("a\x00c")) }, "~{3}\r\na\x00c"},
		{"literal empty", func(e enc) { e.Literal(0, strings.NewReader("")) }, "{0}\r\n"},
		{"literal of octets", func(e enc) { e.LiteralOf([]byte("a\r\n")).SP().LiteralOf(nil) }, "{3}\r\na\r\n {0}\r\n"},
		{"encoded", func(e enc) { e.Atom("x").SP().Encoded([]byte("(NIL {1}\r\n\xe4)")).SP().Number(1) }, "x (NIL {1}\r\n\xe4) 1"},
		{"encoded after an error", func(e enc) { e.Atom("").Encoded([]byte("x")) }, ""},
		{"text like a code", func(e enc) { e.Text("[ALERT] x") }, ""},
		{"text empty", func(e enc) { e.Text("") }, ""},
		{"text of two lines", func(e enc) { e.Text("a\nb") }, ""},
		{"token", func(e enc) { e.Token("1:3,5") }, "1:3,5"},
		{"token with space", func(e enc) { e.Token("1 2") }, ""},
	} {
		var out strings.Builder
		e := wire.NewEncoder(bufio.NewWriter(&out))
		c.do(e)
		err := e.Flush()
		if (err != nil) != (c.want == "") || err == nil && out.String() != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, out.String(), err, c.want)
		}
	}
}

// TestShortLiteral: a literal is never padded; the connection is lost.
func TestShortLiteral(t *testing.T) {
	var out strings.Builder
	e := wire.NewEncoder(bufio.NewWriter(&out))
	e.Literal(5, strings.NewReader("abc")).CRLF()
	if err := e.Flush(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
}

// FuzzString: what String writes, IMAPString reads back.
func FuzzString(f *testing.F) {
	f.Add("", false)
	f.Add("a\\\"b", true)
	f.Add("ä\r\n", true)
	f.Fuzz(func(t *testing.T, v string, utf8 bool) {
		var out strings.Builder
		e := wire.NewEncoder(bufio.NewWriter(&out))
		e.UTF8 = utf8
		e.String(v).CRLF()
		if err := e.Flush(); err != nil {
			if !strings.Contains(v, "\x00") {
				t.Fatal(err)
			}
			return
		}
		s := wire.NewScanner(bufio.NewReader(strings.NewReader(out.String())),
			wire.Limits{Line: len(out.String()), Literal: int64(len(v)), Literals: 1}, func() error { return nil })
		s.Next()
		got := s.IMAPString()
		s.CRLF()
		if s.Err() != nil || got != v {
			t.Fatalf("%q: %q, %v", out.String(), got, s.Err())
		}
	})
}

func BenchmarkFetchFlags(b *testing.B) {
	e := wire.NewEncoder(bufio.NewWriter(io.Discard))
	b.ReportAllocs()
	n := uint32(0)
	for b.Loop() {
		n++
		e.Numbered(n, "FETCH").SP().List(func() {
			e.Atom("UID").SP().Number(n).SP().Atom("FLAGS").SP().List(func() { e.Flag(`\Seen`) })
		}).CRLF()
	}
	if e.Err() != nil {
		b.Fatal(e.Err())
	}
}
