package search_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fantail/internal/search"
	"fantail/internal/store"
)

// shape is what sorting and threading answer about some messages, by UID.
func shape(t *testing.T, m *store.Mailbox, s *store.Snapshot, among *store.MessageSet) string {
	t.Helper()
	ctx := context.Background()
	f := search.Search{Mailbox: m, Snapshot: s}
	out := ""
	for _, by := range [][]search.Criterion{{{Order: search.ByDate}}, {{Order: search.BySubject}, {Order: search.ByDate, Reverse: true}}, {{Order: search.BySubject}, {Order: search.ByFrom}}} {
		order, err := f.Sort(ctx, by, among)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range order {
			out += fmt.Sprint(" ", s.UID(i))
		}
		out += "\n"
	}
	for _, alg := range []search.Algorithm{search.OrderedSubject, search.References, search.Refs} {
		forest, err := f.Thread(ctx, alg, among)
		if err != nil {
			t.Fatal(err)
		}
		var show func([]search.Node)
		show = func(list []search.Node) {
			for _, n := range list {
				out += "("
				if i, ok := n.Message(); ok {
					out += fmt.Sprint(s.UID(i))
				}
				show(n.Children())
				out += ")"
			}
		}
		show(forest.Threads())
		out += "\n"
	}
	return out
}

// TestColumns: what is kept in memory for the next who sorts gives the same answers
// as nothing, while messages come and go, for many messages and for few.
func TestColumns(t *testing.T) {
	from := maildir(t, 300)
	files, err := filepath.Glob(filepath.Join(from, "cur", "*"))
	if err != nil || len(files) != 300 {
		t.Fatal(len(files), err)
	}
	dir := filepath.Join(t.TempDir(), "Maildir")
	for _, d := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	m, s := open(t, dir)
	first := s
	r := rand.New(rand.NewPCG(9, 10))
	var there []string
	for round := range 12 {
		for range 25 {
			name := filepath.Join(dir, "cur", filepath.Base(files[0]))
			if err := os.Rename(files[0], name); err != nil {
				t.Fatal(err)
			}
			files, there = files[1:], append(there, name)
		}
		for range r.IntN(20) {
			k := r.IntN(len(there))
			if err := os.Remove(there[k]); err != nil {
				t.Fatal(err)
			}
			there = slices.Delete(there, k, k+1)
		}
		if s, err = m.Sync(context.Background()); err != nil || s.Len() != len(there) {
			t.Fatalf("%d messages, %v; want %d", s.Len(), err, len(there))
		}
		among := store.NewMessageSet(s.Len())
		if round%3 == 0 {
			among.AddRange(s.Len()/2, s.Len()/2+3)
		} else {
			among.AddAll()
		}
		got := shape(t, m, s, among)
		fresh, now := open(t, dir)
		if want := shape(t, fresh, now, among); got != want {
			t.Fatalf("round %d:\n%swant\n%s", round, got, want)
		}
	}
	if got, want := shape(t, m, first, store.NewMessageSet(0)), "\n\n\n\n\n\n"; got != want {
		t.Errorf("of the empty mailbox: %q", got)
	}
}
