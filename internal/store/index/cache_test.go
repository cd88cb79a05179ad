package index

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"fantail/internal/mail"
)

func envelope(uid mail.UID) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "(envelope of %d)", uid), 20)
}

func setItems(t testing.TB, f *File, n int) *Index {
	t.Helper()
	return commit(t, f, func(tx *Tx) error {
		for uid := mail.UID(1); uid <= mail.UID(n); uid++ {
			if err := tx.SetItems(uid, Item{Envelope, envelope(uid)}, Item{Preview, fmt.Append(nil, uid)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// wantItems counts the messages with an envelope, which must be their own.
func wantItems(t testing.TB, f *File, x *Index) (found int) {
	t.Helper()
	for i, r := range x.Rows() {
		got, ok, err := f.AppendItem(nil, x, i, Envelope)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			found++
			if !bytes.Equal(got, envelope(r.UID)) {
				t.Fatalf("UID %d: %q", r.UID, got)
			}
		}
	}
	return found
}

func TestItems(t *testing.T) {
	for _, networked := range []bool{false, true} {
		dir := t.TempDir()
		f := openWith(t, dir, Options{Networked: networked})
		x := reset(t, f, 200)
		if wantItems(t, f, x) != 0 {
			t.Fatal("items without a cache")
		}
		other := openWith(t, dir, Options{Networked: networked})
		setItems(t, f, 50)
		if n := wantItems(t, other, load(t, other)); n != 50 {
			t.Fatal(n)
		}
		setItems(t, f, 100) // again, and more
		if n := wantItems(t, other, load(t, other)); n != 100 {
			t.Fatal(n)
		}
		// Items of other kinds stay, also within a transaction.
		x = commit(t, f, func(tx *Tx) error {
			return errors.Join(tx.SetItems(7, Item{Header, []byte("h")}), tx.SetItems(7, Item{Parts, nil}))
		})
		for kind, want := range map[ItemKind]string{Envelope: string(envelope(7)), Preview: "7", Header: "h", Parts: ""} {
			if got, ok, err := f.AppendItem([]byte("x"), x, 6, kind); !ok || err != nil || string(got) != "x"+want {
				t.Errorf("kind %d: %q %t %v", kind, got, ok, err)
			}
		}
		if _, ok, _ := f.AppendItem(nil, x, 6, SortKeys); ok {
			t.Error("an item that was never there")
		}
	}
}

func TestCompactCache(t *testing.T) {
	dir := t.TempDir()
	f, other := open(t, dir), open(t, dir)
	reset(t, f, 3000)
	setItems(t, f, 3000)
	old := load(t, other)
	wantItems(t, other, old)
	due := func() bool {
		l := lock(t, f)
		defer l.Unlock()
		due, err := l.CacheDue()
		if err != nil {
			t.Fatal(err)
		}
		return due
	}
	if due() {
		t.Fatal("nothing is garbage")
	}
	x := commit(t, f, func(tx *Tx) error {
		for uid := mail.UID(1); uid <= 2000; uid++ {
			if err := tx.Expunge(uid); err != nil {
				return err
			}
		}
		return nil
	})
	if !due() {
		t.Fatalf("%d octets live", x.live)
	}
	l := lock(t, f)
	if _, err := l.CompactCache(); err != nil {
		t.Fatal(err)
	}
	l.Unlock()
	if due() {
		t.Fatal("due again")
	}
	st, err := os.Stat(filepath.Join(dir, cacheName))
	if err != nil || st.Size() != load(t, f).live+cacheHeader {
		t.Fatal(st.Size(), load(t, f).live)
	}
	for _, f := range []*File{f, other, open(t, dir)} {
		if n := wantItems(t, f, load(t, f)); n != 1000 {
			t.Fatal(n)
		}
		wantItems(t, f, old) // may find nothing, but nothing wrong
	}
}

// TestBadCache damages the cache: items are missing, never wrong.
func TestBadCache(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	reset(t, f, 50)
	setItems(t, f, 50)
	good := readFile(t, dir, cacheName)
	check := func(b []byte, want int) {
		t.Helper()
		put(t, dir, cacheName, b)
		for _, networked := range []bool{false, true} {
			f := openWith(t, dir, Options{Networked: networked})
			if n := wantItems(t, f, load(t, f)); n != want {
				t.Fatalf("%d items, want %d", n, want)
			}
			f.Close()
		}
	}
	check(good, 50)
	check(nil, 0)
	check(good[:len(good)-1], 49)
	for at := cacheHeader; at < len(good); at += 97 {
		b := bytes.Clone(good)
		b[at] ^= 4
		check(b, 49)
	}
	check(append(make([]byte, 1000), good...), 0)
	// A foreign file is replaced by the next who writes.
	put(t, dir, cacheName, []byte("something else"))
	setItems(t, f, 50)
	if n := wantItems(t, f, load(t, f)); n != 50 {
		t.Fatal(n)
	}
	os.Remove(filepath.Join(dir, cacheName))
	if n := wantItems(t, open(t, dir), load(t, f)); n != 0 {
		t.Fatal(n)
	}
	setItems(t, f, 10) // of the others f may still have the file that is gone
	if n := wantItems(t, open(t, dir), load(t, f)); n != 10 {
		t.Fatal(n)
	}
}

// TestManyItems writes more than a transaction keeps in memory, some twice, and
// once more in a transaction that is given up.
func TestManyItems(t *testing.T) {
	f := open(t, t.TempDir())
	reset(t, f, 40)
	big := func(uid mail.UID, c byte) []byte {
		return bytes.Repeat([]byte{c, byte(uid)}, 100<<10)
	}
	set := func(tx *Tx, c byte) error {
		var errs []error
		for uid := mail.UID(1); uid <= 40; uid++ {
			errs = append(errs, tx.SetItems(uid, Item{Envelope, big(uid, c)}))
			if uid%3 == 0 {
				errs = append(errs, tx.SetItems(uid/3, Item{Preview, []byte{c}}))
			}
		}
		return errors.Join(errs...)
	}
	check := func(x *Index, c byte) {
		t.Helper()
		for i, r := range x.Rows() {
			it, err := f.Items(x, i)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := it.Append(nil, Envelope); !ok || !bytes.Equal(got, big(r.UID, c)) {
				t.Fatalf("UID %d: %t, %d octets", r.UID, ok, len(got))
			}
			if got, ok := it.Append(nil, Preview); ok != (r.UID <= 13) || ok && got[0] != c {
				t.Fatalf("UID %d: preview %q %t", r.UID, got, ok)
			}
		}
	}
	x := commit(t, f, func(tx *Tx) error { return set(tx, 1) })
	check(x, 1)
	stop := errors.New("stop")
	if _, err := tryCommit(f, func(tx *Tx) error { return errors.Join(set(tx, 2), stop) }); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	check(load(t, f), 1)
	f.sys.hook = func(step, file string, n int) (int, error) {
		if step == "write" && file == cacheName {
			return n / 2, stop
		}
		return 0, nil
	}
	if _, err := tryCommit(f, func(tx *Tx) error { set(tx, 3); return nil }); !errors.Is(err, stop) {
		t.Fatal("committed what could not be written:", err)
	}
	f.sys.hook = nil
	check(load(t, f), 1)
	check(commit(t, f, func(tx *Tx) error { return set(tx, 4) }), 4)
}
