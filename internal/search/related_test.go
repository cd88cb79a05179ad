package search_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"fantail/internal/search"
	"fantail/internal/store"
)

// related returns the UIDs of the messages that are related to one of another mailbox.
func related(t *testing.T, of, in search.Search, i int) string {
	t.Helper()
	names := make(search.Names)
	if err := of.Names(context.Background(), []int{i}, names); err != nil {
		t.Fatal(err)
	}
	list, err := in.Related(context.Background(), names)
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for _, i := range list {
		out += fmt.Sprint(" ", in.Snapshot.UID(i))
	}
	return out
}

// TestRelated: messages know each other by Message-IDs, in one mailbox and across two, also
// in a process that finds what another one has written.
func TestRelated(t *testing.T) {
	dir := func(headers ...string) string {
		dir := filepath.Join(t.TempDir(), "Maildir")
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		for i, h := range headers {
			if err := os.WriteFile(filepath.Join(dir, "cur", fmt.Sprintf("%d.M%dP1.x:2,", 1700000000+i, i)), []byte(h+"\n\nx\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	one := dir("Message-ID: <a@x>", "Message-ID: <b@x>\nIn-Reply-To: <a@x>", "Subject: nothing", "Message-ID: <c@x>\nReferences: <a@x> <b@x>", "Message-ID: <d@x>", "Subject: nothing either")
	two := dir("Message-ID: <e@x>\nReferences: <gone@x> <c@x>", "Message-ID: <f@x>\nReferences: <gone@x>", "Message-ID: <g@x>")
	for range 2 {
		m1, s1 := open(t, one)
		m2, s2 := open(t, two)
		a, b := search.Search{Mailbox: m1, Snapshot: s1}, search.Search{Mailbox: m2, Snapshot: s2}
		for _, c := range []struct {
			of, in search.Search
			i      int
			want   string
		}{
			{a, a, 0, " 1 2 4"}, {a, a, 1, " 1 2 4"}, {a, a, 3, " 1 2 4"}, {a, a, 4, " 5"}, {a, a, 2, ""},
			{a, b, 3, " 1"}, {a, b, 0, ""}, {b, a, 0, " 4"}, {b, b, 0, " 1 2"}, {b, a, 1, ""}, {a, b, 2, ""},
		} {
			if got := related(t, c.of, c.in, c.i); got != c.want {
				t.Errorf("message %d: got%s, want%s", c.i, got, c.want)
			}
		}
	}
}

func BenchmarkRelated(b *testing.B) {
	again(b, func(s *search.Search, all *store.MessageSet) error {
		names := make(search.Names)
		if err := s.Names(context.Background(), []int{all.Len() / 2}, names); err != nil {
			return err
		}
		_, err := s.Related(context.Background(), names)
		return err
	})
}
