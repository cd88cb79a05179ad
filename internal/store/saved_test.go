package store

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fantail/internal/mail"
)

// TestSaved: two processes tell the same SAVEDATE of a message that was delivered,
// though its flags, and so the name of its file, change between their answers.
func TestSaved(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "Maildir")
	one, two := openBox(t, openAccount(t, dir), mail.Inbox), openBox(t, openAccount(t, dir), mail.Inbox)
	if err := os.WriteFile(filepath.Join(dir, "new", "1000000001.a.h"), []byte("a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var told [2]time.Time
	for i, m := range []*Mailbox{one, two} {
		syncBox(t, m)
		st, err := m.Stat(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		told[i] = st.Saved
		time.Sleep(20 * time.Millisecond) // more than the clock of file systems takes
		if _, err := m.SetFlags(ctx, []mail.UID{1}, FlagChange{Op: mail.Add, FlagSet: FlagSet{Flags: []mail.Flags{mail.Seen, mail.Draft}[i]}}); err != nil {
			t.Fatal(err)
		}
	}
	if !told[0].Equal(told[1]) {
		t.Errorf("told as %v and as %v", told[0], told[1])
	}
}
