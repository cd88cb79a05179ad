package uidlist

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const guid = "b83bc208ce47036be534000083ecc375"

// header3 begins a sound file.
const header3 = "3 V7 N20 G" + guid + "\n"

func TestParse(t *testing.T) {
	long := strings.Repeat("x", MaxBase)
	for _, tt := range []struct {
		name, text string
		want       List
	}{
		{"header only", header3, List{Validity: 7, Next: 20, GUID: guid, Version: 3}},
		{"records", header3 + "1 :a\n3 :b\n", List{Validity: 7, Next: 20, GUID: guid, Version: 3,
			Records: []Record{{UID: 1, Base: "a"}, {UID: 3, Base: "b"}}, Lines: 2}},
		{"N below the last UID", "3 V7 N2\n5 :a\n", List{Validity: 7, Next: 6, Version: 3,
			Records: []Record{{UID: 5, Base: "a"}}, Lines: 1}},
		{"header in any order, unknown keys", "3 Pfoo N2 V7 Xb:ar\n", List{Validity: 7, Next: 2, Version: 3, Header: " Pfoo Xb:ar"}},
		{"fields", header3 + "1 W12 P1:2 :a\n", List{Validity: 7, Next: 20, GUID: guid, Version: 3,
			Records: []Record{{1, "a", " W12 P1:2"}}, Lines: 1}},
		{"fields with other keys and more spaces", header3 + "1  W12 x3  P :a\n", List{Validity: 7, Next: 20, GUID: guid, Version: 3,
			Records: []Record{{1, "a", " W12 P"}}, Lines: 1}},
		{"flags of old Dovecots", header3 + "1 :a:2,S\n", List{Validity: 7, Next: 20, GUID: guid, Version: 3,
			Records: []Record{{UID: 1, Base: "a"}}, Lines: 1}},
		{"space in a name", header3 + "1 :a b :2,S\n", List{Validity: 7, Next: 20, GUID: guid, Version: 3,
			Records: []Record{{UID: 1, Base: "a b "}}, Lines: 1}},
		{"longest name", header3 + "1 :" + long + "\n", List{Validity: 7, Next: 20, GUID: guid, Version: 3,
			Records: []Record{{UID: 1, Base: long}}, Lines: 1}},
		{"highest UID", header3 + "4294967294 :a\n", List{Validity: 7, Next: 1<<32 - 1, GUID: guid, Version: 3,
			Records: []Record{{UID: 1<<32 - 2, Base: "a"}}, Lines: 1}},
		{"version 1", "1 7 20\n1 a\n3 b c:2,S\n", List{Validity: 7, Next: 20, Version: 1,
			Records: []Record{{UID: 1, Base: "a"}, {UID: 3, Base: "b c"}}, Lines: 2}},
		{"duplicate base: the later UID", header3 + "1 :a\n2 :b\n3 :a\n", List{Validity: 7, Next: 20, GUID: guid, Version: 3,
			Records: []Record{{UID: 2, Base: "b"}, {UID: 3, Base: "a"}}, Lines: 3}},
		{"three times the same base", header3 + "1 :a\n2 :a\n3 :a\n", List{Validity: 7, Next: 20, GUID: guid, Version: 3,
			Records: []Record{{UID: 3, Base: "a"}}, Lines: 3}},
		{"torn name", header3 + "1 :a\n30 :b", List{Validity: 7, Next: 31, GUID: guid, Version: 3,
			Records: []Record{{UID: 1, Base: "a"}}, Lines: 1}},
		{"torn number is no number", header3 + "1 :a\n30", List{Validity: 7, Next: 20, GUID: guid, Version: 3,
			Records: []Record{{UID: 1, Base: "a"}}, Lines: 1}},
		{"NULs behind the last line", header3 + "1 :a\n\x00\x00\x00", List{Validity: 7, Next: 20, GUID: guid, Version: 3,
			Records: []Record{{UID: 1, Base: "a"}}, Lines: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Records) == 0 {
				got.Records = nil
			}
			tt.want.From = 1
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// damages is the table of the package comment: what is broken, what is said of
// it, what is saved.
var damages = []struct {
	name, text string
	kinds      []Kind
	validity   uint32
	next       uint32
	saved      string // records as lines
}{
	{"empty", "", []Kind{Empty}, 0, 1, ""},
	{"header unfinished", "3 V7 N2", []Kind{BadHeader}, 0, 1, ""},
	{"version unknown", "4 V7 N9\n1 :a\n", []Kind{BadVersion}, 0, 1, ""},
	{"version 2", "2 7 9\n1 0 a\n", []Kind{BadVersion}, 0, 1, ""},
	{"V missing", "3 N9\n1 :a\n", []Kind{BadHeader}, 0, 9, "1 :a\n"},
	{"V zero", "3 V0 N9\n1 :a\n", []Kind{BadHeader}, 0, 9, "1 :a\n"},
	{"V too large", "3 V4294967296 N9\n1 :a\n", []Kind{BadHeader}, 0, 9, "1 :a\n"},
	{"N missing", "3 V7\n1 :a\n5 :b\n", []Kind{BadHeader}, 7, 6, "1 :a\n5 :b\n"},
	{"N zero", "3 V7 N0\n1 :a\n", []Kind{BadHeader}, 7, 2, "1 :a\n"},
	{"header of version 1", "1 7\n1 a\n", []Kind{BadHeader}, 7, 2, "1 :a\n"},
	{"NULs for a header", "\x00\x00\x00\x00\n5 :a\n", []Kind{BadHeader}, 0, 6, "5 :a\n"},
	{"huge header", "3 V7 N9 X" + strings.Repeat("x", maxLine) + "\n5 :a\n", []Kind{BadHeader}, 0, 6, "5 :a\n"},
	{"header lost", "12 :a\n13 :b\n", []Kind{BadHeader}, 0, 14, "12 :a\n13 :b\n"},
	{"header lost before UID 3", "3 :a\n4 :b\n", []Kind{BadHeader}, 0, 5, "3 :a\n4 :b\n"},
	{"GUID", "3 V7 N9 Gxyz\n1 :a\n", []Kind{BadGUID}, 7, 9, "1 :a\n"},
	{"CR in the header", "3 V7 N9 X\r\n1 :a\n", []Kind{BadHeader}, 7, 9, "1 :a\n"},
	{"garbage in the middle", header3 + "1 :a\ngarbage\n3 :c\n", []Kind{BadLine}, 7, 20, "1 :a\n3 :c\n"},
	{"empty line", header3 + "1 :a\n\n3 :c\n", []Kind{BadLine}, 7, 20, "1 :a\n3 :c\n"},
	{"no colon", header3 + "1 a\n3 :c\n", []Kind{BadLine}, 7, 20, "3 :c\n"},
	{"no name", header3 + "1 :\n3 :c\n", []Kind{BadLine}, 7, 20, "3 :c\n"},
	{"a dropped line's UID is spent", header3 + "1 :a\n90 :b/c\n", []Kind{BadLine}, 7, 91, "1 :a\n"},
	{"slash", header3 + "1 :a/b\n3 :c\n", []Kind{BadLine}, 7, 20, "3 :c\n"},
	{"carriage return", header3 + "1 :a\r\n3 :c\n", []Kind{BadLine}, 7, 20, "3 :c\n"},
	{"NULs before the end of a number", header3 + "11 :a\n\x00\x00\x003 :b\n14 :c\n", []Kind{BadLine}, 7, 20, "11 :a\n14 :c\n"},
	{"end of a number behind garbage", header3 + "11 :a\ngarbage\n3 :b\n14 :c\n", []Kind{BadLine, BadLine}, 7, 20, "11 :a\n14 :c\n"},
	{"huge line", header3 + "1 :a\n2 X" + strings.Repeat("x", maxLine) + " :b\n3 :c\n", []Kind{BadLine}, 7, 20, "1 :a\n3 :c\n"},
	{"name too long", header3 + "1 :" + strings.Repeat("x", MaxBase+1) + "\n3 :c\n", []Kind{BadLine}, 7, 20, "3 :c\n"},
	{"UID 0", header3 + "0 :a\n3 :c\n", []Kind{BadUID}, 7, 20, "3 :c\n"},
	{"UID 2^32-1", header3 + "3 :c\n4294967295 :a\n", []Kind{BadUID}, 7, 20, "3 :c\n"},
	{"UID 2^64", header3 + "3 :c\n18446744073709551616 :a\n", []Kind{BadUID}, 7, 20, "3 :c\n"},
	{"not ascending", header3 + "5 :a\n3 :b\n4 :c\n60 :d\n", []Kind{Descending}, 7, 61, "3 :b\n4 :c\n5 :a\n60 :d\n"},
	{"same UID, two bases: neither", header3 + "5 :a\n5 :b\n6 :c\n", []Kind{Descending, DuplicateUID}, 7, 20, "6 :c\n"},
	{"same line twice: once", header3 + "5 :a\n5 :a\n6 :c\n", []Kind{Descending, DuplicateUID}, 7, 20, "5 :a\n6 :c\n"},
	{"merged, the second half has the same UID", header3 + "60 :17.M1P2.h,S=2560 :18.M1.h\n61 :c\n", []Kind{Merged}, 7, 62, "60 :18.M1.h\n61 :c\n"},
	{"merged, unknown UID", header3 + "60 :17.M1P2.h,S=2561 :18.M1.h\n62 :c\n", []Kind{Merged}, 7, 63, "62 :c\n"},
}

func TestDamage(t *testing.T) {
	for _, tt := range damages {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse(tt.text)
			var d *DamagedError
			if !errors.As(err, &d) {
				t.Fatalf("error %v, want damage", err)
			}
			var kinds []Kind
			for _, p := range d.Problems {
				kinds = append(kinds, p.Kind)
			}
			if diff := cmp.Diff(tt.kinds, kinds); diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
			if uint32(d.Saved.Validity) != tt.validity || uint32(d.Saved.Next) != tt.next {
				t.Errorf("saved V%d N%d, want V%d N%d", d.Saved.Validity, d.Saved.Next, tt.validity, tt.next)
			}
			if got := lines(d.Saved.Records); got != tt.saved {
				t.Errorf("saved %q, want %q", got, tt.saved)
			}
		})
	}
}

func lines(recs []Record) string {
	var b []byte
	for _, r := range recs {
		b = r.append(b)
	}
	return string(b)
}

func TestManyProblemsAreCounted(t *testing.T) {
	_, err := Parse(header3 + strings.Repeat("garbage\n", 1000))
	var d *DamagedError
	if !errors.As(err, &d) || d.Count != 1000 || len(d.Problems) != maxProblems {
		t.Fatalf("%v", err)
	}
	if want := "line 2: unreadable line"; !strings.Contains(err.Error(), want) {
		t.Errorf("%q does not say %q", err, want)
	}
}

func TestField(t *testing.T) {
	r := Record{Ext: " W123 P G\tx"}
	for key, want := range map[byte]string{'W': "123", 'P': "", 'G': "\tx"} {
		if got, ok := r.Field(key); !ok || got != want {
			t.Errorf("field %c is %q, %v; want %q", key, got, ok, want)
		}
	}
	if _, ok := r.Field('S'); ok {
		t.Error("found a field that is not there")
	}
}

func TestFind(t *testing.T) {
	l, err := Parse(header3 + "1 :a\n5 :b\n")
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := l.Find(5); !ok || r.Base != "b" {
		t.Errorf("UID 5 is %v, %v", r, ok)
	}
	if _, ok := l.Find(4); ok {
		t.Error("found UID 4")
	}
}
