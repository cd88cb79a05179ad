package passdb_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb"
	"fantail/internal/login/passdb/scheme"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
	"fantail/test/timing"
)

// cheap are hashes whose cost can be chosen, at a low one: so more of them can be
// measured, and what differs is a larger part.
var cheap = map[string]func(b *testing.B) string{
	"BLF-CRYPT": func(b *testing.B) string {
		h, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
		if err != nil {
			b.Fatal(err)
		}
		return "{BLF-CRYPT}" + string(h)
	},
	"ARGON2ID": func(*testing.B) string {
		salt, enc := []byte("sixteen octets!!"), base64.RawStdEncoding
		return fmt.Sprintf("{ARGON2ID}$argon2id$v=19$m=1024,t=1,p=1$%s$%s", enc.EncodeToString(salt), enc.EncodeToString(argon2.IDKey([]byte("secret"), salt, 1, 1024, 1, 32)))
	},
}

func field(b *testing.B, name string) string {
	if make := cheap[name]; make != nil {
		return make(b)
	}
	if name == "SSHA256" {
		sum := sha256.Sum256([]byte("secretsalt"))
		return "{SSHA256}" + base64.StdEncoding.EncodeToString(append(sum[:], "salt"...))
	}
	f, err := scheme.Make(name, "secret")
	if err != nil {
		b.Fatal(err)
	}
	return f
}

// BenchmarkGuess measures whether the time of a refusal tells that there is an account,
// in passwd-files of one scheme, and of several.
func BenchmarkGuess(b *testing.B) {
	for _, schemes := range [][]string{
		{"PLAIN"}, {"SSHA256"}, {"BLF-CRYPT"}, {"ARGON2ID"}, {"SCRAM-SHA-256"}, {"SHA512-CRYPT"}, {"PBKDF2"}, {"SSHA256", "SCRAM-SHA-256", "BLF-CRYPT"},
	} {
		b.Run(strings.Join(schemes, "+"), func(b *testing.B) {
			n := 2000
			if s := schemes[0]; s == "SHA512-CRYPT" || s == "PBKDF2" { // as they are made, they cost much
				n = 500
			}
			var text strings.Builder
			const accounts = 64
			for i := range accounts {
				fmt.Fprintf(&text, "known%02d:%s:1000:100::/home/x::\n", i, field(b, schemes[i%len(schemes)]))
			}
			path, old := filepath.Join(b.TempDir(), "passwd"), time.Now().Add(-time.Hour) // it is not read again
			if err := errors.Join(os.WriteFile(path, []byte(text.String()), 0o600), os.Chtimes(path, old, old)); err != nil {
				b.Fatal(err)
			}
			hashing := passdb.NewHashing(2, passdb.HashingMemory)
			file := passdb.NewFile(userdb.Open(path, slog.New(slog.DiscardHandler)), hashing, sasl.Decoy{})
			chain := passdb.NewChain(nil, file)
			guess := func(name string) func(int) {
				return func(i int) {
					q := passdb.Query{Name: fmt.Sprintf("%s%02d", name, i%accounts), Service: wire.IMAP, Remote: netip.MustParseAddr("192.0.2.1")}
					if _, err := chain.Password(context.Background(), q, "wrong"); err == nil {
						b.Fatal("a wrong password was right")
					}
				}
			}
			for b.Loop() {
				timing.Compare(n, guess("known"), guess("wrong")).Report(b)
			}
		})
	}
}
