package uidlist

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func FuzzReadList(f *testing.F) {
	for _, d := range damages {
		f.Add(d.text)
	}
	f.Add(header3 + "1 W12 Gx :a\n3 :b:2,S\n5 :a\n7 :torn")
	f.Add("1 7 20\n1 a\n3 b c:2,S\n")
	f.Add(header3 + "1 X" + strings.Repeat("x", maxLine-6) + " :a\n") // the longest line
	f.Fuzz(func(t *testing.T, text string) {
		read := parse(text)
		l := read.list
		if read.count == 0 {
			if l.Validity == 0 || l.Next == 0 {
				t.Fatalf("sound, but V%d N%d", l.Validity, l.Next)
			}
		}
		if l.Validity == 0 {
			l.Validity = 1
		}
		if l.GUID == "" {
			l.GUID = guid
		}
		// What was read can be written: no damage reaches a new file.
		if err := l.check(); err != nil {
			t.Fatal(err)
		}
		if l.Next <= l.lastUID() {
			t.Fatalf("next %d, last %d", l.Next, l.lastUID())
		}
		for i, r := range l.Records {
			if at := read.index.find(l.Records, r.Base); at != i {
				t.Fatalf("%q is at %d, not at %d", r.Base, i, at)
			}
		}
		again := parse(string(l.encode()))
		if again.count > 0 {
			t.Fatal(again.damage(""))
		}
		want := *l
		want.Version, want.Lines = 3, len(l.Records)
		if len(l.Records) == 0 {
			want.Records, again.list.Records = nil, nil
		}
		if diff := cmp.Diff(&want, again.list); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzTail compares reading in two goes with reading at once.
func FuzzTail(f *testing.F) {
	f.Add("1 :a\n2 :b\n3 :a\n4 :d", 7)
	f.Add("5 :a\n2 :b\n", 5)
	f.Add("5 Wx :a\n60 ", 2)
	f.Fuzz(func(t *testing.T, body string, cut int) {
		if cut < 0 || cut > len(body) {
			return
		}
		m := newMemFS()
		i := &memInode{ino: 9, data: header3 + body[:cut], mode: 0o600}
		m.names["mem/dovecot-uidlist"] = i
		file := memFile(m)
		first, err := file.Load()
		i.data += body[cut:]
		i.mtime++
		got, err2 := file.Load()
		want, err3 := Parse(i.data)
		if (err2 == nil) != (err3 == nil) {
			t.Fatalf("in two goes: %v, at once: %v", err2, err3)
		}
		if err2 != nil {
			return
		}
		// A UID that was torn in the middle of its number has been seen as less.
		if want.Next < got.Next && err == nil && first.Next == got.Next {
			want.Next = got.Next
		}
		if diff := cmp.Diff(lines(want.Records), lines(got.Records)); diff != "" || want.Next != got.Next || want.Lines != got.Lines {
			t.Fatalf("N%d, %d lines, want N%d, %d lines\n%s", got.Next, got.Lines, want.Next, want.Lines, diff)
		}
		if again := file.at.index; again.find(got.Records, "\n") != -1 {
			t.Fatal("found a name that cannot be there")
		}
		for i, r := range got.Records {
			if at := file.at.index.find(got.Records, r.Base); at != i {
				t.Fatalf("%q is at %d, not at %d", r.Base, i, at)
			}
		}
	})
}

func FuzzKeywords(f *testing.F) {
	f.Add("0 $Junk\n25 x\n26 y\n3 two words\n")
	f.Add("1 unknown-2\n7 \xff\n")
	f.Fuzz(func(t *testing.T, text string) {
		names := parseKeywords(text)
		if again := parseKeywords(names.encode()); again != names {
			t.Fatalf("%q became %q", names, again)
		}
		for i := range MaxKeywords {
			kw, _ := names.name(i)
			if !legalKeyword(kw) {
				t.Fatalf("letter %d is %q", i, kw)
			}
			at, ok := names.letter(kw)
			if first, _ := names.name(at); !ok || at > i || !first.Equal(kw) {
				t.Fatalf("%q is letter %d, %v; want %d", kw, at, ok, i)
			}
		}
	})
}

func FuzzSubscriptions(f *testing.F) {
	f.Add("INBOX\nA.B\n", "C")
	f.Add("V\t2\n\nINBOX\nA\tB\na\x01tb\n\x01", "A.B")
	f.Add("V\t3\n\n", "inbox")
	f.Fuzz(func(t *testing.T, text, name string) {
		fuzzSubscriptions(t, text, name, '.', "\x00\r\n/")
		fuzzSubscriptions(t, text, name, '/', "\x00\r\n")
	})
}

// fuzzSubscriptions reads a text, writes it again, and changes a name, which has
// none of the octets of bad.
func fuzzSubscriptions(t *testing.T, text, name string, separator byte, bad string) {
	s, err := parseSubscriptions(text, separator)
	if err != nil {
		return
	}
	names := s.names()
	again, err := parseSubscriptions(s.encode(), separator)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(names, again.names()); diff != "" {
		t.Fatal(diff)
	}
	if name == "" || strings.ContainsAny(name, bad) {
		return
	}
	name = foldInbox(name)
	for _, on := range []bool{true, false} {
		again.set(name, on)
		if again, err = parseSubscriptions(again.encode(), separator); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(again.names(), name) != on {
			t.Fatalf("%q set to %v is not so in %q", name, on, again.names())
		}
	}
}

func FuzzValidity(f *testing.F) {
	f.Add("6b000000")
	f.Fuzz(func(t *testing.T, s string) {
		if v, ok := parseValidity(s); ok && (v == 0 || len(s) != 8) {
			t.Fatalf("%q is %d", s, v)
		}
	})
}
