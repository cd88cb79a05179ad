package mutf7

import (
	"testing"
	"unicode/utf8"
)

func TestEncodeDecode(t *testing.T) {
	for _, c := range []struct{ name, enc string }{
		{"INBOX", "INBOX"},
		{"", ""},
		{"Entwürfe", "Entw&APw-rfe"},
		{"&", "&-"},
		{"Tom & Ann", "Tom &- Ann"},
		{"台北", "&U,BTFw-"},
		{"日本語", "&ZeVnLIqe-"},
		{"😀", "&2D3eAA-"},
		{"a\x01b", "a&AAE-b"},
		{"ü&ü", "&APw-&-&APw-"},
	} {
		if got := Encode(c.name); got != c.enc {
			t.Errorf("Encode(%q) = %q, want %q", c.name, got, c.enc)
		}
		if got, err := Decode(c.enc); err != nil || got != c.name {
			t.Errorf("Decode(%q) = %q, %v, want %q", c.enc, got, err, c.name)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, s := range []string{
		"Entw&APw",       // not shifted back
		"&AGE-",          // base64 of a printable character
		"&APw-&APw-",     // two sequences where one would do
		"&AP-",           // half a code unit
		"&2D0-",          // lone high surrogate
		"&3gA-",          // lone low surrogate
		"&APx-",          // bits left over
		"Entwürfe",       // 8-bit
		"a\x00b", "a\nb", // controls
		"&A/A-", // "/" is not in the alphabet
	} {
		if got, err := Decode(s); err == nil {
			t.Errorf("Decode(%q) = %q, want an error", s, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"INBOX", "Entw&APw-rfe", "&-", "&2D3eAA-", "&APw-&APw-", "&AP-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := Decode(s)
		if err == nil && Encode(name) != s {
			t.Fatalf("Decode(%q) = %q, which encodes as %q", s, name, Encode(name))
		}
		if utf8.ValidString(s) {
			if back, err := Decode(Encode(s)); err != nil || back != s {
				t.Fatalf("Decode(Encode(%q)) = %q, %v", s, back, err)
			}
		}
	})
}
