package uidlist

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fantail/internal/mail"
)

// marked returns the mark of what the File has.
func marked(t *testing.T, f *File) Mark {
	t.Helper()
	m, ok := f.Mark()
	if !ok {
		t.Fatal("no mark")
	}
	return m
}

func resumed(dir string, m Mark) *File {
	f := Open(dir)
	f.Resume(m)
	return f
}

// above returns the list without the records below from.
func above(l *List, from mail.UID) *List {
	m := *l
	m.From = from
	m.Records = slices.DeleteFunc(slices.Clone(l.Records), func(r Record) bool { return r.UID < from })
	return &m
}

// appendText appends to a file as a program does that heeds nothing.
func appendText(t *testing.T, path, text string) {
	t.Helper()
	h, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := h.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestMark(t *testing.T) {
	dir := t.TempDir()
	f := Open(dir)
	if _, ok := f.Mark(); ok {
		t.Error("a mark of nothing")
	}
	if _, err := f.Create(7, []string{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(){
		func() {},
		func() { appendBases(t, f, "c", "d") },
		func() {
			if err := f.Compact(func(base string) bool { return base != "d" }); err != nil {
				t.Fatal(err)
			}
		},
		func() { appendText(t, f.Path(), "9 :e\n"); load(t, f) },
	} {
		change()
		l, m := load(t, f), marked(t, f)
		id, err := f.Stat()
		if err != nil || id != m.FileID {
			t.Errorf("mark of %v, file %v, %v", m.FileID, id, err)
		}
		if m.Validity != 7 || m.Next != l.Next || m.Lines != l.Lines {
			t.Errorf("mark %+v of %+v", m, l)
		}
	}
	put(t, dir, "garbage\n")
	if _, err := f.Load(); err == nil {
		t.Fatal("loaded garbage")
	}
	if _, ok := f.Mark(); ok {
		t.Error("a mark of garbage")
	}
	if err := os.Remove(f.Path()); err != nil {
		t.Fatal(err)
	}
	if id, err := f.Stat(); err != nil || id != (FileID{}) {
		t.Errorf("without a file: %v, %v", id, err)
	}
}

// TestResume reads on behind a mark what others have made of the file.
func TestResume(t *testing.T) {
	const before = header3 + "1 :a\n2 W5 :b\n3 :c\n"
	for _, tt := range []struct {
		name, after string
		from        mail.UID
		next        mail.UID
	}{
		{"unchanged", before, 4, 20},
		{"grown", before + "4 :d\n25 W7 :e\n", 4, 26},
		{"base from before the mark", before + "4 :a\n", 4, 20},
		{"same base twice behind the mark", before + "4 :d\n5 :d\n", 4, 20},
		{"unfinished line", before + "4 :d\n30 :to", 4, 31},
		{"lower N", "3 V7 N02 G" + guid + "\n1 :a\n2 W5 :b\n3 :c\n", 4, 20},
		{"higher N, other fields", "3 V7 N31 G" + strings.Repeat("ab", 16) + " X\n1 :a\n2 W5 :b\n3 :c", 1, 31},
		{"same size, other records", header3 + "1 :a\n2 W5 :x\n4 :c\n", 5, 20},
		{"shorter", header3 + "1 :a\n2 :b\n", 1, 20},
		{"another UIDVALIDITY", "3 V8 N20 G" + guid + "\n1 :a\n2 W5 :b\n3 :c\n4 :d\n", 1, 20},
		{"no line ends at the mark", header3 + "1 :aa\n2 W5 :b\n3 :c\n", 1, 20},
		{"damaged line at the mark", header3 + "1 :a\n2 W12 :b\n3 :\n23 :d\n", 0, 0},
		{"UIDs that the mark does not know", header3 + "1 :a\n22 W12345 :e\n23 :d\n", 1, 24},
		{"records before the mark gone", header3 + "21 W12345678 :x\n22 :y\n", 1, 23},
		{"version 1", "1 7 20\n1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n2 bbbbbbbbbb\n", 1, 20},
		{"damage behind the mark", before + "4 :d\ngarbage\n", 0, 0},
		{"descending behind the mark", before + "2 :d\n", 0, 0},
		{"merged behind the mark", before + "4 :d4 :e\n5 :f6 :f\n", 0, 0},
		{"damaged header", "garbage\n" + strings.Repeat("1 :a\n", 20), 0, 0},
		{"no LF at all", strings.Repeat("x", 9000), 0, 0},
		{"line longer than allowed at the mark", header3 + "1 :" + strings.Repeat("x", 9000) + "\n", 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := put(t, dir, before)
			f := Open(dir)
			load(t, f)
			m := marked(t, f)
			put(t, dir, tt.after)
			if id, err := f.Stat(); err != nil || id.Ino != m.Ino {
				t.Fatal("the test replaced the file: ", err)
			}
			got, err := resumed(dir, m).Load()
			var damage *DamagedError
			if tt.from == 0 {
				if !errors.As(err, &damage) || damage.Path != path {
					t.Fatalf("loaded %v, %v", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.From != tt.from || got.Next != tt.next {
				t.Errorf("from %d, next %d; want %d, %d", got.From, got.Next, tt.from, tt.next)
			}
			want := above(load(t, Open(dir)), got.From)
			if want.Next = max(want.Next, m.Next); want.Validity != m.Validity {
				want.Next = tt.next
			}
			if len(want.Records) == 0 {
				want.Records, got.Records = nil, nil
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A list without records, and one that was compacted to nothing, have a mark.
func TestResumeEmpty(t *testing.T) {
	dir := t.TempDir()
	w := Open(dir)
	if _, err := w.Create(7, nil); err != nil {
		t.Fatal(err)
	}
	m := marked(t, w)
	appendBases(t, w, "a")
	f := resumed(dir, m)
	if l := load(t, f); l.From != 1 || lines(l.Records) != "1 :a\n" {
		t.Errorf("%+v", l)
	}
	if err := f.Compact(func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	m = marked(t, f)
	f = resumed(dir, m)
	if recs := appendBases(t, f, "b"); recs[0].UID != 2 {
		t.Errorf("%v", recs)
	}
	if l := load(t, f); l.From != 1 || lines(l.Records) != "2 :b\n" {
		t.Errorf("%+v", l)
	}
}

func TestResumeAfterLoadDoesNothing(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, header3+"1 :a\n2 :b\n")
	f := Open(dir)
	l := load(t, f)
	m := marked(t, f)
	m.Next = 500
	f.Resume(m)
	if load(t, f) != l || l.From != 1 {
		t.Error("another list")
	}
	for _, none := range []Mark{{}, {FileID: m.FileID, Validity: 7, Next: 3, Lines: -1}, {FileID: m.FileID, Next: 3}, {FileID: m.FileID, Validity: 7},
		{FileID: FileID{Ino: m.Ino, Size: -1}, Validity: 7, Next: 3}} {
		if l := load(t, resumed(dir, none)); l.From != 1 || l.Next != 20 {
			t.Errorf("%+v: %+v", none, l)
		}
	}
}

// The caller's index knows UIDs that the file has lost: they stay spent.
func TestResumeKeepsUIDsSpent(t *testing.T) {
	dir := t.TempDir()
	path := put(t, dir, header3+"1 :a\n")
	f := Open(dir)
	load(t, f)
	appendBases(t, f, "b", "c") // 20, 21
	m := marked(t, f)
	put(t, dir, header3+"1 :a\n") // a backup
	f = resumed(dir, m)
	if recs := appendBases(t, f, "d"); recs[0].UID != 22 {
		t.Errorf("%v", recs)
	}
	if got := get(t, path); got != header3+"1 :a\n22 :d\n" {
		t.Errorf("%q", got)
	}
	put(t, dir, "3 V8 N5 G"+guid+"\n")
	if recs := appendBases(t, resumed(dir, m), "d"); recs[0].UID != 5 {
		t.Errorf("of another UIDVALIDITY: %v", recs)
	}
}

// TestAppendResumed gives UIDs without reading the rest.
func TestAppendResumed(t *testing.T) {
	dir := t.TempDir()
	path := put(t, dir, header3+"1 :a\n2 :b\n")
	f := Open(dir)
	load(t, f)
	m := marked(t, f)
	for _, read := range []bool{true, false} {
		put(t, dir, header3+"1 :a\n2 :b\n")
		appendBases(t, Open(dir), "c") // another process, 20
		f = resumed(dir, m)
		want := "20 :c\n21 :a\n22 :d\n"
		if read {
			// Shown UID 20, the caller wants another one for c.
			if l := load(t, f); l.From != 3 || lines(l.Records) != "20 :c\n" || l.Lines != 3 {
				t.Fatalf("%+v", l)
			}
			want = "21 :c\n22 :a\n23 :d\n"
		}
		if recs := appendBases(t, f, "c", "a", "d"); lines(recs) != want {
			t.Errorf("read before: %v: %q", read, lines(recs))
		}
		l := load(t, f)
		if l.From != 3 || l.lastUID() != l.Next-1 {
			t.Errorf("%+v", l)
		}
		whole := load(t, Open(dir))
		if diff := cmp.Diff(above(whole, 3), l); diff != "" {
			t.Error(diff)
		}
		if r, ok := whole.Find(1); ok || len(whole.Records) != 4 {
			t.Errorf("a has two UIDs: %v", r)
		}
		// And the mark of a File that never read the rest.
		if again := load(t, resumed(dir, marked(t, f))); again.From != l.Next || len(again.Records) != 0 || again.Lines != l.Lines {
			t.Errorf("%+v", again)
		}
	}
	// What was left out is not read: it may be anything.
	text := get(t, path)
	m = marked(t, f)
	put(t, dir, strings.Replace(text, "1 :a", "0 :/", 1))
	if recs := appendBases(t, resumed(dir, m), "e"); recs[0].UID != m.Next {
		t.Errorf("%v", recs)
	}
}

// TestResumedNeedsAll changes a list in every way that needs the records which
// were left out.
func TestResumedNeedsAll(t *testing.T) {
	const text = header3 + "1 W1 :a\n2 :b\n3 :c\n"
	for _, tt := range []struct {
		name, file string
		change     func(f *File) error
		want       string
	}{
		{"compact", text + "4 :d\n", func(f *File) error {
			return f.Compact(func(base string) bool { return base != "b" })
		}, "3 V7 N20 G" + guid + "\n1 W1 :a\n3 :c\n4 :d\n"},
		{"compact of nothing", text + "4 :d\n", func(f *File) error {
			return f.Compact(func(base string) bool { return true })
		}, text + "4 :d\n"},
		{"raise", text + "4 :d\n", func(f *File) error { return f.RaiseNext(50) }, "3 V7 N50 G" + guid + "\n1 W1 :a\n2 :b\n3 :c\n4 :d\n"},
		{"append behind an unfinished line", text + "4 :d\n30 :x", func(f *File) error {
			_, err := f.Append([]string{"y"})
			return err
		}, "3 V7 N32 G" + guid + "\n1 W1 :a\n2 :b\n3 :c\n4 :d\n31 :y\n"},
		{"append of a base before the mark, behind an unfinished line", text + "3", func(f *File) error {
			_, err := f.Append([]string{"b"})
			return err
		}, "3 V7 N21 G" + guid + "\n1 W1 :a\n2 :b\n3 :c\n20 :b\n"},
		{"repair of a sound list", text + "4 :d\n", func(f *File) error {
			l, err := f.Repair(RepairOptions{})
			if err == nil && len(l.Records) != 4 {
				err = errors.New("records are missing")
			}
			return err
		}, text + "4 :d\n"},
		{"repair", text + "garbage\n5 :e\n", func(f *File) error {
			_, err := f.Repair(RepairOptions{})
			return err
		}, "3 V7 N20 G" + guid + "\n1 W1 :a\n2 :b\n3 :c\n5 :e\n"},
	} {
		for _, read := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, loaded before %v", tt.name, read), func(t *testing.T) {
				dir := t.TempDir()
				path := put(t, dir, text)
				f := Open(dir)
				load(t, f)
				m := marked(t, f)
				put(t, dir, tt.file)
				f = resumed(dir, m)
				if l, err := f.Load(); read && err == nil && l.From != 4 {
					t.Fatalf("%+v", l)
				}
				if err := tt.change(f); err != nil {
					t.Fatal(err)
				}
				if got := get(t, path); got != tt.want {
					t.Errorf("got  %q\nwant %q", got, tt.want)
				}
				l := load(t, f)
				if diff := cmp.Diff(above(load(t, Open(dir)), l.From).Records, l.Records); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestImportOfAPart(t *testing.T) {
	l := &List{Validity: 7, Next: 9, From: 3, Records: []Record{{UID: 3, Base: "a"}}}
	if _, err := Open(t.TempDir()).Import(l); !errors.Is(err, errList) {
		t.Errorf("imported a part: %v", err)
	}
}

// TestSettle spells out what is synced before a UID is shown.
func TestSettle(t *testing.T) {
	m := newMemFS()
	w := memFile(m)
	if _, err := w.Create(7, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	mark := marked(t, w)
	i := m.names["mem/dovecot-uidlist"]
	foreign := func(line string) {
		m.clock += 1e6
		i.data += line
		i.mtime, i.ctime = m.clock, m.clock
	}
	const data, dir = "datasync dovecot-uidlist", "sync directory"
	check := func(what string, f *File, want ...string) {
		t.Helper()
		m.trace = nil
		load(t, f)
		if got := strings.Join(m.trace, ", "); got != strings.Join(want, ", ") {
			t.Errorf("%s: %q", what, got)
		}
	}
	from := func(mark Mark) *File {
		f := memFile(m)
		f.Resume(mark)
		return f
	}
	check("nothing behind the mark", from(mark))
	foreign("2 :b\n")
	check("our own lines, and another's", w, data)
	check("again", w)
	f := from(mark)
	check("another's line behind the mark", f, data)
	check("behind a later mark", from(marked(t, f)))
	foreign("3 :c")
	check("an unfinished line is no line", f)
	foreign("\n")
	check("now it is", f, data)
	foreign("4 :d\n")
	if err := f.refresh(); err != nil {
		t.Fatal(err)
	}
	moved := *i // another program replaces the file before we come to sync it
	moved.ino = 4711
	m.names["mem/dovecot-uidlist"] = &moved
	m.trace = nil
	if err := f.settle(); err != nil || strings.Join(m.trace, ", ") != data+", "+dir {
		t.Errorf("replaced before it was synced: %q, %v", m.trace, err)
	}
	m.names["mem/dovecot-uidlist"] = i
	old := marked(t, f)
	if err := memFile(m).RaiseNext(40); err != nil { // another inode
		t.Fatal(err)
	}
	check("a file that was replaced", from(old), data, dir)
	check("a file that was replaced under us", f, data, dir)
	m.clock += int64(2 * time.Minute)
	check("an old file", from(old))
	foreign2 := m.names["mem/dovecot-uidlist"]
	foreign2.ctime = m.clock
	check("an old file under a new name", from(old), data, dir)
}

// TestCrashResumed is a life of a list in which each process knows what the one
// before has seen, beside a program that syncs nothing. The power is cut at each
// step. What anybody was told, or has a mark of, must be on the disk.
func TestCrashResumed(t *testing.T) {
	for step := 1; ; step++ {
		for _, keep := range []struct{ names, data bool }{{false, false}, {true, false}, {false, true}} {
			m := newMemFS()
			l := newLedger(t)
			var marks []Mark
			m.before = stopAt(step, 3)
			err := workResumed(m, l, &marks)
			m.powerCut(keep.names, keep.data)
			if err == nil {
				if step < 10 {
					t.Fatalf("only %d steps", step)
				}
				return
			}
			if !errors.Is(err, errDead) {
				t.Fatal(err)
			}
			for i, mark := range append(marks, Mark{}) {
				name := fmt.Sprintf("step %d, mark %d of %d, %v", step, i+1, len(marks), keep)
				f := memFile(m)
				f.Resume(mark)
				list, err := f.Load()
				if errors.Is(err, fs.ErrNotExist) && len(l.told) == 0 {
					continue
				}
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				whole, err := memFile(m).Load()
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				l.holds(whole)
				if diff := cmp.Diff(lines(above(whole, list.From).Records), lines(list.Records)); diff != "" || list.Next < mark.Next {
					t.Errorf("%s: next %d, %s", name, list.Next, diff)
				}
				if t.Failed() {
					t.Fatalf("%s\n%s", name, strings.Join(m.trace, "\n"))
				}
			}
			goOn(t, fmt.Sprintf("step %d", step), m, l)
		}
	}
}

// workResumed is the life. marks gets what an index could have kept.
func workResumed(m *memFS, l *ledger, marks *[]Mark) error {
	f := memFile(m)
	list, err := f.Create(7, []string{"a", "b"})
	if err != nil {
		return err
	}
	l.tell(list.Records)
	for round := range 4 {
		mark, _ := f.Mark()
		*marks = append(*marks, mark)
		// The other program appends one line, or makes a new file, and syncs neither.
		i := m.names["mem/dovecot-uidlist"]
		i.data += fmt.Sprintf("%d :foreign%d\n", mark.Next, round)
		m.clock += 1e6
		i.mtime, i.ctime = m.clock, m.clock
		if round == 2 {
			j := *i
			j.ino, j.durable = m.nextIno, j.data
			m.nextIno++
			m.names["mem/dovecot-uidlist"] = &j
		}
		f = memFile(m)
		f.Resume(mark)
		if list, err = f.Load(); err != nil {
			return err
		}
		l.tell(list.Records)
		mark, _ = f.Mark()
		*marks = append(*marks, mark)
		f = memFile(m)
		f.Resume(mark)
		l.gone["a"] = true // its earlier UIDs are spent
		recs, err := f.Append([]string{fmt.Sprintf("own%d", round), "a"})
		if err != nil {
			return err
		}
		l.tell(recs)
		if round == 1 {
			l.gone["b"] = true
			if err := f.Compact(func(base string) bool { return base != "b" }); err != nil {
				return err
			}
		}
	}
	return nil
}

// A fdatasync that failed while records were left out loses none of them.
func TestLostPageResumed(t *testing.T) {
	for _, kernelForgets := range []bool{false, true} {
		m := newMemFS()
		w := memFile(m)
		if _, err := w.Create(7, []string{"a", "b"}); err != nil {
			t.Fatal(err)
		}
		f := memFile(m)
		f.Resume(marked(t, w))
		i := m.names["mem/dovecot-uidlist"]
		m.before = func(step string, n int) (int, error) {
			if step == "datasync dovecot-uidlist" {
				if kernelForgets {
					i.data = i.durable
				}
				return 0, errDead
			}
			return 0, nil
		}
		recs, err := f.Append([]string{"c", "d"})
		if err != nil || lines(recs) != "3 :c\n4 :d\n" {
			t.Fatalf("%v, %v", recs, err)
		}
		m.powerCut(false, false)
		if l := load(t, memFile(m)); lines(l.Records) != "1 :a\n2 :b\n3 :c\n4 :d\n" || l.Next != 5 {
			t.Errorf("%+v", l)
		}
	}
}

// FuzzResume compares reading behind the mark of any prefix with reading at
// once; with a mark that is not one, only what must hold for any mark.
func FuzzResume(f *testing.F) {
	f.Add("1 :a\n2 :b\n3 :a\n4 :d\n", 5, int64(0), uint32(0))
	f.Add("1 :a\n2 :b\n3 :a\n4 :d\n7 :torn", 15, int64(0), uint32(0))
	f.Add("1 :a\n2 :b\ngarbage\n4 :d\n", 10, int64(5), uint32(7))
	f.Add("5 Wx :a\n60 :b\n", 8, int64(8), uint32(0))
	f.Add("5 Wx :a\n60 :b\n61 :c\n", 8, int64(7), uint32(math.MaxUint32))
	f.Fuzz(func(t *testing.T, body string, cut int, shift int64, raise uint32) {
		if cut < 0 || cut > len(body) {
			return
		}
		m := newMemFS()
		i := &memInode{ino: 9, data: header3 + body[:cut], mode: 0o600}
		m.names["mem/dovecot-uidlist"] = i
		first := memFile(m)
		if _, err := first.Load(); err != nil {
			return
		}
		mark := marked(t, first)
		honest := shift == 0 && raise == 0
		mark.Size += shift
		mark.Next += mail.UID(raise)
		i.data += body[cut:]
		i.mtime++
		whole, err := memFile(m).Load()
		file := memFile(m)
		file.Resume(mark)
		got, err2 := file.Load()
		if honest && (err == nil) != (err2 == nil) || err == nil && err2 != nil {
			t.Fatalf("at once: %v, resumed: %v", err, err2)
		}
		if err != nil || err2 != nil {
			return
		}
		want := above(whole, got.From)
		if diff := cmp.Diff(lines(want.Records), lines(got.Records)); diff != "" {
			t.Fatalf("from %d: %s", got.From, diff)
		}
		if got.Next < whole.Next || got.Next < mark.Next && mark.Size > 0 {
			t.Fatalf("next %d, at once %d, mark %d", got.Next, whole.Next, mark.Next)
		}
		if honest && (got.Lines != want.Lines || got.Next != max(whole.Next, mark.Next) || got.From > mark.Next) {
			t.Fatalf("resumed %+v, at once %+v", got, whole)
		}
		for at, r := range got.Records {
			if file.at.index.find(got.Records, r.Base) != at {
				t.Fatalf("%q is not at %d", r.Base, at)
			}
		}
	})
}

func BenchmarkResume(b *testing.B) {
	f := benchFile(b)
	if _, err := f.Load(); err != nil {
		b.Fatal(err)
	}
	m, _ := f.Mark()
	dir := filepath.Dir(f.Path())
	h, err := os.OpenFile(f.Path(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	fmt.Fprintf(h, "200000 :1700000000.M1P1Q1.mail.example.org,S=1,W=1\n")
	b.ReportAllocs()
	for b.Loop() {
		g := Open(dir)
		g.now = f.now
		g.Resume(m)
		if l, err := g.Load(); err != nil || len(l.Records) != 1 {
			b.Fatal(err)
		}
	}
}
