package search

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"fantail/internal/mail"
	"fantail/internal/store"
)

// TestKeysTogether: whoever asks for the sort keys and then the thread keys of a message
// reads it once, also if the store has written them where this snapshot does not see
// them.
func TestKeysTogether(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	for _, d := range []string{"cur", "new", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	const n = 20
	for k := range n {
		name := filepath.Join(dir, "cur", fmt.Sprintf("%d.a.h:2,", 1000000000+k))
		if err := os.WriteFile(name, []byte("Message-ID: <a@b>\nSubject: s\n\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, err := store.OpenAccount(dir, store.Options{Host: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	m, err := a.Open(ctx, mail.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := m.Sync(ctx)
	if err != nil {
		t.Fatal(err)
	}
	k := keyReader{r: &reader{search: &Search{Mailbox: m, Snapshot: s}, ctx: ctx}}
	sort, err := k.sortKeys(0)
	if err != nil || string(sort.Subject) != "S" {
		t.Fatalf("%q, %v", sort.Subject, err)
	}
	for i := range n { // so much that the store writes it
		m.KeepItems(s.UID(i), store.KeptItem{Kind: store.Preview, Data: make([]byte, 60<<10)})
	}
	if err := os.RemoveAll(filepath.Join(dir, "cur")); err != nil {
		t.Fatal(err)
	}
	thread, err := k.threadKeys(0)
	if err != nil || string(thread.ID) != "a@b" {
		t.Fatalf("%q, %v", thread.ID, err)
	}
	if _, err := k.threadKeys(1); err == nil {
		t.Error("the keys of another message")
	}
}
