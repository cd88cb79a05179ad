package uidlist

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"fantail/internal/mail"
)

// put writes the UID list of dir.
func put(t *testing.T, dir, text string) string {
	t.Helper()
	path := filepath.Join(dir, "dovecot-uidlist")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func get(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func load(t *testing.T, f *File) *List {
	t.Helper()
	l, err := f.Load()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func appendBases(t *testing.T, f *File, bases ...string) []Record {
	t.Helper()
	recs, err := f.Append(bases)
	if err != nil {
		t.Fatal(err)
	}
	return recs
}

func TestCreateAppendCompact(t *testing.T) {
	dir := t.TempDir()
	f := Open(dir)
	if _, err := f.Load(); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("without a file: %v", err)
	}
	if _, err := f.Append([]string{"a"}); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("append without a file: %v", err)
	}
	l, err := f.Create(7, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	if !isGUID(l.GUID) {
		t.Errorf("GUID %q", l.GUID)
	}
	head := "3 V7 N3 G" + l.GUID + "\n"
	if got := get(t, f.Path()); got != head+"1 :a\n2 :b\n" {
		t.Errorf("created %q", got)
	}
	if _, err := f.Create(8, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created twice: %v", err)
	}
	recs := appendBases(t, f, "c", "d")
	if diff := cmp.Diff([]Record{{UID: 3, Base: "c"}, {UID: 4, Base: "d"}}, recs); diff != "" {
		t.Error(diff)
	}
	// Appends leave the header as it is: readers know the rest from the records.
	if got := get(t, f.Path()); got != head+"1 :a\n2 :b\n3 :c\n4 :d\n" {
		t.Errorf("appended %q", got)
	}
	if load(t, f).Wasteful(4) || !load(t, f).Wasteful(3) {
		t.Error("three of four are worth a rewrite, four are not")
	}
	if err := f.Compact(func(base string) bool { return base != "b" && base != "d" }); err != nil {
		t.Fatal(err)
	}
	// UID 4 must not be given again though its line is gone.
	if got := get(t, f.Path()); got != "3 V7 N5 G"+l.GUID+"\n1 :a\n3 :c\n" {
		t.Errorf("compacted %q", got)
	}
	if recs = appendBases(t, Open(dir), "e"); recs[0].UID != 5 {
		t.Errorf("UID %d, want 5", recs[0].UID)
	}
	noTemp(t, dir)
}

// noTemp checks that nothing but finished files is in dir.
func noTemp(t *testing.T, dir string) {
	t.Helper()
	for _, pattern := range []string{"*.tmp", "*.lock"} {
		if left, _ := filepath.Glob(filepath.Join(dir, pattern)); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

func TestCompactOfNothing(t *testing.T) {
	dir := t.TempDir()
	path := put(t, dir, header3+"1 :a\n")
	before := inode(t, path)
	f := Open(dir)
	if err := f.Compact(func(string) bool { return true }); err != nil {
		t.Fatal(err)
	}
	if inode(t, path) != before {
		t.Error("rewrote a file that holds nothing to drop")
	}
}

func inode(t *testing.T, path string) stamp {
	t.Helper()
	fi, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	s := stampOf(fi)
	return stamp{dev: s.dev, ino: s.ino}
}

// What a rewrite does not understand it keeps.
func TestRewriteKeepsForeignFields(t *testing.T) {
	dir := t.TempDir()
	path := put(t, dir, "3 V7 Xhdr N20 Pfmt G"+guid+"\n1 W5 Zfoo P1:2 :a\n2 :b\n3 Gx :c\n")
	if err := Open(dir).Compact(func(base string) bool { return base != "b" }); err != nil {
		t.Fatal(err)
	}
	if got, want := get(t, path), "3 V7 N20 G"+guid+" Xhdr Pfmt\n1 W5 Zfoo P1:2 :a\n3 Gx :c\n"; got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestAppendUpgrades(t *testing.T) {
	for name, text := range map[string]string{
		"version 1":     "1 7 20\n1 a:2,S\n3 b\n",
		"without GUID":  "3 V7 N20\n1 :a\n3 :b\n",
		"unfinished":    header3 + "1 :a\n3 :b\n19 :torn",
		"NULs behind":   header3 + "1 :a\n3 :b\n\x00\x00",
		"half a number": header3 + "1 :a\n3 :b\n2",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := put(t, dir, text)
			recs := appendBases(t, Open(dir), "c")
			if diff := cmp.Diff([]Record{{UID: 20, Base: "c"}}, recs); diff != "" {
				t.Error(diff)
			}
			head, body, _ := strings.Cut(get(t, path), "\n")
			if !strings.HasPrefix(head, "3 V7 N21 G") || body != "1 :a\n3 :b\n20 :c\n" {
				t.Errorf("wrote %q", head+body)
			}
		})
	}
}

func TestAppendSpendsTornUID(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, header3+"1 :a\n30 :to")
	f := Open(dir)
	if l := load(t, f); l.Next != 31 || len(l.Records) != 1 {
		t.Errorf("next %d, records %v", l.Next, l.Records)
	}
	if recs := appendBases(t, f, "b"); recs[0].UID != 31 {
		t.Errorf("UID %d", recs[0].UID)
	}
}

// A slow writer's line is read once it is whole.
func TestUnfinishedLineGrows(t *testing.T) {
	dir := t.TempDir()
	path := put(t, dir, header3+"1 :a\n")
	f := Open(dir)
	load(t, f)
	for _, step := range []struct {
		text    string
		records int
	}{{"2", 1}, {"1 :", 1}, {"b\n", 2}, {"22 :c\n23", 3}, {" :d\n", 4}} {
		h, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.WriteString(step.text); err != nil {
			t.Fatal(err)
		}
		h.Close()
		if l := load(t, f); len(l.Records) != step.records {
			t.Errorf("after %q: %d records, want %d", step.text, len(l.Records), step.records)
		}
	}
	if got := lines(load(t, f).Records); got != "1 :a\n21 :b\n22 :c\n23 :d\n" {
		t.Errorf("read %q", got)
	}
}

func TestUnchangedIsTheSamePointer(t *testing.T) {
	dir := t.TempDir()
	f := Open(dir)
	l, err := f.Create(7, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	if load(t, f) != l {
		t.Error("another list after Create")
	}
	appendBases(t, f, "b")
	l = load(t, f)
	g := Open(dir)
	appendBases(t, g, "c")
	m := load(t, f)
	if m == l || len(m.Records) != 3 || len(l.Records) != 2 {
		t.Errorf("after another's append: %v, before: %v", m, l)
	}
	if load(t, f) != m {
		t.Error("another list though nothing changed")
	}
}

// A file of the same inode number that is not the one we read must be read as a
// whole: the number of a deleted file is soon given again.
func TestGrownFileIsAnotherFile(t *testing.T) {
	dir := t.TempDir()
	const base = header3 + "1 :aaaa\n2 :b\n"
	for _, text := range []string{
		"3 V8 N20 G" + guid + "\n1 :aaaa\n2 :b\n3 :c\n", // another header
		header3 + "1 :aaaa\n9 :x\n10 :y\n",              // another last line
		header3 + "1 :aaaaaa\n2 :b\n3 :c\n",             // another place for it
		header3 + "5 :x\n",                              // shorter
	} {
		path := put(t, dir, base)
		f := Open(dir)
		load(t, f)
		before := inode(t, path)
		put(t, dir, text)
		if before != inode(t, path) {
			t.Fatal("the test replaced the file")
		}
		want, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, load(t, f)); diff != "" {
			t.Errorf("%q\n%s", text, diff)
		}
	}
}

// A backup of the same UIDVALIDITY came back: UIDs that were shown stay spent.
func TestOlderFileComesBack(t *testing.T) {
	dir := t.TempDir()
	old := header3 + "1 :a\n"
	put(t, dir, old)
	f := Open(dir)
	load(t, f)
	appendBases(t, f, "b", "c") // 20, 21
	put(t, dir, old)
	if l := load(t, f); l.Next != 22 {
		t.Errorf("next %d, want 22", l.Next)
	}
	if recs := appendBases(t, f, "d"); recs[0].UID != 22 {
		t.Errorf("UID %d", recs[0].UID)
	}
	put(t, dir, "3 V8 N5\n") // another UIDVALIDITY is another world
	if l := load(t, f); l.Next != 5 {
		t.Errorf("next %d, want 5", l.Next)
	}
}

func TestAppendOfKnownBases(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, header3+"1 :a\n2 :b\n")
	f := Open(dir)
	// A caller that never looked keeps what there is.
	if recs := appendBases(t, f, "a", "c"); recs[0].UID != 1 || recs[1].UID != 20 {
		t.Errorf("%v", recs)
	}
	// Another process was faster.
	appendBases(t, Open(dir), "d")
	if recs := appendBases(t, f, "d", "e", "d"); recs[0].UID != 21 || recs[1].UID != 22 || recs[2].UID != 21 {
		t.Errorf("%v", recs)
	}
	// The caller knows UID 1 and wants another for the file that came back.
	if recs := appendBases(t, f, "a"); recs[0].UID != 23 {
		t.Errorf("%v", recs)
	}
	if got := lines(load(t, f).Records); got != "2 :b\n20 :c\n21 :d\n22 :e\n23 :a\n" {
		t.Errorf("%q", got)
	}
	if l, m := load(t, f), load(t, Open(dir)); !cmp.Equal(l, m) {
		t.Error(cmp.Diff(m, l))
	}
	// And the index was rebuilt.
	if recs := appendBases(t, f, "b", "x"); recs[0].UID != 24 || recs[1].UID != 25 {
		t.Errorf("%v", recs)
	}
}

func TestIllegalBases(t *testing.T) {
	dir := t.TempDir()
	path := put(t, dir, header3)
	f := Open(dir)
	for _, base := range []string{"", "a\nb", "a\rb", "a/b", "a:2,S", "a\x00", strings.Repeat("x", MaxBase+1)} {
		if _, err := f.Append([]string{"good", base}); !errors.Is(err, ErrBase) {
			t.Errorf("append %q: %v", base, err)
		}
		if _, err := Open(t.TempDir()).Create(7, []string{base}); !errors.Is(err, ErrBase) {
			t.Errorf("create %q: %v", base, err)
		}
	}
	if got := get(t, path); got != header3 {
		t.Errorf("wrote %q", got)
	}
}

func TestUIDsRunOut(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "3 V7 N4294967293 G"+guid+"\n")
	f := Open(dir)
	if _, err := f.Append([]string{"a", "b", "c"}); !errors.Is(err, ErrExhausted) {
		t.Fatalf("three UIDs of two: %v", err)
	}
	recs := appendBases(t, f, "a", "b")
	if recs[1].UID != MaxUID {
		t.Errorf("%v", recs)
	}
	if _, err := f.Append([]string{"c"}); !errors.Is(err, ErrExhausted) {
		t.Errorf("one too many: %v", err)
	}
	if l := load(t, Open(dir)); l.lastUID() != MaxUID {
		t.Errorf("%v", l)
	}
}

