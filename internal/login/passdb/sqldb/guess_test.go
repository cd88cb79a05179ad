package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/passdb"
	"fantail/internal/login/sasl"
	"fantail/test/timing"
)

// BenchmarkGuess measures whether the time of a refusal tells that there is an account,
// in a file of SQLite.
func BenchmarkGuess(b *testing.B) {
	path := filepath.Join(b.TempDir(), "accounts.db")
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path}).String())
	if err != nil {
		b.Fatal(err)
	}
	h, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err == nil {
		_, err = db.Exec("create table account (name text primary key, hash text)")
	}
	const accounts = 64
	for i := 0; i < accounts && err == nil; i++ {
		_, err = db.Exec("insert into account values (?, ?)", fmt.Sprintf("known%02d", i), "{BLF-CRYPT}"+string(h))
	}
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	d, err := New(conf.SQLSettings{
		Driver: conf.SQLSQLite, Source: path,
		Query: `select name as "user", hash as password, 1000 as uid, 100 as gid from account where name = @user`,
	}, passdb.NewHashing(2, passdb.HashingMemory), sasl.Decoy{})
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
		timing.Compare(2000, guess("known"), guess("wrong")).Report(b)
	}
}
