package uidlist

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fantail/internal/mail"
)

// courierDir writes files of Courier's: names and their content.
func courierDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// told lists the warnings: which file, which line.
func told(c *CourierImport) string {
	var b strings.Builder
	for _, w := range c.Warnings {
		var d *DamagedError
		if !errors.As(w, &d) {
			fmt.Fprintf(&b, "%v\n", errors.Unwrap(w))
			continue
		}
		for _, p := range d.Problems {
			fmt.Fprintf(&b, "%s %d: %s\n", filepath.Base(d.Path), p.Line, p.Kind)
		}
	}
	return b.String()
}

func TestImportCourier(t *testing.T) {
	for _, tt := range []struct {
		name     string
		files    map[string]string
		want     string // V N, then records
		keywords string
		warnings string
	}{
		{
			name: "all",
			files: map[string]string{
				courierUIDs:                "1 795388779 9\n1 a\n3 b c\n4 d\n",
				courierPOP3:                "/3 7 1795388780\na:2, 32 1:1795388780:0\nd:2,S 17 5:1795388780:1\nb c:2,S 17 2:1795388780:0\nonly-pop:2, 1 6:1795388780:0\n",
				courierKeywords + "/:list": "foo\n$Junk\n\na:0 1\nb c:1\nd:0\n",
			},
			want:     "795388779 10\n1 PUID1-1795388780 O1 :a\n3 PUID2-1795388780 O3 :b c\n4 PUID5-1795388780 O2 :d\n9 PUID6-1795388780 O4 :only-pop\n",
			keywords: "map[a:[$Junk foo] b c:[$Junk] d:[foo]]",
		},
		{
			name:  "UIDs only",
			files: map[string]string{courierUIDs: "1 7 20\n1 a:2,S\n3 b\n"},
			want:  "7 20\n1 :a\n3 :b\n",
		},
		{
			name:  "no messages",
			files: map[string]string{courierUIDs: "1 7 20\n"},
			want:  "7 20\n",
		},
		{
			name:  "POP3 only",
			files: map[string]string{courierPOP3: "/2 9 77\nx:2, 1 5:77\ny 1 8:0\nz +'\"\xff,S=1:2,S 99 0:0\n"},
			want:  "0 4\n1 PUID5-77 O1 :x\n2 PUID8 O2 :y\n3 Pz+20+2B+27+22+FF,S=1 O3 :z +'\"\xff,S=1\n",
		},
		{
			name: "updates",
			files: map[string]string{
				courierUIDs:                    "1 7 20\n1 a\n",
				courierKeywords + "/:list":     "x\n\na:0\nb:0\nc:0\nd:0\ne:0\n",
				courierKeywords + "/a":         "new\nNEW\n$Junk\n",
				courierKeywords + "/.50.a":     "old\n",
				courierKeywords + "/b":         "",
				courierKeywords + "/.9.c":      "nine\n",
				courierKeywords + "/.10.c":     "ten\n",
				courierKeywords + "/.10.d":     "",
				courierKeywords + "/.0.e":      "not\n",
				courierKeywords + "/.tmp.99.e": "not\n",
				courierKeywords + "/.7.f.g":    "seven\n",
			},
			want:     "7 20\n1 :a\n",
			keywords: "map[a:[$Junk new] c:[ten] e:[x] f.g:[seven]]",
		},
		{
			name: "damaged keywords",
			files: map[string]string{
				courierKeywords + "/:list": "x\nb\xe4d\ny\n\na:0 1 2\ngarbage\nb:7\nc:0 x\n:0\nd/e:0\nf:2\ng:0\nf:0\nlast:0 2",
				courierKeywords + "/up":    "ok\nno atom\nlast",
			},
			keywords: "map[a:[x y] c:[x] f:[x] g:[x] up:[ok]]",
			warnings: ":list 2: unreadable line\n:list 5: unreadable line\n:list 6: unreadable line\n:list 7: unreadable line\n:list 8: unreadable line\n" +
				":list 9: unreadable line\n:list 10: unreadable line\n:list 14: unreadable line\nup 2: unreadable line\nup 3: unreadable line\n",
		},
		{
			name:     "keywords cut before the first message",
			files:    map[string]string{courierKeywords + "/:list": "x\ny"},
			warnings: ":list 2: unreadable line\n",
		},
		{
			name:     "cut UIDs",
			files:    map[string]string{courierUIDs: "1 7 20\n1 a\n3 b\n19 tor"},
			want:     "7 20\n1 :a\n3 :b\n",
			warnings: "courierimapuiddb 4: unreadable line\n",
		},
		{
			name:     "cut UIDs, N too low",
			files:    map[string]string{courierUIDs: "1 7 2\n1 a\n3 b\n19 tor"},
			want:     "7 20\n1 :a\n3 :b\n",
			warnings: "courierimapuiddb 4: unreadable line\n",
		},
		{
			name:     "damaged UIDs",
			files:    map[string]string{courierUIDs: "1 7 20\n1 a\ngarbage\n3 b\n3 c\n0 d\n4294967295 e\n6 f/g\n"},
			want:     "7 20\n1 :a\n",
			warnings: "courierimapuiddb 3: unreadable line\ncourierimapuiddb 5: UID not ascending\ncourierimapuiddb 6: impossible UID\ncourierimapuiddb 7: impossible UID\ncourierimapuiddb 8: unreadable line\ncourierimapuiddb 9: same UID twice\n",
		},
		{
			name:     "header cut",
			files:    map[string]string{courierUIDs: "1 79538"},
			want:     "0 1\n",
			warnings: "courierimapuiddb 1: unreadable header\n",
		},
		{
			name:     "N lost: a UID beyond the last may have been given",
			files:    map[string]string{courierUIDs: "1 7 x\n1 a\n3 b\n", courierPOP3: "/3 9 77\nb:2, 1 5:77:0\n"},
			want:     "0 2\n1 PUID5-77 O1 :b\n",
			warnings: "courierimapuiddb 1: unreadable header\n",
		},
		{
			name:     "empty",
			files:    map[string]string{courierUIDs: "", courierPOP3: ""},
			want:     "0 1\n",
			warnings: "courierimapuiddb 1: empty file\ncourierpop3dsizelist 1: unreadable header\n",
		},
		{
			name:     "of another version",
			files:    map[string]string{courierUIDs: "3 V7 N20\n1 :a\n", courierPOP3: "/4 9 77\nb:2, 1 5:77:0\n"},
			want:     "0 1\n",
			warnings: "courierimapuiddb 1: unknown version\ncourierpop3dsizelist 1: unreadable header\n",
		},
		{
			name: "damaged unique-ids",
			files: map[string]string{courierPOP3: "/3 9 77\na:2, 1 5:77:0\nb 1 x:77:0\nc 1 5\nd\n e 1 6:77:0\nf x 6:77:0\na:2,S 1 6:77:0\n" +
				"g:2, 1 7:77:0\nh:2, 1 7:77:0\ni:2, 1 7:77:0\nj/k 1 8:77:0\nl 1 8:77:0"},
			want: "0 6\n1 PUID5-77 O1 :a\n2 PUID6-77 O2 : e\n3 O3 :g\n4 O4 :h\n5 O5 :i\n",
			warnings: "courierpop3dsizelist 3: unreadable line\ncourierpop3dsizelist 4: unreadable line\ncourierpop3dsizelist 5: unreadable line\n" +
				"courierpop3dsizelist 7: unreadable line\ncourierpop3dsizelist 8: unreadable line\ncourierpop3dsizelist 10: same UID twice\n" +
				"courierpop3dsizelist 11: same UID twice\ncourierpop3dsizelist 12: unreadable line\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := courierDir(t, tt.files)
			c, err := ImportCourier(dir)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if l := c.List; l != nil {
				got = fmt.Sprintf("%d %d\n%s", l.Validity, l.Next, lines(l.Records))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if got := fmt.Sprint(c.Keywords); got != tt.keywords && (len(c.Keywords) != 0 || tt.keywords != "") {
				t.Errorf("keywords %s, want %s", got, tt.keywords)
			}
			if diff := cmp.Diff(tt.warnings, told(c)); diff != "" {
				t.Error(diff)
			}
			for name, text := range tt.files {
				if get(t, filepath.Join(dir, name)) != text {
					t.Errorf("%s is not what it was", name)
				}
			}
			if c.List == nil {
				return
			}
			if c.List.Validity == 0 {
				c.List.Validity = 99
			}
			// What was found can be written, and stays.
			l, err := Open(dir).Import(c.List)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(lines(c.List.Records), lines(l.Records)); diff != "" || l.Next != c.List.Next {
				t.Errorf("next %d, %s", l.Next, diff)
			}
		})
	}
}

