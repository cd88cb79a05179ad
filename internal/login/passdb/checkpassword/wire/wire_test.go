package wire

import (
	"bytes"
	"maps"
	"strings"
	"testing"
)

func TestReply(t *testing.T) {
	for _, r := range []Reply{
		{},
		{"USER": "ann"},
		{"USER": "ann", "HOME": "", "userdb_mail": "~/a=b", ProcessUID: "7"},
		{"x": strings.Repeat("y", MaxReply-4)},
	} {
		b, err := r.Append([]byte("before"))
		if err != nil {
			t.Fatalf("%v: %v", r, err)
		}
		b = b[len("before"):]
		if got, err := Parse(b); err != nil || !maps.Equal(got, r) {
			t.Errorf("%v: %v, %v", r, got, err)
		}
		for cut := range b {
			// A shorter one is one only if it ends where a field is at its end, twice.
			if got, err := Parse(b[:cut]); err == nil {
				t.Errorf("%v: cut off after %d octets it is %v", r, cut, got)
			}
		}
	}
	for _, r := range []Reply{{"": "x"}, {"a=b": "c"}, {"a": "b\x00"}, {"a\x00": "b"}, {"x": strings.Repeat("y", MaxReply-3)}} {
		if b, err := r.Append(nil); err == nil {
			t.Errorf("%v: %q", r, b)
		}
	}
	for _, text := range []string{"", "a", "a=b", "a=b\x00", "\x00\x00", "a\x00\x00", "a=b\x00a=c\x00\x00", "a=b\x00\x00x"} {
		if r, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q: %v", text, r)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("USER=ann\x00HOME=/home/ann\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Parse(b)
		if err != nil {
			return
		}
		again, err := r.Append(nil)
		if err != nil || len(again) != len(b) {
			t.Fatalf("%q became %q, %v", b, again, err)
		}
		if back, err := Parse(again); err != nil || !maps.Equal(back, r) || bytes.Count(again, []byte{0}) != len(r)+1 {
			t.Fatalf("%q became %v, %v", again, back, err)
		}
	})
}