func TestRaiseNext(t *testing.T) {
	dir := t.TempDir()
	path := put(t, dir, header3+"1 :a\n")
	f := Open(dir)
	for _, n := range []mail.UID{5, 50} {
		if err := f.RaiseNext(n); err != nil {
			t.Fatal(err)
		}
	}
	if got := get(t, path); got != "3 V7 N50 G"+guid+"\n1 :a\n" {
		t.Errorf("%q", got)
	}
}

func TestImport(t *testing.T) {
	dir := t.TempDir()
	l, err := Parse("1 1700000000 9\n3 x:2,S\n5 y\n") // a courierimapuiddb
	if err != nil {
		t.Fatal(err)
	}
	l.Records[1].Ext = " PUID5-1"
	got, err := Open(dir).Import(l)
	if err != nil {
		t.Fatal(err)
	}
	want := "3 V1700000000 N9 G" + got.GUID + "\n3 :x\n5 PUID5-1 :y\n"
	if text := get(t, filepath.Join(dir, "dovecot-uidlist")); text != want {
		t.Errorf("%q", text)
	}
	for name, bad := range map[string]List{
		"no validity":    {Records: []Record{{UID: 1, Base: "a"}}},
		"not ascending":  {Validity: 1, Records: []Record{{UID: 2, Base: "a"}, {UID: 2, Base: "b"}}},
		"UID 0":          {Validity: 1, Records: []Record{{UID: 0, Base: "a"}}},
		"UID too high":   {Validity: 1, Records: []Record{{UID: MaxUID + 1, Base: "a"}}},
		"base twice":     {Validity: 1, Records: []Record{{UID: 1, Base: "a"}, {UID: 2, Base: "a"}}},
		"LF in a field":  {Validity: 1, Records: []Record{{1, "a", " P\n"}}},
		"name in field":  {Validity: 1, Records: []Record{{1, "a", " P :x"}}},
		"field key":      {Validity: 1, Records: []Record{{1, "a", " p"}}},
		"no space":       {Validity: 1, Records: []Record{{1, "a", "P1"}}},
		"line too long":  {Validity: 1, Records: []Record{{1, "a", " P" + strings.Repeat("x", maxLine)}}},
		"GUID":           {Validity: 1, GUID: "x"},
		"header with LF": {Validity: 1, Header: " X\n"},
		"illegal base":   {Validity: 1, Records: []Record{{UID: 1, Base: "a/b"}}},
	} {
		if _, err := Open(t.TempDir()).Import(&bad); err == nil {
			t.Errorf("%s: imported", name)
		}
	}
}

