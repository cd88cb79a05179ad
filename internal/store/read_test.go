package store

import (
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fantail/internal/mail"
)

// TestPacked: a message that Dovecot has compressed is read as it was before, and
// its sizes are those of the message.
func TestPacked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Maildir")
	m := openBox(t, openAccount(t, dir), mail.Inbox)
	text := "Subject: x\n\n" + strings.Repeat("many words\n", 100)
	date := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	write := func(name string) {
		path := filepath.Join(dir, "cur", name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		z := gzip.NewWriter(f)
		fmt.Fprint(z, text)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, date, date); err != nil {
			t.Fatal(err)
		}
	}
	write(fmt.Sprintf("1000000001.a.h,S=%d:2,S", len(text)))
	write(fmt.Sprintf("1000000002.b.h,S=%d,W=%d:2,S", len(text), len(text)+102))
	write("1000000003.c.h:2,S")
	s := expect(t, m, "1 S", "2 S", "3 S")
	for i := range s.Len() {
		uid := s.UID(i)
		if got := read(t, m, uid); got != text {
			t.Errorf("UID %d has %d octets, want %d", uid, len(got), len(text))
		}
		st, err := m.Stat(context.Background(), uid)
		if err != nil || st.Size != int64(len(text)+102) || st.Stored != int64(len(text)) || !st.Date.Equal(date) {
			t.Errorf("UID %d: %+v, %v", uid, st, err)
		}
		if n, _, ok, err := m.ReadHead(context.Background(), uid, make([]byte, 8)); ok || err != nil {
			t.Errorf("UID %d: head of %d octets, %v", uid, n, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "cur", "1000000004.d.h,S=9:2,S"), []byte("\x1f\x8b\x08trunk"), 0o600); err != nil {
		t.Fatal(err)
	}
	syncBox(t, m)
	if _, err := m.OpenMessage(context.Background(), 4); KindOf(err) != Corrupt {
		t.Errorf("a damaged message: %v", err)
	}
}

// TestReadHead reads less than a message, all of it, and what is gone.
func TestReadHead(t *testing.T) {
	ctx := context.Background()
	m := openBox(t, openAccount(t, t.TempDir()), mail.Inbox)
	const text = "A: 1\n\none\n"
	put(t, m, FlagSet{}, text)
	uid := syncBox(t, m).UID(0)
	for _, room := range []int{0, 1, len(text) - 1, len(text), len(text) + 1} {
		buf := make([]byte, room)
		n, all, ok, err := m.ReadHead(ctx, uid, buf)
		if want := text[:min(room, len(text))]; string(buf[:n]) != want || all != (room >= len(text)) || !ok || err != nil {
			t.Errorf("room for %d: %q, all %v, %v, %v", room, buf[:n], all, ok, err)
		}
	}
	if _, _, _, err := m.ReadHead(ctx, uid+1, nil); KindOf(err) != Gone {
		t.Errorf("of no message: %v", err)
	}
}

// TestLearned: what was found out about messages is there for the next process.
func TestLearned(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "Maildir")
	a, err := OpenAccount(dir, Options{Host: "test"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.Open(ctx, mail.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	put(t, m, FlagSet{}, "A: 1\n\none\n")
	path := filepath.Join(dir, "cur", "1000000002.b.h:2,")
	if err := os.WriteFile(path, []byte("B: 2\n\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	syncBox(t, m)
	want := make(map[mail.UID]Stat)
	for uid := mail.UID(1); uid <= 2; uid++ {
		if want[uid], err = m.Stat(ctx, uid); err != nil {
			t.Fatal(err)
		}
		m.KeepItems(uid, KeptItem{Kind: Envelope, Data: fmt.Append(nil, "envelope ", uid)})
	}
	check := func(m *Mailbox) {
		t.Helper()
		s := syncBox(t, m)
		for i := range s.Len() {
			var it Items
			if err := m.LoadItems(&it, s, i); err != nil {
				t.Fatal(err)
			}
			if b, ok := it.Append(nil, Envelope); !ok || string(b) != fmt.Sprint("envelope ", s.UID(i)) {
				t.Errorf("envelope of UID %d: %q, %v", s.UID(i), b, ok)
			}
			if b, ok := it.Append([]byte("x"), BodyStructure); ok || string(b) != "x" {
				t.Errorf("bodystructure of UID %d: %q, %v", s.UID(i), b, ok)
			}
		}
	}
	check(m)
	m.Close()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	later := openBox(t, openAccount(t, dir), mail.Inbox)
	check(later)
	s := syncBox(t, later)
	for i := range s.Len() {
		got, ok := statOf(s.Row(i))
		// Microseconds are what the index keeps.
		w := want[s.UID(i)]
		w.Date, w.Saved = w.Date.Truncate(time.Microsecond), w.Saved.Truncate(time.Microsecond)
		if d := cmp.Diff(w, got); !ok || d != "" {
			t.Errorf("UID %d: %v %s", s.UID(i), ok, d)
		}
	}
}

// TestLegacy: what Dovecot or Courier told POP3 clients stays readable.
func TestLegacy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Maildir")
	m := openBox(t, openAccount(t, dir), mail.Inbox)
	for _, base := range []string{"1000000001.a.h", "1000000002.b.h", "1000000003.c.h"} {
		if err := os.WriteFile(filepath.Join(dir, "cur", base+":2,"), []byte("a: b\n\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list := "3 V99 N9 G0123456789abcdef0123456789abcdef\n" +
		"2 O7 PUID2-99 Gabc :1000000001.a.h\n4 P :1000000002.b.h\n6 W12 :1000000003.c.h\n"
	if err := os.WriteFile(filepath.Join(dir, "dovecot-uidlist"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, m, "2", "4", "6")
	put(t, m, FlagSet{}, "d\n")
	got, err := m.Legacy(context.Background())
	want := map[mail.UID]Legacy{2: {"UID2-99", 7, "abc"}, 4: {UIDL: "1000000002.b.h"}}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
}
