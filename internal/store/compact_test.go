package store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"fantail/internal/mail"
)

// TestCompactDamaged: a UID list full of messages that are gone is rewritten; but
// not by what a damaged index knows, to which everything looks gone.
func TestCompactDamaged(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "Maildir")
	var bodies []string
	for i := range 1000 {
		bodies = append(bodies, fmt.Sprint("message ", i, "\n"))
	}
	a, err := OpenAccount(dir, Options{Host: "test"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.Open(ctx, mail.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	put(t, m, FlagSet{}, bodies...)
	s := syncBox(t, m)
	if err := m.Expunge(ctx, s.UIDs()[100:900]); err != nil {
		t.Fatal(err)
	}
	m.Close()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	lines := func() int {
		b, err := os.ReadFile(filepath.Join(dir, "dovecot-uidlist"))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(b, []byte("\n")) - 1
	}
	if n := lines(); n != 1000 {
		t.Fatalf("%d lines before there was a reason to rewrite", n)
	}
	path := filepath.Join(dir, "fantail.index")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(b); i++ {
		b[i] ^= 0x55
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	// A new file makes the next sync look at everything.
	if err := os.WriteFile(filepath.Join(dir, "cur", "1000000001.x.h:2,"), []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m = openBox(t, openAccount(t, dir), mail.Inbox)
	s = syncBox(t, m)
	if s.Len() != 201 || s.UID(0) != 1 || s.UID(100) != 901 || s.UID(200) != 1001 {
		t.Fatalf("%d messages, UIDs %d, %d, %d", s.Len(), s.UID(0), s.UID(100), s.UID(200))
	}
	if n := lines(); n != 201 {
		t.Errorf("%d lines for 201 messages", n)
	}
}
