package index

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fantail/internal/mail"
)

func readFile(t testing.TB, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// put replaces a file, as everybody must.
func put(t testing.TB, dir, name string, b []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// everything reads all that can be read of x. It must not panic; it returns nil
// if the index turned out to be damaged.
func everything(f *File, x *Index) []full {
	var list []full
	for i, r := range x.Rows() {
		list = append(list, full{r, x.Name(i), x.Keywords(i)})
		x.FindBase(x.Base(i))
		x.Find(r.UID)
	}
	for range x.AllFlags() {
	}
	if len(x.AppendUIDs(nil)) != len(list) || len(x.AppendFlags(nil)) != len(list) {
		panic("columns and rows differ in number")
	}
	for range x.ChangedSince(x.HighestModSeq() - 1) {
	}
	x.FindBase("no such")
	x.Find(5)
	x.Find(1 << 31)
	x.FirstUnseen()
	x.VanishedSince(0)
	x.VanishedSince(x.floor)
	x.MailboxKeywords()
	if x.Len() > 0 {
		f.AppendItem(nil, x, 0, Envelope) // an error is as good as an item
	}
	if x.Err() != nil || x.Verify() != nil {
		return nil
	}
	return list
}

// sample makes an index with a snapshot of n messages and a journal of k frames.
func sample(t testing.TB, n, k int) (dir string, states [][]full) {
	dir = t.TempDir()
	f := open(t, dir)
	reset(t, f, n)
	commit(t, f, func(tx *Tx) error {
		return errors.Join(tx.Expunge(2), tx.Expunge(5),
			tx.SetFlags(7, base(7)+":2,a", false, 0, []mail.Keyword{"work", "$Junk"}))
	})
	l := lock(t, f)
	x, err := l.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	l.Unlock()
	states = append(states, everything(f, x))
	for i := range k {
		x = commit(t, f, func(tx *Tx) error {
			uid := mail.UID(10 + i)
			return errors.Join(
				tx.SetStamps(someStamps(i)), tx.SetGUID([16]byte{15: byte(i)}), tx.SetChecked(time.Unix(int64(i), 0)),
				tx.SetFlags(uid, base(uid)+":2,F", false, mail.Flagged, []mail.Keyword{"urgent"}),
				tx.Expunge(mail.UID(40+i)),
				tx.Add(message(x.UIDNext()+1)))
		})
		states = append(states, everything(f, x))
	}
	return dir, states
}

func sameStates(a, b []full) bool {
	return slices.EqualFunc(a, b, func(x, y full) bool {
		return x.Row == y.Row && x.Name == y.Name && slices.Equal(x.Keywords, y.Keywords)
	})
}

// TestTornJournal ends the journal at every length.
func TestTornJournal(t *testing.T) {
	dir, states := sample(t, 200, 6)
	log := readFile(t, dir, journalName)
	at := 0
	for n := journalHeader; n <= len(log); n++ {
		put(t, dir, journalName, log[:n])
		f, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := contents(t, load(t, f))
		for at+1 < len(states) && sameStates(got, states[at+1]) {
			at++
		}
		if !sameStates(got, states[at]) {
			t.Fatalf("length %d: neither what it was nor what came next", n)
		}
		f.Close()
	}
	if at != len(states)-1 {
		t.Fatalf("saw %d of %d states", at, len(states)-1)
	}
	// Each header that is cut off is no journal at all.
	for n := range journalHeader {
		put(t, dir, journalName, log[:n])
		x := load(t, open(t, dir))
		if !sameStates(contents(t, x), states[0]) || !x.Doubtful() {
			t.Fatalf("length %d", n)
		}
	}
}

// TestWriteBehindTorn writes into journals that end at every length.
func TestWriteBehindTorn(t *testing.T) {
	dir, _ := sample(t, 200, 2)
	log := readFile(t, dir, journalName)
	for n := range len(log) + 1 {
		put(t, dir, journalName, log[:n])
		reader := open(t, dir)
		before := load(t, reader)
		f := open(t, dir)
		whole := !before.more && before.matched
		x := commit(t, f, func(tx *Tx) error {
			return tx.SetFlags(100, base(100)+":2,T", false, mail.Deleted, nil)
		})
		want := contents(t, x)
		for _, f := range []*File{reader, open(t, dir)} {
			if got := load(t, f); !sameStates(contents(t, got), want) || got.Doubtful() {
				t.Fatalf("length %d: reader differs", n)
			}
		}
		if i, _ := x.Find(1); (x.ModSeq(i) == x.HighestModSeq()) == whole {
			t.Fatalf("length %d: whole %t, modseq %d of %d", n, whole, x.ModSeq(i), x.HighestModSeq())
		}
		f.Close()
		reader.Close()
	}
}

// TestDivergedJournal lets a reader apply frames that then are lost.
func TestDivergedJournal(t *testing.T) {
	dir, states := sample(t, 200, 6)
	reader := open(t, dir)
	if !sameStates(contents(t, load(t, reader)), states[6]) {
		t.Fatal("not all there")
	}
	// In place: the same file, as after bad luck with the disk.
	path := filepath.Join(dir, journalName)
	log := readFile(t, dir, journalName)
	w, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteAt([]byte{log[100] ^ 1}, 100); err != nil {
		t.Fatal(err)
	}
	f := open(t, dir)
	if x := load(t, f); !sameStates(contents(t, x), states[0]) || !x.more {
		t.Fatal("read behind a bad frame")
	}
	for i := range 20 {
		want := contents(t, commit(t, f, func(tx *Tx) error {
			uid := mail.UID(60 + i)
			return tx.SetFlags(uid, base(uid)+":2,T", false, mail.Deleted, nil)
		}))
		if i%7 == 0 && !sameStates(contents(t, load(t, reader)), want) {
			t.Fatal("the reader stays behind")
		}
	}
}

// TestBadSnapshot damages the snapshot in every page, by bit flips and by cutting
// it off.
func TestBadSnapshot(t *testing.T) {
	for _, networked := range []bool{false, true} {
		dir, states := sample(t, 1000, 1)
		good := readFile(t, dir, snapshotName)
		rng := rand.New(rand.NewPCG(1, 2))
		check := func(what string, b []byte, mustFail bool) {
			t.Helper()
			put(t, dir, snapshotName, b)
			f := openWith(t, dir, Options{Networked: networked})
			defer f.Close()
			x, err := f.Load()
			var damaged *DamagedError
			if err != nil {
				if !errors.As(err, &damaged) {
					t.Fatalf("%s: %v", what, err)
				}
				return
			}
			got := everything(f, x)
			if got == nil {
				if !errors.As(x.Err(), &damaged) {
					t.Fatalf("%s: %v", what, x.Err())
				}
				if _, err := f.Load(); !errors.As(err, &damaged) {
					t.Fatalf("%s: load: %v", what, err)
				}
				if _, err := tryCommit(f, func(tx *Tx) error { return tx.SetUIDNext(5000) }); err == nil {
					t.Fatalf("%s: wrote on", what)
				}
				return
			}
			if mustFail || !sameStates(got, states[1]) {
				t.Fatalf("%s: accepted", what)
			}
		}
		check("whole", good, false)
		for at := 0; at < len(good); at += pageSize {
			check("cut off", good[:at], true)
			check("cut off", good[:at+min(pageSize/2, len(good)-at-1)], true)
			b := slices.Clone(good)
			clear(b[at:min(at+pageSize, len(b))])
			check("zeros", b, !slices.Equal(b, good))
		}
		check("longer", append(slices.Clone(good), 0), true)
		for range 400 {
			b := slices.Clone(good)
			bit := rng.IntN(len(b) * 8)
			b[bit/8] ^= 1 << (bit % 8)
			check("bit flip", b, true)
		}
	}
}

// TestForeign wants a typed error for what is not ours, and Reset to help.
func TestForeign(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(snapshot, log []byte) ([]byte, []byte)
		kind Kind
	}{
		{"magic", func(s, l []byte) ([]byte, []byte) { s[0]++; return s, l }, Foreign},
		{"version", func(s, l []byte) ([]byte, []byte) { s[8]++; return s, l }, Version},
		{"header", func(s, l []byte) ([]byte, []byte) { s[100]++; return s, l }, Checksum},
		{"short", func(s, l []byte) ([]byte, []byte) { return s[:10], l }, Truncated},
		{"empty", func(s, l []byte) ([]byte, []byte) { return nil, l }, Truncated},
		{"gone", func(s, l []byte) ([]byte, []byte) { return nil, l }, Orphan},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, states := sample(t, 100, 1)
			s, l := tt.do(readFile(t, dir, snapshotName), readFile(t, dir, journalName))
			put(t, dir, snapshotName, s)
			put(t, dir, journalName, l)
			if tt.kind == Orphan {
				os.Remove(filepath.Join(dir, snapshotName))
			}
			f := open(t, dir)
			var damaged *DamagedError
			if _, err := f.Load(); !errors.As(err, &damaged) || damaged.Kind != tt.kind {
				t.Fatal(err)
			}
			last := states[len(states)-1]
			x := reset(t, f, 3)
			if x.HighestModSeq() <= last[len(last)-1].Row.ModSeq {
				t.Error("modseq went back")
			}
			if got := contents(t, load(t, open(t, dir))); len(got) != 3 {
				t.Error(len(got))
			}
		})
	}
}

