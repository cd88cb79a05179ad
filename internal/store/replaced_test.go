package store

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
	"fantail/internal/store/maildir"
)

// TestReplaced makes and deletes a mailbox behind the back of a process that keeps it
// for later. A file system with few numbers gives that of a removed directory to the
// next one; what the process remembers must not become part of the new mailbox
// (RFC 9051 section 2.3.1.1).
func TestReplaced(t *testing.T) {
	dir := smallDisk(t)
	maker, keeper := openLayout(t, dir, maildir.FS), openLayout(t, dir, maildir.FS)
	ctx := context.Background()
	var last mail.UIDValidity
	for i := range 40 {
		if err := maker.Create(ctx, "x"); err != nil {
			t.Fatal(err)
		}
		mine, err := maker.Open(ctx, "x")
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 { // whoever looks first gives the UIDs
			syncBox(t, mine)
		}
		kept, err := keeper.Open(ctx, "x")
		if err != nil {
			t.Fatal(err)
		}
		s := syncBox(t, kept)
		if s.UIDValidity() <= last || s.Len() != 0 || s.UIDNext() != 1 {
			t.Fatalf("mailbox %d has UIDVALIDITY %d, %d messages, UIDNEXT %d; the one before had UIDVALIDITY %d",
				i, s.UIDValidity(), s.Len(), s.UIDNext(), last)
		}
		last = s.UIDValidity()
		put(t, mine, FlagSet{Flags: mail.Seen}, "a\n")
		syncBox(t, kept)
		for _, m := range []*Mailbox{mine, kept} {
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := maker.Delete(ctx, "x"); err != nil {
			t.Fatal(err)
		}
	}
}

// smallDisk is an ext4 file system with room for a few dozen files.
func smallDisk(t *testing.T) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 4<<20); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, argv := range [][]string{{"mkfs.ext4", "-q", "-N", "64", image}, {"mount", "-o", "loop", image, dir}} {
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			t.Skipf("mounting a small file system needs root: %s: %v: %s", argv[0], err, out)
		}
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(dir, "Maildir")
}
