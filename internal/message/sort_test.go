package message

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestCasemap(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"aBc [1]~", "ABC [1]~"},
		{"stra\u00dfe", "STRA\u00dfE"}, // no simple titlecase
		{"\u00e4", "A\u0308"},
		{"x\u01c4y", "XDz\u030cY"}, // the example of RFC 5051 section 2
		{"\u01c6", "Dz\u030c"},
		{"\ufb01", "fi"}, // decomposed only after the change of case
		{"\u0444", "\u0424"},
		{"\u03c2", "\u03a3"},
		{"\u2126", "\u03a9"},
		{"\uac00", "\u1100\u1161"},
		{"e\u0301\u0327", "E\u0327\u0301"},
		{"\ufdfa", "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064a\u0647 \u0648\u0633\u0644\u0645"},
	}
	for _, tt := range tests {
		if got := AppendCasemap([]byte("\u0301"), tt.in); string(got) != "\u0301"+tt.want {
			t.Errorf("%q: %q, want %q", tt.in, got[2:], tt.want)
		}
	}
}

// TestLongKeys wants texts of any length to be equal as they are, and to be
// ordered by how they begin.
func TestLongKeys(t *testing.T) {
	key := func(s string) string { return string(appendKey([]byte("x"), s)) }
	for _, n := range []int{maxKey - 1, maxKey, maxKey + 1, maxCollated, maxCollated + 1, 1 << 20} {
		a := strings.Repeat("\u00e4b", n/3+1)[:n-2] // may end within a character
		b := a + "\u00d6"
		if k := key(b); len(k) > maxKey+1 {
			t.Errorf("%d octets have a key of %d", len(b), len(k))
		}
		if key(b) == key(a+"\u00d5") || key(b) == key(a) || key(a) == key(a+"a") {
			t.Errorf("%d octets: equal keys of different texts", n)
		}
		if n < maxCollated && key(b) != key(a+"\u00f6") {
			t.Errorf("%d octets: different keys of one text in different case", n)
		}
		if key("a"+b) >= key("b"+b) {
			t.Errorf("%d octets: not in the order of the beginnings", n)
		}
	}
	if key("ab") >= key("abc") || key("") >= key("a") {
		t.Error("short texts are not in order")
	}
}

// show writes sort keys, a date that is not there as "-".
func show(k SortKeys) string {
	sent := "-"
	if k.Dated {
		sent = fmt.Sprint(k.Sent)
	}
	return fmt.Sprintf("%s %v|%s|%s|%s|%s|%s|%s", sent, k.Reply, k.Subject, k.From, k.To, k.Cc, k.DisplayFrom, k.DisplayTo)
}

func TestSortKeys(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", "- false||||||"},
		{
			"Date: 31 Dec 2000 16:01:33 -0800\nSubject: Re: [l] Plan\nFrom: \"Ann B\" <ann@x>, bob@y\nTo: tom@z\nCc: =?utf-8?q?Z=C3=A4?= <Z@z>\n",
			"978307293 true|PLAN|ANN|TOM|Z|ANN B|TOM@Z",
		},
		// RFC 5256 section 2.2.
		{"Date: yesterday\n", "- false||||||"},
		{"Date: 1 Jan 1970 00:00:00 +0000\n", "0 false||||||"},
		{"Date: 1 Jan 1970 00:00:00 +0100\n", "-3600 false||||||"},
		// RFC 5957 section 3.
		{"From: =?utf-8?b?w6Q=?= =?utf-8?b?w7Y=?= <a@b>\n", "- false||A|||A\u0308O\u0308|"},
		{"From: =?utf-8?q?_?= <a@b>\nTo: (Real Name) a@b (Name)\n", "- false||A|A||A@B|NAME"},
		{"From: a\nTo: John Doe\nCc: @b\n", "- false||A|||A|JOHN DOE"},
		{"From: <>\nTo: @b\n", "- false||||||"},
		{"From: Friends: a@b;\nTo: undisclosed-recipients:;\n", "- false||FRIENDS|UNDISCLOSED-RECIPIENTS||FRIENDS|UNDISCLOSED-RECIPIENTS"},
		{"From:\nFrom: a@b\nSubject: one\nSubject: two\n", "- false|TWO|A|||A@B|"},
		{"From: =?iso-8859-1?q?=E9?=@b, \xe9@b\n", "- false||E\u0301|||E\u0301@B|"},
	}
	for _, tt := range tests {
		p := parse(t, tt.in+"\n")
		k := p.SortKeys()
		for _, k := range []SortKeys{p.Envelope().SortKeys(), k} {
			if got := show(k); got != tt.want {
				t.Errorf("%q\n got %s\nwant %s", tt.in, got, tt.want)
			}
		}
		b := k.Append([]byte("before"))
		again, err := ParseSortKeys(b[len("before"):])
		if err != nil || show(again) != tt.want {
			t.Errorf("%q encoded: %s: %v", tt.in, show(again), err)
		}
	}
}

