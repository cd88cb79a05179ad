package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// found is the UIDs that a single query finds.
func found(t testing.TB, m *Mailbox, s *Snapshot, q TextQuery, among ...int) []int {
	t.Helper()
	search := TextSearch{Queries: []TextQuery{q}}
	if among != nil {
		search.Among = NewMessageSet(s.Len())
		for _, i := range among {
			search.Among.Add(i)
		}
	}
	hits, err := m.FindText(context.Background(), s, search)
	if err != nil {
		t.Fatal(err)
	}
	uids := []int{}
	for i := range hits[0].All() {
		uids = append(uids, int(s.UID(i)))
	}
	return uids
}

func wantFound(t testing.TB, m *Mailbox, s *Snapshot, q TextQuery, want ...int) {
	t.Helper()
	if got := found(t, m, s, q); !slices.Equal(got, want) {
		t.Errorf("%+q: found %v, want %v", q, got, want)
	}
}

func TestFindText(t *testing.T) {
	m := openBox(t, openAccount(t, t.TempDir()), "INBOX")
	put(t, m, FlagSet{},
		"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nFrom: ada@example.org\n\nThe river rises.\n",
		"Subject: plain\nX-Note: river\n\nNothing here.\n",
		"From: ben@example.net\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nVGhlIFJJVkVSIGZhbGxzLgo=\n",
	)
	s := syncBox(t, m)
	wantFound(t, m, s, TextQuery{Needle: "river"}, 1, 2, 3)
	wantFound(t, m, s, TextQuery{Needle: "RIVER", In: BodyText}, 1, 3)
	wantFound(t, m, s, TextQuery{Needle: "grüsse"})
	wantFound(t, m, s, TextQuery{Needle: "GRÜßE"}, 1)
	wantFound(t, m, s, TextQuery{Needle: "river", In: FieldText, Field: "x-note"}, 2)
	wantFound(t, m, s, TextQuery{Needle: "", In: FieldText, Field: "From"}, 1, 3)
	wantFound(t, m, s, TextQuery{}, 1, 2, 3)
	if got := found(t, m, s, TextQuery{Needle: "river"}, 0, 1); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("among the first two found %v", got)
	}
	hits, err := m.FindText(context.Background(), s, TextSearch{Queries: []TextQuery{{Needle: "rises"}, {Needle: "falls"}}})
	if err != nil || hits[0].Len() != 1 || !hits[0].Has(0) || hits[1].Len() != 1 || !hits[1].Has(2) {
		t.Errorf("two queries: %v, %v", hits, err)
	}
}

func TestFindTextVanished(t *testing.T) {
	dir := t.TempDir()
	m := openBox(t, openAccount(t, dir), "INBOX")
	put(t, m, FlagSet{}, "Subject: a\n\nriver\n", "Subject: b\n\nriver\n")
	s := syncBox(t, m)
	files, err := filepath.Glob(filepath.Join(dir, "[cn]*", "*"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	slices.Sort(files)
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if got := found(t, m, s, TextQuery{Needle: "river"}); len(got) != 1 {
		t.Errorf("found %v, of which one is gone", got)
	}
}

func TestFindTextCanceled(t *testing.T) {
	_, m, s := textBox(t, 100)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.FindText(ctx, s, TextSearch{Queries: []TextQuery{{Needle: "river"}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want canceled", err)
	}
}