func TestRepair(t *testing.T) {
	for _, tt := range damages {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := put(t, dir, tt.text)
			f := Open(dir)
			_, err := f.Load()
			var d *DamagedError
			if !errors.As(err, &d) || d.Path != path {
				t.Fatalf("load: %v", err)
			}
			if _, err := f.Append([]string{"new"}); !errors.As(err, &d) {
				t.Fatalf("append to a damaged file: %v", err)
			}
			o := RepairOptions{Now: time.Unix(1000, 0)}
			if tt.validity == 0 {
				if _, err := f.Repair(o); !errors.As(err, &d) {
					t.Fatalf("repair without a UIDVALIDITY: %v", err)
				}
				o.Fresh = func() (mail.UIDValidity, error) { return 99, nil }
			} else {
				o.Fresh = func() (mail.UIDValidity, error) { panic("the UIDVALIDITY is not lost") }
			}
			l, err := f.Repair(o)
			if err != nil {
				t.Fatal(err)
			}
			if want := max(tt.validity, 99); tt.validity == 0 && uint32(l.Validity) != want || tt.validity != 0 && uint32(l.Validity) != tt.validity {
				t.Errorf("UIDVALIDITY %d", l.Validity)
			}
			if got := lines(l.Records); got != tt.saved {
				t.Errorf("repaired %q, want %q", got, tt.saved)
			}
			if got := get(t, path+".broken-1000"); got != tt.text {
				t.Errorf("kept %q", got)
			}
			if m := load(t, Open(dir)); !cmp.Equal(m, l) {
				t.Error(cmp.Diff(l, m))
			}
			if recs := appendBases(t, f, "new"); uint32(recs[0].UID) < tt.next {
				t.Errorf("new UID %d, want %d or more", recs[0].UID, tt.next)
			}
			if again, err := f.Repair(o); err != nil || len(again.Records) != len(l.Records)+1 {
				t.Errorf("repair of a sound file: %v, %v", again, err)
			}
		})
	}
}

