package passdb

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fantail/internal/login/userdb"
)

const right = "pässwörd 1"

// hashes of right: cheap and expensive ones; package scheme tests them all.
var hashes = map[string]string{
	"plain":      "{PLAIN}" + right,
	"argon2i":    "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$pnEeaB8FoiiGmkXzwlkmgA$RgMGYav99fqIZk/Ebn2lX2lJKRNq3Rv9EY0Xg75T8S8",
	"sha256":     "{SHA256-CRYPT}$5$t8E2JEHfNbY/P9mn$nIypVX1kuFlqREd7f96Zz6hjfdkx.E.7fdCk/yAL.w5",
	"ssha":       "{SSHA}AVsGsFqt8qFfYKHxCMl82r0djo5+6G/m",
	"yescrypt":   "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$abO7zZvXvM96K6oURuVi9BEuUqdolODTf3u8BdLOvdA",
	"no-braces":  "$6$a7EUXW67A8gnqcGM$5ZLsPLrWCn5atSvkOjHYQPltt44M66HqCuuo6EPKDwWrT5YkYNl5HXoNgtglQFQ9sBQJJlqfOd5SOBPBWWi1Q0",
	"restricted": "{PLAIN}" + right + ":::::::allow_nets=10.0.0.0/8",
}

// unusable are fields that match nothing, and must say so.
var unusable = map[string]string{
	"unknown": "{ROT13}cnff",
	"des":     "abzp3RXJm5gNA",
	"brace":   "{PLAIN" + right,
	"cost":    "{PBKDF2}$1$salt$99999999999$d7a09d0a1712bb4f4b19a8504087b94505b086b1",
	"x":       "x",
	"star":    "*",
	"bang":    "!$6$a7EUXW67A8gnqcGM$5ZLsPLrWCn5atSvkOjHYQPltt44M66HqCuuo6EPKDwWrT5YkYNl5HXoNgtglQFQ9sBQJJlqfOd5SOBPBWWi1Q0",
}

// atOnce are those of tests.
const atOnce = 2

func newDB(t *testing.T, accounts ...map[string]string) *DB {
	t.Helper()
	var text strings.Builder
	for _, m := range accounts {
		for name, field := range m {
			text.WriteString(name + ":" + field + "\n")
		}
	}
	path := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
	return New(userdb.Open(path, slog.New(slog.DiscardHandler)), NewHashing(atOnce, HashingMemory))
}

func TestVerify(t *testing.T) {
	d := newDB(t, hashes)
	ctx := context.Background()
	for name := range hashes {
		u, err := d.Verify(ctx, Query{Name: name}, right)
		if name == "restricted" {
			if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrWrong) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || u.Name != name {
			t.Errorf("%s: %+v, %v", name, u, err)
		}
		for _, wrong := range []Secret{"", "x", right + "x", Secret(right[:len(right)-1]), right + "\x00", Secret(hashes[name]), Secret(strings.Repeat("y", 200)), Secret(strings.Repeat("z", MaxPassword+1))} {
			if u, err := d.Verify(ctx, Query{Name: name}, wrong); !errors.Is(err, ErrWrong) || u != (userdb.User{}) {
				t.Errorf("%s with %q: %+v, %v", name, string(wrong), u, err)
			}
		}
	}
	for _, name := range []string{"nobody", "", "a:b", "plain\x00", strings.Repeat("x", 300)} {
		if _, err := d.Verify(ctx, Query{Name: name}, right); !errors.Is(err, ErrWrong) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestUnusableHashes(t *testing.T) {
	d := newDB(t, unusable)
	for name, field := range unusable {
		for _, password := range []Secret{right, Secret(field), "x"} {
			_, err := d.Verify(context.Background(), Query{Name: name}, password)
			if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrWrong) {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if strings.Contains(err.Error(), right) || strings.Contains(err.Error(), "a7EUXW67A8gnqcGM$5") {
				t.Errorf("the error quotes the hash: %v", err)
			}
		}
	}
	// A decoy that cannot be checked does not make a name look known.
	if _, err := d.Verify(context.Background(), Query{Name: "nobody"}, right); !errors.Is(err, ErrWrong) {
		t.Error(err)
	}
}

func TestNoPasswordIsNoWayIn(t *testing.T) {
	d := newDB(t, map[string]string{"alice": "", "bob": ":1:1::/home/bob"})
	for _, name := range []string{"alice", "bob"} {
		if _, err := d.Verify(context.Background(), Query{Name: name}, "x"); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoFile(t *testing.T) {
	d := New(userdb.Open(filepath.Join(t.TempDir(), "none"), slog.New(slog.DiscardHandler)), NewHashing(atOnce, HashingMemory))
	if _, err := d.Verify(context.Background(), Query{Name: "alice"}, "x"); !errors.Is(err, ErrUnavailable) || !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if err := d.Check(); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if err := newDB(t, hashes).Check(); err != nil {
		t.Error(err)
	}
}

// An unknown name does the work of a known one: it waits for a slot, and in a
// file with one scheme it takes as long.
func TestUnknownNamesDoTheWork(t *testing.T) {
	d := newDB(t, map[string]string{"alice": hashes["argon2i"]})
	took := func(name string) time.Duration {
		start := time.Now()
		if _, err := d.Verify(context.Background(), Query{Name: name}, "wrong"); !errors.Is(err, ErrWrong) {
			t.Fatal(err)
		}
		return time.Since(start)
	}
	known, unknown := took("alice"), took("nobody")
	t.Logf("known %v, unknown %v", known, unknown)
	if !d.hashing.turns.idle(atOnce) {
		t.Fatal("a turn is still taken")
	}
	for range atOnce {
		if err := d.hashing.turns.acquire(context.Background(), netip.Addr{}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	for _, name := range []string{"alice", "nobody"} {
		if _, err := d.Verify(ctx, Query{Name: name}, "wrong"); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s with no slot free: %v", name, err)
		}
	}
}

func TestConcurrent(t *testing.T) {
	d := newDB(t, hashes)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := d.Verify(context.Background(), Query{Name: "sha256"}, right); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if !d.hashing.turns.idle(atOnce) || !d.hashing.memory.TryAcquire(HashingMemory) {
		t.Error("a turn is still taken")
	}
}