// TestDeleted removes each of the files.
func TestDeleted(t *testing.T) {
	dir, states := sample(t, 100, 2)
	f := open(t, dir)
	high := load(t, f).HighestModSeq()
	os.Remove(filepath.Join(dir, journalName))
	x := load(t, f)
	if !x.Doubtful() || !sameStates(contents(t, x), states[0]) {
		t.Fatal("without a journal the snapshot counts, and is doubtful")
	}
	if _, exact := x.VanishedSince(x.HighestModSeq()); exact {
		t.Error("a doubtful index answers exactly")
	}
	x = commit(t, f, func(*Tx) error { return nil })
	for _, x := range []*Index{x, load(t, f), load(t, open(t, dir))} {
		if x.Doubtful() || x.HighestModSeq() <= high {
			t.Fatalf("%+v", x.tail)
		}
		for _, m := range contents(t, x) {
			if m.Row.ModSeq <= high {
				t.Fatal("kept its modseq", m)
			}
		}
	}
	os.Remove(filepath.Join(dir, journalName))
	os.Remove(filepath.Join(dir, snapshotName))
	if _, err := f.Load(); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// TestNoTruncation makes sure of the reason why a mapping keeps its pages: what was
// mapped is as long as ever while everything goes on.
func TestNoTruncation(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	reset(t, f, 5000)
	mapped, err := os.Open(filepath.Join(dir, snapshotName))
	if err != nil {
		t.Fatal(err)
	}
	defer mapped.Close()
	before, _ := mapped.Stat()
	x := load(t, f)
	want := x.Len()
	f.sys.hook = func(step, file string, _ int) (int, error) {
		if step == "truncate" && file != journalName {
			t.Errorf("%s is cut off", file)
		}
		return 0, nil
	}
	for range 3 {
		l := lock(t, f)
		if _, err := l.Checkpoint(); err != nil {
			t.Fatal(err)
		}
		l.Unlock()
	}
	reset(t, f, 3)
	os.Remove(filepath.Join(dir, snapshotName))
	if after, _ := mapped.Stat(); after.Size() != before.Size() {
		t.Fatal("the old snapshot changed its size")
	}
	// All its pages are there, though no name leads to them.
	if got := contents(t, x); len(got) != want {
		t.Fatal(len(got))
	}
}