// What the caller's index remembers stands in for what is lost.
func TestRepairFromIndex(t *testing.T) {
	index := &List{Validity: 7, Next: 40, GUID: guid, Records: []Record{{UID: 1, Base: "a"}, {UID: 2, Base: "b"}, {UID: 3, Base: "x"}, {UID: 30, Base: "c"}}}
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "3 V7 N40 G" + guid + "\n1 :a\n2 :b\n3 :x\n30 :c\n"},
		{"unknown version", "5 V7\n", "3 V7 N40 G" + guid + "\n1 :a\n2 :b\n3 :x\n30 :c\n"},
		{"lost line", "3 V7 N20 G" + guid + "\n1 :a\ngarbage\n3 :y\n", "3 V7 N40 G" + guid + "\n1 :a\n2 :b\n3 :y\n30 :c\n"},
		{"another UIDVALIDITY", "3 V8 N20 G" + guid + "\n1 :a\ngarbage\n", "3 V8 N20 G" + guid + "\n1 :a\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := put(t, dir, tt.text)
			if _, err := Open(dir).Repair(RepairOptions{Index: index}); err != nil {
				t.Fatal(err)
			}
			if got := get(t, path); got != tt.want {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestRepairKeepsEveryBrokenFile(t *testing.T) {
	dir := t.TempDir()
	f := Open(dir)
	for i := range 3 {
		put(t, dir, header3+fmt.Sprintf("garbage %d\n", i))
		if _, err := f.Repair(RepairOptions{Now: time.Unix(1000, 0)}); err != nil {
			t.Fatal(err)
		}
	}
	kept, _ := filepath.Glob(filepath.Join(dir, "dovecot-uidlist.broken-1000*"))
	if len(kept) != 3 {
		t.Errorf("kept %v", kept)
	}
}

func TestForeignFileTypes(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"symbolic link": func(p string) error { return os.Symlink("/etc/passwd", p) },
		"directory":     func(p string) error { return os.Mkdir(p, 0o700) },
		"FIFO":          func(p string) error { return unix.Mkfifo(p, 0o600) },
		"too large":     func(p string) error { return errors.Join(os.WriteFile(p, nil, 0o600), os.Truncate(p, maxFile+1)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := Open(dir)
			if err := make(f.Path()); err != nil {
				t.Fatal(err)
			}
			_, err := f.Load()
			var d *DamagedError
			if err == nil || errors.As(err, &d) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v", err)
			}
			if name == "too large" && !errors.Is(err, ErrTooLarge) {
				t.Errorf("%v", err)
			}
			if _, err := f.Append([]string{"a"}); err == nil {
				t.Error("appended")
			}
		})
	}
}

