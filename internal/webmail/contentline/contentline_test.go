package contentline

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var limits = Limits{Lines: 1000, Line: 10000, Params: 20}

func lines(text string, lim Limits) (list []Line, err error) {
	s := NewScanner(text, lim)
	for s.Scan() {
		list = append(list, s.Line())
	}
	return list, s.Err()
}

var ignoreRaw = cmpopts.IgnoreUnexported(Line{})

func TestScan(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []Line
	}{
		{"", nil},
		{"\r\n\n \n", nil},
		{"\ufeffBEGIN:VCARD\r\n", []Line{{Name: "BEGIN", Value: "VCARD"}}},
		{"A:b", []Line{{Name: "A", Value: "b"}}},
		{"A:b\n c\n\td\nE:f", []Line{{Name: "A", Value: "bcd"}, {Name: "E", Value: "f"}}},
		{"A:\r\n b\r\n\r\nC:d\r\n", []Line{{Name: "A", Value: "b"}, {Name: "C", Value: "d"}}},
		{"item1.EMAIL;type=INTERNET;type=pref:a@b", []Line{{Group: "item1", Name: "EMAIL",
			Params: []Param{{"type", []string{"INTERNET"}}, {"type", []string{"pref"}}}, Value: "a@b"}}},
		{`A;X="b;c:d",e,"f":g:h`, []Line{{Name: "A", Params: []Param{{"X", []string{"b;c:d", "e", "f"}}}, Value: "g:h"}}},
		{`A;CN=O^'Neill ^^ a^nb:x`, []Line{{Name: "A", Params: []Param{{"CN", []string{"O\"Neill ^ a\nb"}}}, Value: "x"}}},
		{"TEL;HOME;VOICE:1", []Line{{Name: "TEL", Params: []Param{{"", []string{"HOME"}}, {"", []string{"VOICE"}}}, Value: "1"}}},
		{"A;;X=:1", []Line{{Name: "A", Params: []Param{{"X", []string{""}}}, Value: "1"}}},
		{"N;ENCODING=QUOTED-PRINTABLE:=C3=\n=A4;b=\nc\nE:f", []Line{
			{Name: "N", Params: []Param{{"ENCODING", []string{"QUOTED-PRINTABLE"}}}, Value: "=C3=\n=A4;b=\nc"}, {Name: "E", Value: "f"}}},
		{"URL:a=\nE:f", []Line{{Name: "URL", Value: "a="}, {Name: "E", Value: "f"}}},
		{"no line\n:x\nä:x\nA;X=\"open:x\nA;X\n", []Line{{Value: "no line"}, {Value: ":x"}, {Value: "ä:x"}, {Value: "A;X=\"open:x"}, {Value: "A;X"}}},
	} {
		got, err := lines(c.in, limits)
		if d := cmp.Diff(c.want, got, ignoreRaw); d != "" || err != nil {
			t.Errorf("%q: %v\n%s", c.in, err, d)
		}
	}
}

func TestLimits(t *testing.T) {
	got, err := lines("A:1\nA:2\nA:3", Limits{Lines: 2, Line: 10, Params: 1})
	if len(got) != 2 || err != ErrLines {
		t.Errorf("%d lines, %v", len(got), err)
	}
	got, err = lines("A;X=1,2;Y=3:45678\nA:12345\n 67890\nB:"+strings.Repeat("x", 20), Limits{Lines: 3, Line: 10, Params: 1})
	want := []Line{{Value: "A;X=1,2;Y="}, {Name: "A", Value: "12345678"}, {Name: "B", Value: "xxxxxxxx"}}
	if d := cmp.Diff(want, got, ignoreRaw); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
	got, _ = lines("A;X=1,2;Y=3:4", Limits{Lines: 1, Line: 100, Params: 1})
	if d := cmp.Diff([]Line{{Name: "A", Params: []Param{{"X", []string{"1"}}}, Value: "4"}}, got, ignoreRaw); d != "" {
		t.Error(d)
	}
}

