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

// answers puts messages that answer each other into a Maildir.
func answers(t *testing.T, dir string, from, to int) {
	t.Helper()
	for k := from; k < to; k++ {
		name := filepath.Join(dir, "cur", fmt.Sprintf("%d.a.h:2,", 1000000000+k))
		text := fmt.Sprintf("Message-ID: <%d@a>\nReferences: <%d@a> <%d@a>\nSubject: Re: subject %d\nDate: 1 Jan 20%02d 00:00 +0000\n\n", k, k/9, k/3, k/50, k*7%40)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestColumnsOfAnother: what one process has written for sorting gives others the
// same answers as what they find out for themselves, whatever has become of it.
func TestColumnsOfAnother(t *testing.T) {
	const n = 1700
	dir := filepath.Join(t.TempDir(), "Maildir")
	for _, d := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "fantail.sort")
	answers(t, dir, 0, n)
	// look returns what a new process answers, and the file that it leaves.
	look := func() (string, []byte) {
		t.Helper()
		m, s := open(t, dir)
		all := store.NewMessageSet(s.Len())
		all.AddAll()
		got := shape(t, m, s, all)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return got, data
	}
	check := func(what string) {
		t.Helper()
		got, data := look()
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if want, _ := look(); got != want {
			t.Errorf("%s: %s\nwant\n%s", what, got, want)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, whole := look()
	for what, data := range map[string][]byte{
		"whole": whole, "empty": nil, "cut short": whole[:len(whole)/2], "zeros": make([]byte, len(whole)),
		"twice": slices.Concat(whole, whole), "changed": slices.Concat(whole[:len(whole)/2], []byte{^whole[len(whole)/2]}, whole[len(whole)/2+1:]),
	} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		got, again := look()
		if got != want {
			t.Errorf("%s: %s\nwant\n%s", what, got, want)
		}
		if !slices.Equal(again, whole) {
			t.Errorf("%s: not written again", what)
		}
	}
	answers(t, dir, n, n+20)
	check("some messages have come")
	for k := 0; k < n; k += 3 {
		if err := os.Remove(filepath.Join(dir, "cur", fmt.Sprintf("%d.a.h:2,", 1000000000+k))); err != nil {
			t.Fatal(err)
		}
	}
	check("some have left")
	answers(t, dir, n+20, n+1400)
	check("many have come")
	if _, data := look(); len(data) <= len(whole) {
		t.Errorf("%d octets for many messages, %d for few", len(data), len(whole))
	}
}
