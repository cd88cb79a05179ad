package crlf

import (
	"bytes"
	"strings"
	"testing"
)

func contract(t testing.TB, parts ...string) string {
	t.Helper()
	var b bytes.Buffer
	c := NewContractor(&b)
	for _, p := range parts {
		if n, err := c.Write([]byte(p)); n != len(p) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", p, n, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// naiveContract takes the CR of each CRLF away, unless another CR is before it.
func naiveContract(in string) string {
	var b strings.Builder
	for i := range len(in) {
		if in[i] != '\r' || i+1 == len(in) || in[i+1] != '\n' || i > 0 && in[i-1] == '\r' {
			b.WriteByte(in[i])
		}
	}
	return b.String()
}

// TestContractorIsUndone: what has no bare LF comes back from an Expander.
func TestContractorIsUndone(t *testing.T) {
	for _, in := range []string{"a\r\nb\r\n", "a\r\r\nb", "\r\r\r\n\r\n", "a\rb\r", "\r\n\r\r\n"} {
		if got := naiveExpand(contract(t, in)); got != in {
			t.Errorf("%q comes back as %q", in, got)
		}
	}
}

func TestContractorSplits(t *testing.T) {
	for _, in := range []string{"", "a", "\r", "\n", "\r\n", "a\r\nb\r\n", "\r\r\n", "a\rb", "\r\n\r\n", "\n\r", "a\r\r", "\r\r\r\n\n"} {
		want := naiveContract(in)
		for i := range len(in) + 1 {
			for j := i; j <= len(in); j++ {
				if got := contract(t, in[:i], in[i:j], in[j:]); got != want {
					t.Fatalf("%q split at %d and %d: %q, want %q", in, i, j, got, want)
				}
			}
		}
	}
}

func FuzzContractor(f *testing.F) {
	f.Add("a\r\nb\r", 2)
	f.Fuzz(func(t *testing.T, in string, at int) {
		if at < 0 || at > len(in) {
			at = 0
		}
		got := contract(t, in[:at], in[at:])
		if want := naiveContract(in); got != want {
			t.Fatalf("%q at %d: %q, want %q", in, at, got, want)
		}
		if naiveExpand(in) == in && naiveExpand(got) != in {
			t.Fatalf("%q comes back as %q", in, naiveExpand(got))
		}
	})
}
