package index

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"fantail/internal/mail"
)

// bootAgain opens an index as after the machine was started again.
func bootAgain(t *testing.T, dir string) *File {
	f := open(t, dir)
	f.boot[0]++
	return f
}

// syncs counts the syncs of the journal.
func syncs(f *File) *int {
	n := new(int)
	f.sys.hook = func(step, file string, _ int) (int, error) {
		if step == "fsync" && file == journalName {
			*n++
		}
		return 0, nil
	}
	return n
}

func flag(uid mail.UID) func(*Tx) error {
	return func(tx *Tx) error { return tx.SetFlags(uid, base(uid)+":2,F", false, mail.Flagged, nil) }
}

// TestPowerCut loses the journal's end, and wants clients to be told.
func TestPowerCut(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	reset(t, f, 50)
	l := lock(t, f)
	if _, err := l.Checkpoint(); err != nil {
		t.Fatal(err)
	}
	l.Unlock()
	n := syncs(f)
	commit(t, f, flag(3))
	durable := readFile(t, dir, journalName)
	if *n != 1 {
		t.Fatalf("the first transaction of a journal: %d syncs", *n)
	}
	seen := commit(t, f, flag(4)).HighestModSeq()
	commit(t, f, func(tx *Tx) error { return tx.SetFlags(4, base(4)+":2,S", false, mail.Seen, nil) })
	if *n != 1 {
		t.Fatalf("later transactions: %d syncs", *n-1)
	}
	if open(t, dir); load(t, open(t, dir)).Doubtful() {
		t.Fatal("doubtful though the machine runs on")
	}
	for _, rest := range [][]byte{nil, make([]byte, 100)} {
		put(t, dir, journalName, append(durable[:len(durable):len(durable)], rest...))
		f = bootAgain(t, dir)
		x := load(t, f)
		if !x.Doubtful() {
			t.Fatal("not doubtful")
		}
		x = commit(t, f, func(*Tx) error { return nil })
		i, _ := x.Find(4)
		if x.Doubtful() || x.ModSeq(i) <= seen || load(t, bootAgain(t, dir)).Doubtful() {
			t.Fatalf("modseq %d, a client knows %d", x.ModSeq(i), seen)
		}
		if next := commit(t, f, flag(5)); next.least != x.least {
			t.Fatal("doubts again")
		}
	}
}

// TestClean leaves the mark, after which nobody doubts.
func TestClean(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	reset(t, f, 50)
	n := syncs(f)
	commit(t, f, flag(3))
	commit(t, f, flag(4))
	clean := func(f *File) {
		t.Helper()
		l := lock(t, f)
		defer l.Unlock()
		if err := l.Clean(); err != nil {
			t.Fatal(err)
		}
	}
	*n = 0
	before := size(t, dir)
	clean(f)
	if *n != 1 || size(t, dir) == before {
		t.Fatalf("%d syncs", *n)
	}
	before = size(t, dir)
	clean(f)
	if *n != 1 || size(t, dir) != before {
		t.Fatal("again, though it is clean")
	}
	f = bootAgain(t, dir)
	if load(t, f).Doubtful() {
		t.Fatal("doubtful")
	}
	n = syncs(f)
	commit(t, f, flag(5)) // must be on disk before others: else the mark would lie
	if *n != 1 {
		t.Fatalf("%d syncs behind the mark", *n)
	}
	commit(t, f, flag(6))
	if *n != 1 || load(t, bootAgain(t, dir)).Doubtful() {
		t.Fatal("bootAgain is the boot under which this was written")
	}
	if !load(t, open(t, dir)).Doubtful() {
		t.Fatal("not doubtful under a third boot")
	}
	if load(t, openWith(t, dir, Options{Networked: true})).Doubtful() {
		t.Fatal("file servers do not boot with us")
	}
}

