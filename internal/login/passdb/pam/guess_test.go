package pam

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"fantail/internal/login/passdb"
	"fantail/internal/login/userdb/nss"
	"fantail/test/timing"
)

// BenchmarkGuess measures whether the time of a refusal tells that there is an account,
// with the system's own name service and pam_unix.
func BenchmarkGuess(b *testing.B) {
	s := source(b, "auth required pam_unix.so nodelay\naccount required pam_unix.so\n")
	s.users = nss.Accounts{DB: nss.Open(), First: 1}
	chain := passdb.NewChain(nil, s)
	guess := func(name string) func(int) {
		return func(i int) {
			q := passdb.Query{Name: strings.Replace(name, "#", strconv.Itoa(i), 1)}
			if _, err := chain.Password(context.Background(), q, "wrong"); err == nil {
				b.Fatal("a wrong password was right")
			}
		}
	}
	for b.Loop() {
		timing.Compare(500, guess("nobody"), guess("nobod#")).Report(b)
	}
}
