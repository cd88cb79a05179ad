package shadow

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"fantail/internal/login/passdb"
	"fantail/internal/login/userdb"
	"fantail/internal/login/userdb/nss"
	"fantail/test/timing"
)

// BenchmarkGuess measures whether the time of a refusal tells that there is an account,
// with the system's own name service.
func BenchmarkGuess(b *testing.B) {
	path := filepath.Join(b.TempDir(), "shadow")
	if err := os.WriteFile(path, []byte("nobody:"+hash+":19000:0:99999:7:::\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	s := New(path, nss.Accounts{DB: nss.Open(), First: 1}, passdb.NewHashing(2, passdb.HashingMemory))
	chain := passdb.NewChain(nil, s)
	guess := func(name string) func(int) {
		return func(i int) {
			q := passdb.Query{Name: strings.Replace(name, "#", strconv.Itoa(i), 1)}
			if _, err := chain.Password(context.Background(), q, userdb.Secret("wrong")); err == nil {
				b.Fatal("a wrong password was right")
			}
		}
	}
	for b.Loop() {
		timing.Compare(500, guess("nobody"), guess("nobod#")).Report(b)
	}
}
