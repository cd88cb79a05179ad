package maildir

import (
	"testing"

	"fantail/internal/mail"
)

func TestParseName(t *testing.T) {
	const A, F, S, D, T = mail.Answered, mail.Flagged, mail.Seen, mail.Draft, mail.Deleted
	for _, tt := range []struct {
		file    string
		base    string // "" for: no message
		flags   mail.Flags
		letters Letters
		want    string // String; "" for: as it was
	}{
		{file: "1.a.h:2,", base: "1.a.h"},
		{file: "1.a.h:2,DFRST", base: "1.a.h", flags: D | F | A | S | T},
		{file: "1.a.h:2,Sacz", base: "1.a.h", flags: S, letters: 1<<0 | 1<<2 | 1<<25},
		{file: "1.a.h:2,SF", base: "1.a.h", flags: F | S, want: "1.a.h:2,FS"},
		{file: "1.a.h:2,SSaa", base: "1.a.h", flags: S, letters: 1, want: "1.a.h:2,Sa"},

		// What is not ours stays where it was.
		{file: "1.a.h:2,FPS", base: "1.a.h", flags: F | S},
		{file: "1.a.h:2,AXZb", base: "1.a.h", letters: 2},
		{file: "1.a.h:2,ZA", base: "1.a.h"},
		{file: "1.a.h:2,ZAS", base: "1.a.h", flags: S, want: "1.a.h:2,SZA"},
		{file: "1.a.h:2,S1~", base: "1.a.h", flags: S, want: "1.a.h:2,1S~"},
		{file: "1.a.h:2,1S", base: "1.a.h", flags: S},
		{file: "6.a.h:2,S,ext=1", base: "6.a.h", flags: S},
		{file: "6.a.h:2,,S", base: "6.a.h"},
		{file: "6.a.h:2,S\xe4\xff", base: "6.a.h", flags: S},

		// Names without flags, and with other info.
		{file: "1.a.h", base: "1.a.h", want: "1.a.h:2,"},
		{file: "1.a.h:", base: "1.a.h", want: "1.a.h::2,"},
		{file: "1.a.h:2", base: "1.a.h", want: "1.a.h:2:2,"},
		{file: "1.a.h:1,x", base: "1.a.h", want: "1.a.h:1,x:2,"},
		{file: "1.a.h:3,S", base: "1.a.h", want: "1.a.h:3,S:2,"},
		{file: "7.a.h:x:2,RS", base: "7.a.h", flags: A | S},
		{file: "7.a.h:2,S:2,F", base: "7.a.h", flags: F},
		{file: "7.a.h:2,S:x", base: "7.a.h", want: "7.a.h:2,S:x:2,"},
		{file: "x", base: "x", want: "x:2,"},
		{file: "\xff\xfe:2,S", base: "\xff\xfe", flags: S},

		// No messages.
		{file: ""}, {file: "."}, {file: ".."}, {file: ".hidden:2,S"}, {file: ":2,S"}, {file: ":"},
		{file: "a\nb:2,"}, {file: "a:2,\r"}, {file: "a/b:2,"}, {file: "a\x00b"},
	} {
		n, ok := ParseName(tt.file)
		if ok != (tt.base != "") || n.Base != tt.base || n.Flags != tt.flags || n.Letters != tt.letters {
			t.Errorf("ParseName(%q) = %+v, %t", tt.file, n, ok)
		}
		want := tt.want
		if want == "" {
			want = tt.file
		}
		if got := n.String(); ok && got != want {
			t.Errorf("ParseName(%q).String() = %q, want %q", tt.file, got, want)
		}
	}
}

func TestNameWith(t *testing.T) {
	for _, tt := range []struct {
		file    string
		flags   mail.Flags
		letters Letters
		want    string
	}{
		{"a", 0, 0, "a:2,"},
		{"a:2,FS", mail.Seen, 0, "a:2,S"},
		{"a:2,P", mail.Seen | mail.Draft, 1 << 1, "a:2,DPSb"},
		{"a:2,PSQ,x=Sa", mail.AllFlags, 1, "a:2,DFPQRSTa,x=Sa"},
		{"a:1,S:2,P", mail.Flagged, 0, "a:1,S:2,FP"},
		{"a:2,", 0xff, 1<<32 - 1, "a:2,DFRSTabcdefghijklmnopqrstuvwxyz"},
	} {
		n, ok := ParseName(tt.file)
		if got := n.With(tt.flags, tt.letters).String(); !ok || got != tt.want {
			t.Errorf("%q With(%b, %b) = %q, want %q", tt.file, tt.flags, tt.letters, got, tt.want)
		}
	}
}