func TestModes(t *testing.T) {
	for _, tt := range []struct {
		name          string
		dir, old, new fs.FileMode
	}{
		{"own", 0o700, 0, 0o600},
		{"readable directory", 0o755, 0, 0o600},
		{"shared directory", 0o770, 0, 0o660},
		{"old file", 0o700, 0o644, 0o644},
		{"old file of a group", 0o700, 0o660, 0o660},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Chmod(dir, tt.dir); err != nil {
				t.Fatal(err)
			}
			f := Open(dir)
			if tt.old == 0 {
				if _, err := f.Create(7, nil); err != nil {
					t.Fatal(err)
				}
			} else {
				put(t, dir, header3+"1 :a\n")
				if err := os.Chmod(f.Path(), tt.old); err != nil {
					t.Fatal(err)
				}
				if err := f.RaiseNext(100); err != nil {
					t.Fatal(err)
				}
			}
			fi, err := os.Stat(f.Path())
			if err != nil {
				t.Fatal(err)
			}
			if fi.Mode().Perm() != tt.new {
				t.Errorf("mode %v, want %v", fi.Mode().Perm(), tt.new)
			}
		})
	}
}

// A root process that mends a user's Maildir leaves the files the user's.
func TestOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	const nobody = 65534
	dir := t.TempDir()
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	f := Open(dir)
	if _, err := f.Create(7, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	owned := func() {
		t.Helper()
		fi, err := os.Stat(f.Path())
		if err != nil {
			t.Fatal(err)
		}
		if st := fi.Sys().(*syscall.Stat_t); st.Uid != nobody || st.Gid != nobody {
			t.Errorf("owner %d:%d", st.Uid, st.Gid)
		}
	}
	owned()
	if err := f.RaiseNext(100); err != nil {
		t.Fatal(err)
	}
	owned()
}

// Readers beside a writer see each state whole, and never a UID with two names.
func TestReadersBesideWriter(t *testing.T) {
	dir := t.TempDir()
	w := Open(dir)
	if _, err := w.Create(7, nil); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		f := Open(dir)
		f.now = func() time.Time { return time.Unix(1<<33, 0) } // sync nothing: only speed matters here
		readers.Go(func() {
			bases := map[mail.UID]string{}
			for last := mail.UID(0); ; {
				l, err := f.Load()
				if err != nil {
					t.Error(err)
					return
				}
				if l.Next < last {
					t.Errorf("next fell from %d to %d", last, l.Next)
				}
				last = l.Next
				for _, r := range l.Records {
					if b, ok := bases[r.UID]; ok && b != r.Base {
						t.Errorf("UID %d is %s and %s", r.UID, b, r.Base)
					}
					bases[r.UID] = r.Base
				}
				select {
				case <-done:
					return
				default:
					runtime.Gosched()
				}
			}
		})
	}
	for i := range 60 {
		appendBases(t, w, fmt.Sprintf("m%d", 2*i), fmt.Sprintf("m%d", 2*i+1))
		if i%10 == 9 {
			if err := w.Compact(func(base string) bool { return len(base) == 3 }); err != nil {
				t.Error(err)
			}
		}
	}
	close(done)
	readers.Wait()
}
