package store

import (
	"os"
	"path/filepath"
	"testing"

	"fantail/internal/mail"
)

// A change that comes within the same tick of the clock as one before it leaves the
// stamps of its directory as they were: only the watch tells of it.
func TestWatchAgainstStamps(t *testing.T) {
	dir := t.TempDir()
	mine, other := openBox(t, openAccount(t, dir), "INBOX"), openBox(t, openAccount(t, dir), "INBOX")
	uids := put(t, other, FlagSet{}, "A: 1\n\n", "A: 2\n\n").UIDs
	w, err := mine.Watch()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	x := func() bool {
		mine.mu.Lock()
		defer mine.mu.Unlock()
		return mine.agrees(mine.snap.x)
	}
	syncBox(t, mine)
	if _, err := other.SetFlags(t.Context(), uids[:1], FlagChange{mail.Add, FlagSet{Flags: mail.Flagged}}); err != nil {
		t.Fatal(err)
	}
	syncBox(t, mine)
	if !x() {
		t.Error("what another session has changed and entered is not taken for known")
	}
	e, err := other.entry(t.Context(), "test", uids[0])
	if err == nil {
		err = os.Remove(filepath.Join(dir, "cur", e.File))
	}
	if err != nil {
		t.Fatal(err)
	}
	if x() {
		t.Error("a message that went is taken for there")
	}
	if mine.soft(mine.snap.x.Stamps()) {
		t.Error("stamps are believed that the watch contradicts")
	}
	expect(t, mine, "2")
	if err := os.WriteFile(filepath.Join(dir, "cur", "1000000001.M1P1.h:2,"), []byte("A: 3\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if x() {
		t.Error("a message that came is not missed")
	}
	expect(t, mine, "2", "3")
	if !x() {
		t.Error("what is entered is missed")
	}
}