func TestSizes(t *testing.T) {
	for _, tt := range []struct {
		base          string
		size, virtual int64 // -1: none
	}{
		{"1.a.h,S=12,W=13", 12, 13},
		{"1.a.h,W=13,S=12", 12, 13},
		{"1.a.h,S=0", 0, -1},
		{"1.a.h", -1, -1},
		{"1.S=5.h", -1, -1},
		{"S=5", -1, -1},
		{"1,XS=5", -1, -1},
		{"1,S=", -1, -1},
		{"1,S=1x,W=-1", -1, -1},
		{"1,S=x,S=7", 7, -1},
		{"1,S=999999999999999999", 999999999999999999, -1},
		{"1,S=9999999999999999999", -1, -1},
		{"1,,S=3,", 3, -1},
	} {
		n, _ := ParseName(tt.base + ":2,S,S=99,W=99")
		for _, f := range []struct {
			name string
			get  func() (int64, bool)
			want int64
		}{{"Size", n.Size, tt.size}, {"VirtualSize", n.VirtualSize, tt.virtual}} {
			got, ok := f.get()
			if ok != (f.want >= 0) || ok && got != f.want {
				t.Errorf("%s of %q = %d, %t; want %d", f.name, tt.base, got, ok, f.want)
			}
		}
	}
}

// In this order, every earlier one before every later one.
var arrival = []string{
	"",
	"M5",
	"abc",
	"09.M999999P1.h",
	"9.M999999P1.h", // the same time: by bytes
	"10.1234.h",
	"10.A",
	"10.M",
	"10.M2P1.h",
	"10.M2P2.h",
	"10.M9P1.h",
	"10.M10P1.h",
	"10.M000011P1.h",
	"10.Mx",
	"10.Z",
	"11.M1P1.h",
	"99999999999999999999.h",
	"100000000000000000000.h",
}

func TestCompare(t *testing.T) {
	for i, a := range arrival {
		for j, b := range arrival {
			want := min(max(i-j, -1), 1)
			if want < 0 && Arrival(a) > Arrival(b) {
				t.Errorf("Arrival(%q) > Arrival(%q)", a, b)
			}
			if got := Compare(a, b); got != want {
				t.Errorf("Compare(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, seed := range []string{"1.a.h:2,FPS,x", "a", "a:", "a::2,", "a:1,b:2,ZASb", ".a", ":2,", "a,S=1,W=2:2,S", "a:2,\xe4"} {
		f.Add(seed, uint8(3), uint32(5))
	}
	f.Fuzz(func(t *testing.T, file string, flags uint8, letters uint32) {
		n, ok := ParseName(file)
		if !ok {
			return
		}
		again, ok := ParseName(n.String())
		if !ok || again != n {
			t.Fatalf("%q: %+v became %+v by way of %q", file, n, again, n.String())
		}
		w := n.With(mail.Flags(flags), Letters(letters))
		again, ok = ParseName(w.String())
		if !ok || again != w || w.Flags != mail.Flags(flags)&mail.AllFlags {
			t.Fatalf("%q: %+v became %+v by way of %q", file, w, again, w.String())
		}
		if w.With(n.Flags, n.Letters) != n {
			t.Fatalf("%q: With is not undone by With", file)
		}
		if size, ok := n.Size(); ok && size < 0 {
			t.Fatalf("%q: size %d", file, size)
		}
	})
}

func FuzzCompare(f *testing.F) {
	for i, a := range arrival {
		f.Add(a, arrival[(i+1)%len(arrival)], arrival[(i+5)%len(arrival)])
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if (Compare(a, b) == 0) != (a == b) || Compare(a, b) != -Compare(b, a) {
			t.Fatalf("%q and %q: %d, %d", a, b, Compare(a, b), Compare(b, a))
		}
		if Compare(a, b) < 0 && Arrival(a) > Arrival(b) {
			t.Fatalf("%q is before %q, and arrived later", a, b)
		}
		if Compare(a, b) < 0 && Compare(b, c) < 0 && Compare(a, c) >= 0 {
			t.Fatalf("%q < %q < %q is not transitive", a, b, c)
		}
	})
}
