package wire

import (
	"bytes"
	"strings"
	"testing"
)

func TestRequest(t *testing.T) {
	for _, r := range []Request{
		{Name: "ann", Password: "secret"},
		{Name: "ann", Remote: "2001:db8::1", Password: " "},
		{Name: "ann", Account: true},
		{Name: strings.Repeat("n", maxName), Remote: strings.Repeat("r", maxRemote), Password: "p"},
	} {
		b, err := r.Append([]byte("x"))
		if err != nil || b[0] != 'x' {
			t.Fatalf("%+v: %v", r, err)
		}
		got, err := Parse(b[1:])
		if err != nil || *got != r {
			t.Errorf("%+v: %+v, %v", r, got, err)
		}
		if _, err := Parse(b[1 : len(b)-1]); err == nil {
			t.Errorf("%+v: cut off, it is a request", r)
		}
	}
	for _, r := range []Request{
		{},
		{Name: "ann"},
		{Name: "ann", Password: "a\x00b"},
		{Name: "ann\x00", Password: "a"},
		{Name: "ann", Remote: "\x00", Password: "a"},
		{Name: "ann", Password: "a", Account: true},
		{Name: "a/b", Password: "a"},
		{Name: "ann", Password: "p", Remote: strings.Repeat("r", maxRemote+1)},
	} {
		if b, err := r.Append(nil); err == nil {
			t.Errorf("%+v: %q", r, b)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("Pann\x00127.0.0.1\x00secret\x00"))
	f.Add([]byte("Aann\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Parse(b)
		if err != nil {
			return
		}
		again, err := r.Append(nil)
		if err != nil || !bytes.Equal(again, b) || len(b) > MaxRequest {
			t.Errorf("%q: %q, %v", b, again, err)
		}
	})
}
