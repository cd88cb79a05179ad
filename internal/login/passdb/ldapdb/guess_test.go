package ldapdb

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"fantail/internal/login/passdb"
	"fantail/test/timing"
)

// BenchmarkGuess measures whether the time of a refusal tells that there is an account,
// in a directory whose hashes are cheap, and in one where they cost as much as they
// should.
func BenchmarkGuess(b *testing.B) {
	h, err := bcrypt.GenerateFromPassword([]byte("secret"), 8)
	if err != nil {
		b.Fatal(err)
	}
	for name, password := range map[string]string{"plain": "secret", "crypt": "{CRYPT}" + strings.Replace(string(h), "$2a$", "$2b$", 1)} {
		b.Run(name, func(b *testing.B) {
			const accounts = 16
			var data strings.Builder
			for i := range accounts {
				entry := person(fmt.Sprintf("cn=%d", i), fmt.Sprintf("known%02d", i), place)
				data.WriteString(strings.Replace(entry, "userPassword: secret", "userPassword: "+password, 1))
			}
			s := newSlapd(b, data.String())
			d, err := New(s.settings())
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { d.Close() })
			chain := passdb.NewChain(nil, d)
			guess := func(name string) func(int) {
				return func(i int) {
					q := passdb.Query{Name: fmt.Sprintf("%s%02d", name, i%accounts)}
					if _, err := chain.Password(context.Background(), q, "wrong"); err == nil {
						b.Fatal("a wrong password was right")
					}
				}
			}
			for b.Loop() {
				timing.Compare(600, guess("known"), guess("wrong")).Report(b)
			}
		})
	}
}
