package imapd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"fantail/internal/store"
)

// TestLooks: each of many mailboxes is looked at once, but for those that cannot be.
func TestLooks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Maildir")
	acct, err := store.OpenAccount(dir, store.Options{Host: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer acct.Close()
	broken := errors.New("broken")
	l := &looks{names: []string{"INBOX"}}
	for i := range 40 {
		l.names = append(l.names, fmt.Sprintf("box%d", i))
		for _, sub := range []string{"cur", "new", "tmp"} {
			if err := os.MkdirAll(filepath.Join(dir, fmt.Sprintf(".box%d", i), sub), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf(".box%d", i), "cur", "1000000001.M1P1.h:2,"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l.names = append(l.names, "none")
	l.found = make([]look, len(l.names))
	l.found[1].err = broken
	l.all(t.Context(), acct, store.StatusNeeds{})
	if done, total := l.Look(); done != 42 || total != 42 {
		t.Errorf("%d of %d are done", done, total)
	}
	for i, name := range l.names {
		switch f := l.found[i]; {
		case name == "box0" && errors.Is(f.err, broken):
		case name == "none" && store.KindOf(f.err) == store.NotFound:
		case f.err != nil:
			t.Errorf("%s: %v", name, f.err)
		case i > 1 && (f.status.Messages != 1 || f.status.UIDNext != 2):
			t.Errorf("%s: %+v", name, f.status)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l = &looks{names: l.names, found: make([]look, len(l.names))}
	l.all(ctx, acct, store.StatusNeeds{})
	for i, name := range l.names {
		if !errors.Is(l.found[i].err, context.Canceled) {
			t.Errorf("%s after the end: %v", name, l.found[i].err)
		}
	}
}