func TestImportCourierOfNothing(t *testing.T) {
	for name, dir := range map[string]string{
		"empty directory": courierDir(t, nil),
		"no directory":    filepath.Join(t.TempDir(), "none"),
		"no keywords":     courierDir(t, map[string]string{courierKeywords + "/.tmp.x": "", "cur/1:2,": ""}),
	} {
		if _, err := ImportCourier(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := CourierSubscriptions(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("subscriptions: %v", err)
	}
}

// What cannot be read at all is no import: UIDs would be given that clients
// know.
func TestImportCourierUnreadable(t *testing.T) {
	for _, name := range []string{courierUIDs, courierPOP3} {
		dir := t.TempDir()
		if err := os.Symlink("/etc/passwd", filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := ImportCourier(dir); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("link %s: %v", name, err)
		}
		dir = courierDir(t, map[string]string{name: ""})
		if err := os.Truncate(filepath.Join(dir, name), maxCourierFile+1); err != nil {
			t.Fatal(err)
		}
		if _, err := ImportCourier(dir); !errors.Is(err, ErrTooLarge) {
			t.Errorf("large %s: %v", name, err)
		}
	}
	// Of keywords only those are lost that cannot be read.
	dir := courierDir(t, map[string]string{courierKeywords + "/:list": "x\n\na:0\nb:0\n", courierKeywords + "/c": strings.Repeat("x\n", maxCourierUpdate)})
	if err := os.Mkdir(filepath.Join(dir, courierKeywords, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, courierKeywords, "b")); err != nil {
		t.Fatal(err)
	}
	c, err := ImportCourier(dir)
	if err != nil || len(c.Warnings) != 3 || fmt.Sprint(c.Keywords) != "map[a:[x] b:[x]]" {
		t.Errorf("%+v, %v", c, err)
	}
}

// movingFS takes an update file away when it is read: Courier has moved it.
type movingFS struct {
	disk
	moves int
}

func (m *movingFS) open(path string, flag int, perm fs.FileMode) (handle, error) {
	if dir, name := filepath.Split(path); strings.HasSuffix(name, "m") && m.moves != 0 {
		m.moves--
		if err := os.Rename(path, dir+fmt.Sprintf(".%d.m", 100-m.moves)); err != nil {
			return nil, err
		}
	}
	return m.disk.open(path, flag, perm)
}

func TestImportCourierAtWork(t *testing.T) {
	for moves, want := range map[int]string{1: "map[m:[k]]", 5: "map[m:[k]]", -1: ""} {
		dir := courierDir(t, map[string]string{courierKeywords + "/m": "k\n"})
		c, err := importCourier(&movingFS{moves: moves}, dir)
		if want == "" {
			if !errors.Is(err, ErrRaced) {
				t.Errorf("%v", err)
			}
			continue
		}
		if err != nil || fmt.Sprint(c.Keywords) != want {
			t.Errorf("%+v, %v", c, err)
		}
	}
}

func TestCourierSubscriptions(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
		bad        int
	}{
		{"mUTF-7", "INBOX\nINBOX.Foo.B&AOQ-r\nINBOX.A&-B\n", []string{"INBOX", "Foo.B&AOQ-r", "A&-B"}, 0},
		{"UTF-8", "INBOX.Foo.B\u00e4r\nINBOX.A&B\n", []string{"Foo.B&AOQ-r", "A&-B"}, 0},
		{"twice, other case", "inbox.Foo\nINBOX.Foo\nInbox\n\nINBOX\nINBOX.foo\n", []string{"Foo", "INBOX", "foo"}, 0},
		{"inbox below", "INBOX.inbox.a\nINBOX.Inbox\n", []string{"inbox.a"}, 1},
		{"damage", "INBOX.a\n#shared.x\nshared.y\nINBOX..b\nINBOX.\nINBOX.c/d\nINBOX.e\x00\nINBOX.f\r\nINBOXg\nINBOX.h\nINBOX.tor", []string{"a", "h"}, 9},
		{"not UTF-8", "INBOX.a\nINBOX.\xe4\n", []string{"a"}, 1},
		{"empty", "", nil, 0},
	} {
		dir := courierDir(t, map[string]string{courierSubscribed: tt.text})
		got, err := CourierSubscriptions(dir)
		var d *DamagedError
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		if errors.As(err, &d); tt.bad > 0 && (d == nil || d.Count != tt.bad) || tt.bad == 0 && err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		s := OpenSubscriptions(t.TempDir(), '.')
		for _, name := range got {
			if err := s.Set(name, true); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		if again, err := s.List(); err != nil || !cmp.Equal(again, got) {
			t.Errorf("%s: kept %q, %v", tt.name, again, err)
		}
	}
}

// TestPOP3FieldsSurvive every way of writing the list.
func TestPOP3FieldsSurvive(t *testing.T) {
	dir := t.TempDir()
	f := Open(dir)
	if _, err := f.Import(&List{Validity: 7, Records: []Record{{1, "a", " PUID5-77 O1"}, {2, "b", " P O2"}, {3, "c", " Px+20y O3 W9"}}}); err != nil {
		t.Fatal(err)
	}
	check := func(what string, uidl, order string) {
		t.Helper()
		for _, l := range []*List{load(t, f), load(t, Open(dir))} {
			r, ok := l.Find(3)
			p, okP := r.Field('P')
			o, okO := r.Field('O')
			if !ok || !okP || !okO || p != uidl || o != order {
				t.Errorf("after %s: %+v", what, r)
			}
		}
	}
	check("import", "x+20y", "3")
	if r, _ := load(t, f).Find(2); r.Ext != " P O2" {
		t.Errorf("%+v", r)
	}
	appendBases(t, f, "d", "e")
	check("append", "x+20y", "3")
	if err := f.Compact(func(base string) bool { return base != "a" && base != "d" }); err != nil {
		t.Fatal(err)
	}
	check("compact", "x+20y", "3")
	m := marked(t, f)
	g := resumed(dir, m)
	appendBases(t, g, "f")
	check("append to a list that was not read", "x+20y", "3")
	g = resumed(dir, marked(t, g))
	if err := g.RaiseNext(50); err != nil {
		t.Fatal(err)
	}
	check("rewrite of a list that was not read", "x+20y", "3")
	appendText(t, f.Path(), "garbage\n")
	if _, err := Open(dir).Repair(RepairOptions{}); err != nil {
		t.Fatal(err)
	}
	check("repair", "x+20y", "3")
	appendText(t, f.Path(), "60 :to")
	appendBases(t, Open(dir), "g")
	check("append behind a torn line", "x+20y", "3")
}

func FuzzCourierUIDs(f *testing.F) {
	f.Add("1 7 20\n1 a\n3 b:2,S\n", "/3 9 77\na:2, 1 5:77:0\nz 1 6:77:0\n")
	f.Add("1 7 x\n1 a\n", "/2 9 77\na b+c 1 0:0\na b+c 1 0:0\n")
	f.Add("1 7 4294967294\n1 a\n", "/3 9\n\xff 1 5:0:0\n")
	f.Fuzz(func(t *testing.T, uids, drop string) {
		m := newMemFS()
		m.names["mem/"+courierUIDs] = &memInode{ino: 1, data: uids, mode: 0o600}
		m.names["mem/"+courierPOP3] = &memInode{ino: 2, data: drop, mode: 0o600}
		c, err := importCourier(m, "mem")
		if errors.Is(err, ErrExhausted) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		list, _ := parseCourierUIDs(uids)
		for _, r := range list.Records {
			if s, ok := c.List.Find(r.UID); !ok || s.Base != r.Base {
				t.Fatalf("UID %d of %q became %+v", r.UID, r.Base, s)
			}
		}
		if c.List.Validity != list.Validity || c.List.Next < list.Next || c.List.Next <= c.List.lastUID() {
			t.Fatalf("%+v", c.List)
		}
		if c.List.Validity == 0 {
			c.List.Validity = 1
		}
		uidls := map[string]bool{}
		for _, r := range c.List.Records {
			if p, ok := r.Field('P'); ok && (uidls[p] || strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r >= 0x7f })) {
				t.Fatalf("unique-id %q", p)
			} else if ok {
				uidls[p] = true
			}
		}
		if err := c.List.check(); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzCourierKeywords(f *testing.F) {
	f.Add("x\n$Junk\n\na:0 1\nb:1\n", "x\nX\n\n", ".7.a")
	f.Add("x\n\n\na:99999999999\nb:-1\n:0\n", "bad atom\nx", ".tmp.1")
	f.Fuzz(func(t *testing.T, list, update, name string) {
		sets, _ := parseCourierKeywords(list)
		set, _ := parseCourierUpdate(update)
		if len(set) > 0 {
			sets["update"] = set
		}
		for base, set := range sets {
			if checkBase(base) != nil || len(set) == 0 {
				t.Fatalf("%q has %q", base, set)
			}
			for i, kw := range set {
				if !legalKeyword(kw) || i > 0 && kw.Equal(set[i-1]) {
					t.Fatalf("%q has %q", base, set)
				}
			}
		}
		if base, age, ok := cutCourierUpdate(name); ok && (checkBase(base) != nil || age == 0 || !strings.HasSuffix(name, base)) {
			t.Fatalf("%q is %d of %q", name, age, base)
		}
	})
}

func FuzzCourierSubscribed(f *testing.F) {
	f.Add("INBOX\nINBOX.Foo.B&AOQ-r\n")
	f.Add("INBOX.Foo.B\u00e4r\nINBOX.A&B\nINBOX..\n")
	f.Fuzz(func(t *testing.T, text string) {
		names, _ := parseCourierSubscribed(text)
		s := subscriptionsText{separator: '.'}
		for _, n := range names {
			s.set(n, true)
		}
		again, err := parseSubscriptions(s.encode(), '.')
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(names, again.names()); diff != "" {
			t.Fatal(diff)
		}
		for _, n := range names {
			if n != mail.Inbox && strings.EqualFold(n, mail.Inbox) || n == "" {
				t.Fatalf("%q", n)
			}
		}
	})
}
