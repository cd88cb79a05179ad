package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"fantail/internal/mail"
)

// fill makes a Maildir of n small messages as another program would have left it.
func fill(b *testing.B, n int) string {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "Maildir")
	openAccount(b, dir)
	for i := range n {
		name := fmt.Sprintf("%d.M%06dP1Q%d.host,S=6,W=7:2,S", 1700000000+i, i, i)
		if err := os.WriteFile(filepath.Join(dir, "cur", name), []byte("a: b\n\n"), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

// BenchmarkOpen opens a mailbox as a process does that starts: the first time,
// when no message has a UID, and when nothing has changed since.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{1000, 10000, 100000} {
		dir := fill(b, n)
		open := func() {
			a, err := OpenAccount(dir, Options{Host: "test"})
			if err != nil {
				b.Fatal(err)
			}
			m, err := a.Open(b.Context(), mail.Inbox)
			if err != nil {
				b.Fatal(err)
			}
			if s := syncBox(b, m); s.Len() != n {
				b.Fatalf("%d messages of %d", s.Len(), n)
			}
			m.Close()
			if err := a.Close(); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("first/%d", n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				for _, name := range []string{"dovecot-uidlist", "fantail.index", "fantail.log", "fantail.cache"} {
					if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
						b.Fatal(err)
					}
				}
				b.StartTimer()
				open()
			}
		})
		b.Run(fmt.Sprintf("unchanged/%d", n), func(b *testing.B) {
			for b.Loop() {
				open()
			}
		})
	}
}
