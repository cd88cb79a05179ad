package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"fantail/internal/mail"

	"github.com/google/go-cmp/cmp"
)

func open(t testing.TB, dir string) *File { return openWith(t, dir, Options{}) }

func openWith(t testing.TB, dir string, o Options) *File {
	t.Helper()
	f, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func lock(t testing.TB, f *File) *Lock {
	t.Helper()
	l, err := f.Lock()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// commit does something to the index in a transaction of its own.
func commit(t testing.TB, f *File, do func(*Tx) error) *Index {
	t.Helper()
	x, err := tryCommit(f, do)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func tryCommit(f *File, do func(*Tx) error) (*Index, error) {
	l, err := f.Lock()
	if err != nil {
		return nil, err
	}
	defer l.Unlock()
	tx, err := l.Begin()
	if err != nil {
		return nil, err
	}
	defer tx.Abort()
	if err := do(tx); err != nil {
		return nil, err
	}
	return tx.Commit()
}

// reset makes an index of n messages.
func reset(t testing.TB, f *File, n int) *Index {
	t.Helper()
	l := lock(t, f)
	defer l.Unlock()
	tx, err := l.Reset(77)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := tx.Add(message(mail.UID(i + 1))); err != nil {
			t.Fatal(err)
		}
	}
	x, err := tx.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func base(uid mail.UID) string {
	return fmt.Sprintf("17%08d.M123456P4711Q%dR1234567890abcdef.mail.example.org,S=4242,W=4300", uid, uid)
}

func message(uid mail.UID) Message {
	return Message{
		UID: uid, File: base(uid) + ":2,S", Flags: mail.Seen, Stored: 4242, Virtual: 4300,
		Internal: time.Unix(1.7e9+int64(uid), 0), Saved: time.Unix(1.8e9, 123000),
	}
}

func load(t testing.TB, f *File) *Index {
	t.Helper()
	x, err := f.Load()
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// full is everything an index says of a message.
type full struct {
	Row      Row
	Name     string
	Keywords []mail.Keyword
}

var cmpRow = cmp.AllowUnexported(Row{})

// contents reads an index by all its doors, and makes sure that they agree.
func contents(t testing.TB, x *Index) []full {
	t.Helper()
	var list []full
	for i, r := range x.Rows() {
		if i != len(list) {
			t.Fatalf("message %d has number %d", len(list), i)
		}
		list = append(list, full{r, x.Name(i), x.Keywords(i)})
		if got := x.Row(i); got != r {
			t.Fatalf("row %d: %+v and %+v", i, r, got)
		}
		if x.UID(i) != r.UID || x.Flags(i) != r.Flags || x.ModSeq(i) != r.ModSeq {
			t.Fatalf("row %d: accessors differ", i)
		}
		if at, ok := x.Find(r.UID); !ok || at != i {
			t.Fatalf("UID %d: found %d %t, is %d", r.UID, at, ok, i)
		}
		if at, ok := x.FindBase(x.Base(i)); !ok || at != i {
			t.Fatalf("base %q: found %d %t, is %d", x.Base(i), at, ok, i)
		}
	}
	var c Counts
	n := 0
	for i, f := range x.AllFlags() {
		if i != n || f != list[i].Row.Flags {
			t.Fatalf("flags of %d as %d: %v", n, i, f)
		}
		n++
		c.add(&list[i].Row, 1)
	}
	if n != x.Len() || len(list) != n || c != x.Counts() {
		t.Fatalf("%d messages, %d flags, Len %d, counts %+v, want %+v", len(list), n, x.Len(), x.Counts(), c)
	}
	uids, flags := x.AppendUIDs([]mail.UID{1 << 31}), x.AppendFlags([]mail.Flags{mail.AllFlags})
	if len(uids) != n+1 || len(flags) != n+1 || uids[0] != 1<<31 || flags[0] != mail.AllFlags {
		t.Fatalf("%d UIDs, %d flags of %d messages", len(uids)-1, len(flags)-1, n)
	}
	for i, m := range list {
		if uids[i+1] != m.Row.UID || flags[i+1] != m.Row.Flags {
			t.Fatalf("message %d: UID %d, flags %v, want %+v", i, uids[i+1], flags[i+1], m.Row)
		}
	}
	first := slices.IndexFunc(list, func(m full) bool { return !m.Row.Flags.Has(mail.Seen) })
	if at, ok := x.FirstUnseen(); ok != (first >= 0) || ok && at != first {
		t.Fatalf("first unseen %d %t, want %d", at, ok, first)
	}
	if err := x.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 5000} {
		for _, networked := range []bool{false, true} {
			t.Run(fmt.Sprint(n, networked), func(t *testing.T) {
				dir := t.TempDir()
				f := openWith(t, dir, Options{Networked: networked})
				if _, err := f.Load(); !errors.Is(err, fs.ErrNotExist) {
					t.Fatalf("no index: %v", err)
				}
				x := reset(t, f, n)
				want := contents(t, x)
				if len(want) != n || x.UIDNext() != mail.UID(n+1) || x.UIDValidity() != 77 {
					t.Fatalf("%d messages, next %d", len(want), x.UIDNext())
				}
				check := func(f *File) {
					t.Helper()
					y := load(t, f)
					if d := cmp.Diff(want, contents(t, y), cmpRow); d != "" {
						t.Fatal(d)
					}
					if y.meta != x.meta {
						t.Fatalf("%+v, want %+v", y.meta, x.meta)
					}
					if err := y.Verify(); err != nil {
						t.Fatal(err)
					}
					if load(t, f) != y {
						t.Fatal("not the same pointer")
					}
				}
				check(f)
				check(openWith(t, dir, Options{Networked: networked}))
				l := lock(t, f)
				if _, err := l.Checkpoint(); err != nil {
					t.Fatal(err)
				}
				if err := l.Unlock(); err != nil {
					t.Fatal(err)
				}
				check(f)
				check(openWith(t, dir, Options{Networked: networked}))
			})
		}
	}
}

func TestFollow(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	reset(t, a, 100)
	x := load(t, b)
	modseq := x.HighestModSeq()
	commit(t, a, func(tx *Tx) error {
		return errors.Join(
			tx.SetFlags(50, base(50)+":2,FSa", false, mail.Flagged|mail.Seen, []mail.Keyword{"$Junk", "work"}),
			tx.Expunge(10), tx.Expunge(11), tx.Expunge(12), tx.Expunge(20),
			tx.Add(Message{UID: 105, File: "new.one", New: true, Stored: -1, Virtual: -1}),
		)
	})
	y := load(t, b)
	if y == x || y.HighestModSeq() <= modseq {
		t.Fatal("nothing new")
	}
	contents(t, y)
	if x.Len() != 100 || y.Len() != 97 {
		t.Fatal(x.Len(), y.Len())
	}
	var changed []mail.UID
	for _, r := range y.ChangedSince(modseq) {
		changed = append(changed, r.UID)
	}
	if !slices.Equal(changed, []mail.UID{50, 105}) {
		t.Error("changed:", changed)
	}
	gone, exact := y.VanishedSince(modseq)
	if want := []UIDRange{{10, 12}, {20, 20}, {101, 104}}; !exact || !slices.Equal(gone, want) {
		t.Errorf("vanished: %v %t", gone, exact)
	}
	gone, exact = y.VanishedSince(1)
	if want := []UIDRange{{10, 12}, {20, 20}, {101, 104}}; exact || !slices.Equal(gone, want) {
		t.Errorf("vanished: %v %t", gone, exact)
	}
	i, _ := y.Find(50)
	if y.Name(i) != base(50)+":2,FSa" || !slices.Equal(y.Keywords(i), []mail.Keyword{"$Junk", "work"}) || y.Base(i) != base(50) {
		t.Error(y.Name(i), y.Keywords(i))
	}
	if c := y.Counts(); c.New != 1 || c.Unseen != 1 || c.Unsized != 1 || c.Virtual != 96*4300 {
		t.Errorf("%+v", c)
	}
	if i, ok := y.Find(11); ok || y.UID(i) != 13 {
		t.Error("found an expunged one", i, ok)
	}
	if i, ok := y.Find(200); ok || i != y.Len() {
		t.Error(i, ok)
	}
}

// someStamps returns stamps in which no two values are the same.
func someStamps(n int) Stamps {
	n *= 100
	dir := func(n int) DirStamp { return DirStamp{uint64(n), uint64(n + 1), int64(n + 2), int64(n + 3)} }
	file := func(n int) FileID { return FileID{uint64(n), int64(n + 1), int64(n + 2)} }
	return Stamps{
		New: dir(n + 1), Cur: dir(n + 5), Hard: n%200 == 0, Lines: uint32(n + 9),
		UIDs: file(n + 10), Keywords: file(n + 13), Overflow: file(n + 16),
	}
}

// TestMailbox sets what is said of the mailbox as a whole.
func TestMailbox(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	if x := reset(t, f, 10); x.GUID() != [16]byte{} || !x.Checked().IsZero() || x.Stamps() != (Stamps{}) {
		t.Fatalf("%+v", x.meta)
	}
	modseq := load(t, f).HighestModSeq()
	for i := range 4 {
		guid, checked := [16]byte{1, 15: byte(i)}, time.Unix(1.7e9+int64(i), 0)
		if i == 3 {
			checked = time.Time{}
		}
		set := func(tx *Tx) error {
			return errors.Join(tx.SetStamps(someStamps(i)), tx.SetGUID(guid), tx.SetChecked(checked))
		}
		x := commit(t, f, set)
		if commit(t, f, set) != x {
			t.Fatal("the same again is a change")
		}
		check := func(x *Index) {
			t.Helper()
			if x.Stamps() != someStamps(i) || x.GUID() != guid || !x.Checked().Equal(checked) || x.HighestModSeq() != modseq {
				t.Fatalf("%d: %+v", i, x.meta)
			}
		}
		check(x)
		check(load(t, open(t, dir)))
		l := lock(t, f)
		if _, err := l.Checkpoint(); err != nil {
			t.Fatal(err)
		}
		l.Unlock()
		check(load(t, f))
		check(load(t, open(t, dir)))
	}
}

// TestAside lets two futures grow out of one index: one in memory, one on disk.
func TestAside(t *testing.T) {
	f := open(t, t.TempDir())
	reset(t, f, 70)
	x := commit(t, f, func(tx *Tx) error { return tx.SetFlags(3, base(3), false, 0, []mail.Keyword{"both"}) })
	change := func(tx *Tx, file string, word mail.Keyword, gone mail.UID) error {
		m := message(71)
		m.File = file
		return errors.Join(tx.Add(m), tx.Expunge(gone),
			tx.SetFlags(4, base(4), false, mail.Flagged, []mail.Keyword{word, "both"}))
	}
	check := func(x *Index, file, other string, word mail.Keyword, gone mail.UID) {
		t.Helper()
		contents(t, x)
		i, ok := x.FindBase(file)
		if !ok || x.UID(i) != 71 || x.Name(i) != file || x.Len() != 70 {
			t.Fatal(i, ok)
		}
		if _, ok := x.FindBase(other); ok {
			t.Fatal("found what the other one added")
		}
		if _, ok := x.Find(gone); ok {
			t.Fatal("still there")
		}
		i, _ = x.Find(4)
		if want := []mail.Keyword{"both", word}; !slices.Equal(x.Keywords(i), want) {
			t.Fatalf("%q, want %q", x.Keywords(i), want)
		}
	}
	begin := func() *Tx {
		t.Helper()
		tx, err := f.Aside().Begin()
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	tx := begin()
	if err := change(tx, "one", "first", 5); err != nil {
		t.Fatal(err)
	}
	if err := tx.SetItems(1, Item{Preview, nil}); !errors.Is(err, ErrAside) {
		t.Fatal(err)
	}
	a, err := tx.Detach()
	if err != nil {
		t.Fatal(err)
	}
	check(a, "one", "two", "first", 5)
	b := commit(t, f, func(tx *Tx) error { return change(tx, "two", "second", 6) })
	check(b, "two", "one", "second", 6)
	check(a, "one", "two", "first", 5)
	check(load(t, open(t, f.dir)), "two", "one", "second", 6)
	if x.Len() != 70 || a.HighestModSeq() <= x.HighestModSeq() {
		t.Fatal(x.Len(), a.HighestModSeq())
	}
	tx = begin()
	if err := flag(1)(tx); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(); !errors.Is(err, ErrAside) {
		t.Fatal(err)
	}
	if _, err := f.Aside().Checkpoint(); !errors.Is(err, ErrAside) {
		t.Fatal(err)
	}
	if _, err := tx.Detach(); !errors.Is(err, ErrDone) {
		t.Fatal(err)
	}
	check(load(t, f), "two", "one", "second", 6)
}

// TestLoadCloses: what cannot be loaded leaves no file open.
func TestLoadCloses(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector would close files too
	f := open(t, t.TempDir())
	if err := lock(t, f).Unlock(); err != nil { // a journal without content
		t.Fatal(err)
	}
	before := openFiles(t)
	for range 20 {
		if _, err := f.Load(); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if n := openFiles(t); n != before {
		t.Errorf("%d files are open, before there were %d", n, before)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}