func size(t *testing.T, dir string) int64 {
	t.Helper()
	st, err := os.Stat(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	return st.Size()
}

// TestBetweenRenames leaves a new snapshot beside the old journal.
func TestBetweenRenames(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	reset(t, f, 50)
	want := contents(t, commit(t, f, flag(3)))
	stop := errors.New("stop")
	f.sys.hook = func(step, file string, _ int) (int, error) {
		if step == "rename" && file == journalName {
			return 0, stop
		}
		return 0, nil
	}
	l := lock(t, f)
	if _, err := l.Checkpoint(); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	f.sys.hook = nil
	l.Unlock()
	for _, f := range []*File{f, open(t, dir)} {
		x := load(t, f)
		if x.Doubtful() || !sameStates(contents(t, x), want) {
			t.Fatalf("%+v", x.tail)
		}
	}
	want = contents(t, commit(t, f, flag(4)))
	if x := load(t, open(t, dir)); !x.matched || !sameStates(contents(t, x), want) {
		t.Fatalf("%+v", x.tail)
	}
}

// TestWaitForReplaced takes the lock while the file it waits for is replaced.
func TestWaitForReplaced(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	reset(t, a, 50)
	l := lock(t, a)
	got := make(chan *Lock)
	go func() {
		l, err := b.Lock()
		if err != nil {
			t.Error(err)
		}
		got <- l
	}()
	for range 3 {
		if _, err := l.Checkpoint(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-got:
			t.Fatal("two have the lock")
		default:
		}
	}
	l.Unlock()
	l = <-got
	defer l.Unlock()
	tx, err := l.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := flag(3)(tx); err != nil {
		t.Fatal(err)
	}
	x, err := tx.Commit()
	if err != nil || load(t, a).HighestModSeq() != x.HighestModSeq() {
		t.Fatal(err)
	}
}

// TestRefused wants an error for what makes no sense, and nothing changed.
func TestRefused(t *testing.T) {
	f := open(t, t.TempDir())
	x := reset(t, f, 5)
	for _, tt := range []struct {
		name string
		do   func(*Tx) error
		want error
	}{
		{"unknown UID", flag(9), ErrNoMessage},
		{"expunge twice", func(tx *Tx) error { return errors.Join(tx.Expunge(2), tx.Expunge(2)) }, ErrNoMessage},
		{"UID too low", func(tx *Tx) error { return tx.Add(message(5)) }, ErrOrder},
		{"UID 2^32-1", func(tx *Tx) error { return tx.Add(message(1<<32 - 1)) }, ErrOrder},
		{"UIDNEXT back", func(tx *Tx) error { return tx.SetUIDNext(3) }, ErrOrder},
		{"other base", func(tx *Tx) error { return tx.Move(1, base(2), false) }, ErrName},
		{"no base", func(tx *Tx) error { return tx.Add(Message{UID: 9, File: ":2,S"}) }, ErrName},
		{"slash", func(tx *Tx) error { return tx.Add(Message{UID: 9, File: "a/b"}) }, ErrName},
		{"keyword", func(tx *Tx) error { return tx.SetFlags(1, base(1), false, 0, []mail.Keyword{"a b"}) }, ErrKeyword},
		{"item", func(tx *Tx) error { return tx.SetItems(1, Item{Envelope, make([]byte, MaxItems+1)}) }, ErrItem},
		{"item kind", func(tx *Tx) error { return tx.SetItems(1, Item{}) }, ErrItem},
		{"after the end", func(tx *Tx) error { tx.Abort(); return flag(1)(tx) }, ErrDone},
	} {
		if _, err := tryCommit(f, tt.do); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if load(t, f) != x {
			t.Fatalf("%s: something changed", tt.name)
		}
	}
}

// TestShared lets goroutines read while others write through the same File.
func TestShared(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	l := lock(t, f)
	if err := newModel().begin(l); err != nil {
		t.Fatal(err)
	}
	l.Unlock()
	done := make(chan error, 2)
	for range cap(done) {
		go func() {
			for {
				if stop, err := writeOne(f, 150); stop || err != nil {
					done <- err
					return
				}
			}
		}()
	}
	for finished := 0; finished < cap(done); {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			finished++
		default:
		}
		contents(t, load(t, f))
	}
}

// TestTryLock wants the lock only where it is free, whatever file it is on.
func TestTryLock(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	try := func(f *File, want bool) *Lock {
		t.Helper()
		l, err := f.TryLock()
		if err != nil || (l != nil) != want {
			t.Fatalf("got %v, %v", l, err)
		}
		return l
	}
	reset(t, a, 50)
	for range 3 {
		l := try(a, true)
		try(a, false)
		try(b, false)
		if _, err := l.Checkpoint(); err != nil { // and with it another file
			t.Fatal(err)
		}
		try(a, false)
		try(b, false)
		if err := l.Unlock(); err != nil {
			t.Fatal(err)
		}
		l = try(b, true)
		try(a, false)
		if tx, err := l.Begin(); err != nil || tx.Index().Len() != 50 {
			t.Fatal(err)
		}
		if err := l.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := openWith(t, dir+"/none", Options{}).TryLock(); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	lock(t, a).Unlock() // it is free after all that
	lock(t, b).Unlock()
}
