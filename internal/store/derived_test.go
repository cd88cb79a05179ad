package store

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"fantail/internal/mail"
)

// TestWriteDerived: what is read is what somebody has written, as a whole, and what is
// no file is nothing.
func TestWriteDerived(t *testing.T) {
	dir := t.TempDir()
	m := openBox(t, openAccount(t, dir), mail.Inbox)
	syncBox(t, m)
	if b := m.ReadDerived(); b != nil {
		t.Errorf("%q before anything is written", b)
	}
	m.WriteDerived([]byte("a longer one"))
	m.WriteDerived([]byte("short"))
	if b := m.ReadDerived(); string(b) != "short" {
		t.Errorf("%q", b)
	}
	m.WriteDerived(bytes.Repeat([]byte("a"), 5000))
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			for range 50 {
				m.WriteDerived(bytes.Repeat([]byte{byte('a' + k)}, 5000+k))
				b := m.ReadDerived()
				if len(b) < 5000 || !bytes.Equal(b, bytes.Repeat(b[:1], 5000+int(b[0]-'a'))) {
					t.Errorf("%d octets, which nobody wrote", len(b))
				}
			}
		})
	}
	wg.Wait()
	path := filepath.Join(dir, sortName)
	if names, err := filepath.Glob(path + "*"); err != nil || len(names) != 1 {
		t.Errorf("%v, %v", names, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if b := m.ReadDerived(); b != nil {
		t.Errorf("%q of a FIFO", b)
	}
	m.WriteDerived([]byte("instead"))
	if b := m.ReadDerived(); string(b) != "instead" {
		t.Errorf("%q", b)
	}
	if err := os.Symlink(path, path+".tmp"); err != nil {
		t.Fatal(err)
	}
	m.WriteDerived([]byte("through a link"))
	if b := m.ReadDerived(); string(b) != "instead" {
		t.Errorf("%q after a write through a link", b)
	}
}