// TestSortOrder sorts subjects as a client that is told the result would.
func TestSortOrder(t *testing.T) {
	want := []string{"", "Re:", "a", "\u00e4", "[x] \u00c4 b", "Re: B", "b c", "Z", "[a]", "\u3042"}
	var keys [][]byte
	for _, s := range want { // the first two are equal
		keys = append(keys, parse(t, "Subject: "+s+"\n\n").Envelope().SortKeys().Subject)
	}
	inOrder := slices.Clone(keys)
	slices.Reverse(keys)
	slices.SortFunc(keys, bytes.Compare)
	for i := range keys {
		if !bytes.Equal(keys[i], inOrder[i]) {
			t.Errorf("place %d has %q, want %q", i, keys[i], want[i])
		}
	}
}

func TestParseSortKeysErrors(t *testing.T) {
	good := parse(t, "Date: 1 Jan 2020\nSubject: x\nFrom: a@b\n\n").Envelope().SortKeys().Append(nil)
	for i := range good {
		if _, err := ParseSortKeys(good[:i]); err == nil {
			t.Errorf("the first %d octets of %d pass", i, len(good))
		}
	}
	long := SortKeys{Subject: make([]byte, maxKey+1)}
	for name, b := range map[string][]byte{
		"trailing octet":    append(slices.Clone(good), 0),
		"other version":     append([]byte{KeysVersion + 1}, good[1:]...),
		"unknown flag":      append([]byte{KeysVersion, 0x80}, good[2:]...),
		"length of 2^63":    {KeysVersion, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
		"endless number":    append([]byte{KeysVersion, sortDated}, bytes.Repeat([]byte{0xff}, 20)...),
		"key beyond maxKey": long.Append(nil),
	} {
		if k, err := ParseSortKeys(b); err == nil || !reflect.DeepEqual(k, SortKeys{}) {
			t.Errorf("%s: %+v, %v", name, k, err)
		}
	}
}

func FuzzSortKeys(f *testing.F) {
	for _, s := range fuzzMessages {
		f.Add([]byte(s), parse(f, s).Envelope().SortKeys().Append(nil))
	}
	f.Fuzz(func(t *testing.T, in, encoded []byte) {
		p, err := Parse(bytes.NewReader(in), DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		k := p.Envelope().SortKeys()
		b := k.Append(nil)
		if again, err := ParseSortKeys(b); err != nil || show(again) != show(k) || len(b) > 3100 {
			t.Fatalf("%s became %s: %v", show(k), show(again), err)
		}
		if len(k.Subject) < maxKey-digestSize && !utf8.Valid(k.Subject) {
			t.Fatalf("subject %q", k.Subject)
		}
		if k, err := ParseSortKeys(encoded); err == nil {
			again, err := ParseSortKeys(k.Append(nil))
			if err != nil || show(again) != show(k) {
				t.Fatalf("%s became %s: %v", show(k), show(again), err)
			}
		}
	})
}

func FuzzCasemap(f *testing.F) {
	for _, s := range []string{"", "aBc", "\u01c4\u0301", "\xff\xe4", "\uac00e\u0301\u0327", strings.Repeat("\u0301\u0327", 40)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key := AppendCasemap(nil, s)
		want := norm.NFKD.String(strings.Map(unicode.ToTitle, s))
		// Behind 30 marks norm puts a joiner, so that streams have an end.
		if string(key) != want && !strings.Contains(want, "\u034f") {
			t.Fatalf("%q has key %q, want %q", s, key, want)
		}
		if short := appendKey(nil, s); len(short) > maxKey || len(key) <= maxKey && len(s) <= maxCollated && !bytes.Equal(short, key) {
			t.Fatalf("%q is kept as %q", s, short)
		}
	})
}
