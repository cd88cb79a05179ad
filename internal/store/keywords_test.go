package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fantail/internal/mail"
)

// TestManyKeywords: 26 keywords have letters in file names, and any further ones
// are kept as well: by flag changes, appends, copies and moves, and for a process
// that comes later, with and without an index.
func TestManyKeywords(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "Maildir")
	a := openAccount(t, dir)
	if err := a.Create(ctx, "Other"); err != nil {
		t.Fatal(err)
	}
	in, out := openBox(t, a, mail.Inbox), openBox(t, a, "Other")
	var all []mail.Keyword
	for i := range 40 {
		all = append(all, mail.Keyword(fmt.Sprintf("k%02d", i)))
	}
	put(t, in, FlagSet{}, "1\n", "2\n", "3\n")
	change := func(uid mail.UID, op mail.Op, kws ...mail.Keyword) {
		t.Helper()
		if _, err := in.SetFlags(ctx, []mail.UID{uid}, FlagChange{op, FlagSet{Keywords: kws}}); err != nil {
			t.Fatal(err)
		}
	}
	have := func(m *Mailbox, uid mail.UID, want ...mail.Keyword) {
		t.Helper()
		s := syncBox(t, m)
		i, ok := s.Find(uid)
		if !ok {
			t.Fatalf("UID %d is not there", uid)
		}
		got := slices.Sorted(slices.Values(s.Keywords(i)))
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("keywords of UID %d (-want +got):\n%s", uid, d)
		}
	}
	change(1, mail.Add, all...)
	have(in, 1, all...)
	change(1, mail.Add, "K39", "k00") // the case of a keyword does not matter
	have(in, 1, all...)
	change(1, mail.Remove, "k01", "K38", "unheard")
	without := slices.Concat(all[:1], all[2:38], all[39:])
	have(in, 1, without...)
	change(2, mail.Replace, "k39")
	have(in, 2, "k39")
	change(2, mail.Replace, "k02")
	have(in, 2, "k02")
	before := syncBox(t, in)
	change(2, mail.Add, "k02", "k03")
	if d := syncBox(t, in).Since(before); !slices.Equal(d.Changed, []int{1}) {
		t.Errorf("changes: %+v", d)
	}
	before = syncBox(t, in)
	change(3, mail.Add, "k35") // no file gets another name
	if d := syncBox(t, in).Since(before); !slices.Equal(d.Changed, []int{2}) {
		t.Errorf("changes: %+v", d)
	}

	put(t, in, FlagSet{mail.Seen, []mail.Keyword{"k30", "k05"}}, "4\n")
	have(in, 4, "k05", "k30")
	if _, err := in.Copy(ctx, []mail.UID{1, 3}, out); err != nil {
		t.Fatal(err)
	}
	have(out, 1, without...)
	have(out, 2, "k35")
	if _, err := in.Move(ctx, []mail.UID{4}, out); err != nil {
		t.Fatal(err)
	}
	have(out, 3, "k05", "k30")

	later := openBox(t, openAccount(t, dir), mail.Inbox)
	have(later, 1, without...)
	for _, name := range []string{"fantail.index", "fantail.log", "fantail.cache"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	later = openBox(t, openAccount(t, dir), mail.Inbox)
	have(later, 1, without...)
	have(later, 3, "k35")

	// What somebody writes into the file by hand is seen.
	path := filepath.Join(dir, "fantail-keywords")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(f, "byhand k36 :%s\n", syncBox(t, later).Base(1)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	have(later, 2, "byhand", "k02", "k03", "k36")
	have(later, 3, "k35")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	have(later, 2, "k02", "k03")
	have(later, 3)
}
