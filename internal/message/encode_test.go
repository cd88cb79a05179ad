package message

import (
	"io"
	"strings"
	"testing"
)

func encodeBinary(t testing.TB, in string) string {
	t.Helper()
	root, err := Parse(strings.NewReader(in), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := EncodeBinary(&b, strings.NewReader(in), root); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEncodeBinary(t *testing.T) {
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	for _, c := range []struct{ name, in, want string }{
		{"text", crlf("A: b\n\nx\n"), crlf("A: b\n\nx\n")},
		{"binary that is text", crlf("Content-Transfer-Encoding: binary\n\nx\n"), crlf("Content-Transfer-Encoding: binary\n\nx\n")},
		{"NUL", crlf("A: b\nContent-Transfer-Encoding: binary\nC: d\n\n") + "a\x00b", crlf("A: b\nContent-Transfer-Encoding: base64\nC: d\n\nYQBi")},
		{"LF", crlf("Content-Transfer-Encoding: BINARY\n\n") + "a\nb", crlf("Content-Transfer-Encoding: base64\n\nYQpi")},
		{"called twice", crlf("Content-Transfer-Encoding: binary\nA: b\nContent-transfer-encoding: 7bit\n\n") + "\x00",
			crlf("Content-Transfer-Encoding: base64\nA: b\n\nAA==")},
		{"not called binary", crlf("Content-Transfer-Encoding: 8bit\n\n") + "a\x00b", crlf("Content-Transfer-Encoding: 8bit\n\n") + "a\x00b"},
		{"parts", crlf("Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: binary\n\n--b\nContent-Transfer-Encoding: binary\n\n") +
			"\x00" + crlf("\n--b\n\ny\n--b--\n"),
			crlf("Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: binary\n\n--b\nContent-Transfer-Encoding: base64\n\nAA==\n--b\n\ny\n--b--\n")},
		{"long", crlf("Content-Transfer-Encoding: binary\n\n") + strings.Repeat("\x00", 58),
			crlf("Content-Transfer-Encoding: base64\n\n" + strings.Repeat("A", 76) + "\nAA==")},
	} {
		if got := encodeBinary(t, c.in); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLineCheck(t *testing.T) {
	for _, c := range []struct {
		in   string
		want bool
	}{{"", true}, {"a\r\nb", true}, {"\r\n\r\n", true}, {"a\rb\r", true}, {"\n", false}, {"a\r\n\n", false}, {"a\x00", false}, {"\r\r\n", true}} {
		for i := range len(c.in) + 1 {
			var l LineCheck
			io.WriteString(&l, c.in[:i])
			io.WriteString(&l, c.in[i:])
			if l.Lines() != c.want {
				t.Errorf("%q split at %d: %v", c.in, i, l.Lines())
			}
		}
	}
}

// FuzzEncodeBinary: the parts of a message have the same octets afterwards, once
// their transfer encoding is taken away, if all that is called binary is called so
// once.
func FuzzEncodeBinary(f *testing.F) {
	f.Add("Content-Transfer-Encoding: binary\r\n\r\na\x00b\n")
	f.Add("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: binary\r\n\r\n\x00\n\r\n--b--\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		out := encodeBinary(t, in)
		a, errA := leaves(in)
		b, errB := leaves(out)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		for i := range a {
			if i < len(b) && a[i] != b[i] {
				t.Fatalf("%q became %q: part %d is %q", in, out, i, b[i])
			}
		}
		if len(a) != len(b) {
			t.Fatalf("%q became %q", in, out)
		}
	})
}

// leaves returns the decoded bodies of a message.
func leaves(in string) (bodies []string, err error) {
	r := strings.NewReader(in)
	root, err := Parse(r, DefaultLimits())
	if err != nil {
		return nil, err
	}
	root.Walk(func(p *Part) bool {
		if len(p.Parts) == 0 && p.Message == nil {
			b, readErr := io.ReadAll(p.Decoded(r))
			bodies, err = append(bodies, string(b)), readErr
		}
		return true
	})
	return bodies, err
}
