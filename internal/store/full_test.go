package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
)

// TestFullDisk: on a full disk all mail can be read and removed, an append fails and
// leaves nothing, and when there is room again everything goes on.
func TestFullDisk(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skip("mounting a small file system needs root: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	root := filepath.Join(dir, "Maildir")
	m := openBox(t, openAccount(t, root), mail.Inbox)
	var bodies []string
	for i := range 20 {
		bodies = append(bodies, fmt.Sprintf("message %d\n", i))
	}
	put(t, m, FlagSet{}, bodies...)
	next := syncBox(t, m).UIDNext()
	// Foreign mail that has no UID yet, and cannot get one.
	if err := os.WriteFile(filepath.Join(root, "new", "1000000001.late.h"), []byte("late\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fillDisk(t, filepath.Join(dir, "ballast"))

	// A file system counts in blocks: there may be room for one more UID.
	full := syncBox(t, m)
	if n := full.Len(); n < 20 || n > 21 {
		t.Fatalf("%d messages", n)
	}
	if got := read(t, m, 20); got != "message 19\n" {
		t.Errorf("message 20 is %q", got)
	}
	b, err := m.NewAppend()
	if err != nil && KindOf(err) != OverQuota {
		t.Fatal(err)
	}
	w, err := b.Add(FlagSet{}, time.Time{})
	if err == nil {
		if _, err = w.Write(bytes.Repeat([]byte("x"), 1<<20)); err == nil {
			_, err = b.Commit(ctx)
		}
	}
	if KindOf(err) != OverQuota {
		t.Errorf("append: %v", err)
	}
	if err := b.Abort(); err != nil {
		t.Error(err)
	}
	if err := m.Expunge(ctx, []mail.UID{1, 2}); err != nil {
		t.Fatal(err)
	}
	if s := syncBox(t, m); s.Len() != full.Len()-2 || s.UIDNext() != full.UIDNext() {
		t.Errorf("%d messages, next %d; before: %d, %d", s.Len(), s.UIDNext(), full.Len(), full.UIDNext())
	}
	later := openBox(t, openAccount(t, root), mail.Inbox)
	if s := syncBox(t, later); s.Len() < 18 || s.UID(0) != 3 {
		t.Errorf("another process sees %d messages from UID %d on", s.Len(), s.UID(0))
	}
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	if s := syncBox(t, m); s.Len() != 19 || s.UID(18) != next {
		t.Errorf("with room again: %d messages, last UID %d", s.Len(), s.UID(s.Len()-1))
	}
	if got := put(t, m, FlagSet{}, "again\n"); got.UIDs[0] != next+1 {
		t.Errorf("append got UID %d", got.UIDs[0])
	}
}

// fillDisk writes until the file system is full.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{64 << 10, 1 << 10, 1} {
		for err == nil {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
		err = nil
	}
}