func TestValues(t *testing.T) {
	if d := cmp.Diff([]string{`a\;b`, "", `c\\`, "d"}, Split(`a\;b;;c\\;d`, ';', 9)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"a", "b;c"}, Split(`a;b;c`, ';', 2)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{`a\`}, Split(`a\`, ';', 2)); d != "" {
		t.Error(d)
	}
	for in, want := range map[string]string{`a\nb\N\,\;\\n\:`: "a\nb\n,;\\n:", `c:\dir\`: `c:\dir\`, "": ""} {
		if got := Unescape(in); got != want {
			t.Errorf("Unescape(%q) = %q, want %q", in, got, want)
		}
	}
	const text = "a\\b;c,d\ne\r\nf"
	if got := Unescape(Escape(text)); got != "a\\b;c,d\ne\nf" {
		t.Errorf("escaped and back: %q", got)
	}
}

func TestAppend(t *testing.T) {
	for _, c := range []struct {
		in   Line
		want string
	}{
		{Line{Name: "A", Value: "b"}, "A:b\r\n"},
		{Line{Group: "g", Name: "A", Params: []Param{{"X", []string{"1;2", "3"}}, {"", []string{"HOME"}}}, Value: "b"}, "g.A;X=\"1;2\",3;HOME:b\r\n"},
		{Line{Name: "A", Params: []Param{{"CN", []string{"a\"b^\nc"}}}, Value: "x"}, "A;CN=a^'b^^^nc:x\r\n"},
		{Line{Name: "A", Value: "x\r\nBcc:y\x00\u0085\tz"}, "A:xBcc:y\tz\r\n"},
		{Line{Name: "A", Value: strings.Repeat("x", 73)}, "A:" + strings.Repeat("x", 73) + "\r\n"},
		{Line{Name: "A", Value: strings.Repeat("x", 74)}, "A:" + strings.Repeat("x", 73) + "\r\n x\r\n"},
		{Line{Name: "A", Value: strings.Repeat("ä", 74)}, "A:" + strings.Repeat("ä", 36) + "\r\n " + strings.Repeat("ä", 37) + "\r\n ä\r\n"},
	} {
		if got := string(c.in.Append(nil)); got != c.want {
			t.Errorf("%+v is %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range []string{
		"BEGIN:VCARD\r\nitem1.X-Y;A=\"b\",c;D:e\\n\r\n f\r\nEND:VCARD\r\n", "N;ENCODING=QUOTED-PRINTABLE:a=\nb=\n", "A;X=^n^^^':b", ";:\n.a:b\na.:c\n;;\n", "A;B=\"c", "\xff:\x00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, _ := lines(s, limits)
		for _, l := range list {
			out := l.Append(nil)
			if !utf8.Valid(out) {
				t.Errorf("%q is no UTF-8", out)
			}
			for line := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte("\r\n")), []byte("\r\n")) {
				if len(line) > maxFolded || bytes.ContainsAny(line, "\r\n\x00") {
					t.Errorf("%q is no line", line)
				}
			}
			made := Line{Group: l.Group, Name: l.Name, Params: l.Params, Value: clean(l.Value)}
			if l.Name == "" {
				continue
			}
			again, err := lines(string(made.Append(nil)), Limits{Lines: 2, Line: 100000, Params: 20})
			if err != nil || len(again) != 1 || again[0].Name != l.Name || again[0].Value != made.Value && !encoded(&made) {
				t.Errorf("%+v comes back as %+v, %v", made, again, err)
			}
			Unescape(Escape(l.Value))
			Split(l.Value, ';', 5)
		}
	})
}

func TestLinearTime(t *testing.T) {
	for _, unit := range []string{"A:b\n ", "\n", "A;", "A:", "A;X=1,", "A;X=\"", "\n ", "=\n", "A;QUOTED-PRINTABLE:=\n", ";", "\\"} {
		start := time.Now()
		got, _ := lines(strings.Repeat(unit, 1<<20/len(unit)), Limits{Lines: 1 << 20, Line: 1 << 20, Params: 100})
		for _, l := range got {
			l.Append(nil)
			Split(l.Value, ';', 1<<20)
		}
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("%q repeated took %v", unit, d)
		}
	}
}
