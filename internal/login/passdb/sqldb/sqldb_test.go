package sqldb

import (
	"bytes"
	"context"
	"crypto"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/passdb"
	"fantail/internal/login/passdb/scheme"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
)

// table is what databases of the tests hold. Every account's password is "secret".
const table = `
create table account (name text, domain text, hash text, uid int, home text, disabled %s);
insert into account values
	('ann', '', '{PLAIN}secret', 1000, '/home/ann', null),
	('bob', 'example.org', '%s', 1001, null, %s),
	('eve', '', '{PLAIN}secret', 1002, null, %s),
	('o''neil"\', '', '{PLAIN}secret', 1003, null, null),
	('twice', '', '{PLAIN}secret', 1004, null, null),
	('twice', '', '{PLAIN}secret', 1004, null, null),
	('none', '', null, 1005, null, null),
	('bad', '', '{ROT13}frperg', 1006, null, null),
	('relative', '', '{PLAIN}secret', 1007, 'home', null),
	('%%', '', '{PLAIN}secret', 1008, null, null);
`

const selectAll = `
	select case domain when '' then name else name || '@' || domain end as "user",
		hash as password, uid, 100 as gid, home as "HOME", disabled
	from account -- of @nobody: 'a comment'
	where case domain when '' then name else name || '@' || domain end = lower(@user) and '@local' <> 'x'`

func field(t *testing.T) string {
	t.Helper()
	f, err := scheme.Make("SCRAM-SHA-256", "secret")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func open(t *testing.T, s conf.SQLSettings) *DB {
	t.Helper()
	d, err := New(s, passdb.NewHashing(2, passdb.HashingMemory), sasl.Decoy{Secret: make([]byte, 32), Iterations: 4096, SaltSize: 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func ask(t *testing.T, d *DB, name, password string) (userdb.User, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return d.Password(ctx, passdb.Query{Name: name}, userdb.Secret(password))
}

// testDatabase wants all databases to answer alike. s has no query yet.
func testDatabase(t *testing.T, s conf.SQLSettings) {
	s.Query = selectAll
	d := open(t, s)
	if err := d.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, password string
		want           error
	}{
		{"ann", "secret", nil},
		{"ANN", "secret", nil},
		{"ann", "wrong", userdb.ErrWrong},
		{"ann", "", userdb.ErrWrong},
		{"bob@example.org", "secret", nil},
		{"bob", "secret", userdb.ErrUnknown},
		{"eve", "secret", passdb.ErrDisabled},
		{"eve", "wrong", userdb.ErrWrong},
		{`o'neil"\`, "secret", nil},
		{"twice", "secret", userdb.ErrUnavailable},
		{"none", "secret", userdb.ErrWrong},
		{"bad", "secret", userdb.ErrUnavailable},
		{"relative", "secret", userdb.ErrUnavailable},
		{"%", "secret", nil},
		// Names that would change a query.
		{"' or '1'='1", "secret", userdb.ErrUnknown},
		{"ann' --", "secret", userdb.ErrUnknown},
		{"ann'; drop table account; --", "secret", userdb.ErrUnknown},
		{`\' or 1=1 --`, "secret", userdb.ErrUnknown},
		{"$1", "secret", userdb.ErrUnknown},
		{"@user", "secret", userdb.ErrUnknown},
		{"an_", "secret", userdb.ErrUnknown},
		{"", "secret", userdb.ErrUnknown},
		{"ann\x00", "secret", userdb.ErrUnknown},
		{"ann\xff", "secret", userdb.ErrUnknown},
	} {
		u, err := ask(t, d, c.name, c.password)
		for _, e := range []error{userdb.ErrUnknown, userdb.ErrWrong, userdb.ErrUnavailable, passdb.ErrExpired, passdb.ErrDisabled} {
			if errors.Is(err, e) != (e == c.want) {
				t.Errorf("%q with %q: %v, want %v", c.name, c.password, err, c.want)
			}
		}
		if (err == nil) != (c.want == nil) || err == nil && (u.Name != strings.ToLower(c.name) || u.UID < 1000 || u.GID != 100) {
			t.Errorf("%q: %+v, %v", c.name, u, err)
		}
	}
	u, err := d.Lookup(t.Context(), "ann")
	if want := (userdb.User{Name: "ann", UID: 1000, GID: 100, Home: "/home/ann"}); err != nil || u != want {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := d.Lookup(t.Context(), "eve"); !errors.Is(err, passdb.ErrDisabled) {
		t.Error(err)
	}
	testKeys(t, d)
	testQueries(t, s)
	if _, err := d.db.Exec("delete from account"); err == nil {
		t.Error("the database is not read-only")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Lookup(ctx, "ann"); !errors.Is(err, userdb.ErrUnavailable) {
		t.Error(err)
	}
}

func testKeys(t *testing.T, d *DB) {
	for _, c := range []struct {
		name    string
		account string
		want    error
	}{
		{"ann", "ann", nil},
		{"bob@example.org", "bob@example.org", nil},
		{"eve", "eve", userdb.ErrWrong},
		{"none", "none", userdb.ErrWrong},
		{"nobody", "", userdb.ErrUnknown},
		{"twice", "", userdb.ErrUnavailable},
	} {
		k, u, err := d.Keys(t.Context(), passdb.Query{Name: c.name}, crypto.SHA256)
		if !errors.Is(err, c.want) || k.Account != c.account || (len(k.StoredKey) == 32) != (c.want == nil) || err == nil && u.Name != c.account {
			t.Errorf("%s: %+v, %+v, %v", c.name, k, u, err)
		}
	}
}

// testQueries has queries that are wrong, which Check says.
func testQueries(t *testing.T, s conf.SQLSettings) {
	for query, want := range map[string]string{
		`select name as "user" from account where name = @user`:                                         `no column "password"`,
		`select hash as password from account where name = @user`:                                       `no column "user"`,
		`select name as "user", hash as password, 1 as shell from account where name = @user`:           `column "shell"`,
		`select name as "user", hash as password, 1 as uid, 2 as uid from account where name = @user`:   `column "uid"`,
		`select name as "user", hash as password from nowhere where name = @user`:                       "nowhere",
		`delete from account where name = @user returning name as "user", hash as password`:             "read",
		`select name as "user", hash as password from account where name = @local and domain = @domain`: "",
	} {
		s.Query = query
		err := open(t, s).Check(t.Context())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", query, err, want)
		}
	}
	s.Query = `select name as "user", hash as password, 'perhaps' as disabled from account where name = @user`
	if _, err := ask(t, open(t, s), "ann", "secret"); !errors.Is(err, userdb.ErrUnavailable) {
		t.Error(err)
	}
	// Parts of names.
	s.Query = `select name || '@' || domain as "user", hash as password from account where name = @local and domain = @domain`
	d := open(t, s)
	if u, err := ask(t, d, "bob@example.org", "secret"); err != nil || u.UID != -1 {
		t.Errorf("%+v, %v", u, err)
	}
	for _, name := range []string{"ann", "bob@", "@example.org", "bob@x@example.org"} {
		if _, err := ask(t, d, name, "secret"); !errors.Is(err, userdb.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?%23.db")
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path}).String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(fmt.Sprintf(table, "int", field(t), "0", "1")); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	testDatabase(t, conf.SQLSettings{Driver: conf.SQLSQLite, Source: path})

	// It is not made if it is not there.
	none := filepath.Join(t.TempDir(), "none.db")
	d := open(t, conf.SQLSettings{Driver: conf.SQLSQLite, Source: none, Query: selectAll})
	if err := d.Check(t.Context()); !errors.Is(err, userdb.ErrUnavailable) {
		t.Error(err)
	}
	if _, err := os.Stat(none); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestPostgreSQL(t *testing.T) {
	dir := cluster(t)
	source := "host=" + dir + " user=fantail dbname=postgres sslmode=disable"
	admin, err := sql.Open("pgx", source)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(fmt.Sprintf(table, "boolean", field(t), "false", "true")); err != nil {
		t.Fatal(err)
	}
	if err := admin.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "source")
	if err := os.WriteFile(file, []byte(source+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	testDatabase(t, conf.SQLSettings{Driver: conf.SQLPostgreSQL, SourceFile: file})

	d := open(t, conf.SQLSettings{Driver: conf.SQLPostgreSQL, Source: source, Query: `select 'ann' as "user", 'x' as password, pg_sleep(20)::text as home where @user <> ''`})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := d.Lookup(ctx, "ann"); !errors.Is(err, userdb.ErrUnavailable) || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

// cluster starts a PostgreSQL with a cluster of its own and returns the directory of its
// socket. It does not run as root, so tests of root give it another user.
func cluster(t *testing.T) string {
	t.Helper()
	bins, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(bins) == 0 {
		t.Fatalf("no PostgreSQL: %v", err)
	}
	dir, err := os.MkdirTemp("", "pg") // short: it is the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	var as *syscall.Credential
	if os.Getuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	var output bytes.Buffer
	program := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(filepath.Join(bins[len(bins)-1], name), args...)
		c.Dir, c.Stdout, c.Stderr = dir, &output, &output
		c.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		return c
	}
	data := filepath.Join(dir, "data")
	if err := program("initdb", "-D", data, "-A", "trust", "-U", "fantail", "-E", "UTF8", "--locale=C", "--no-sync").Run(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, output.String())
	}
	server := program("postgres", "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=20")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Process.Signal(syscall.SIGINT); err != nil {
			t.Error(err)
		}
		_ = server.Wait() // it ended because of the signal
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		db, err := sql.Open("pgx", "host="+dir+" user=fantail dbname=postgres sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(db.Ping(), db.Close())
		if err == nil {
			return dir
		}
		if time.Now().After(deadline) {
			t.Fatalf("PostgreSQL does not listen: %v\n%s", err, output.String())
		}
	}
}

func TestSettings(t *testing.T) {
	good := conf.SQLSettings{Driver: conf.SQLSQLite, Source: "/x", Query: "select @user"}
	open(t, good)
	for _, c := range []struct {
		change func(*conf.SQLSettings)
		want   string
	}{
		{func(s *conf.SQLSettings) { s.Driver = "" }, "auth.sql_driver"},
		{func(s *conf.SQLSettings) { s.Source = "x.db" }, "absolute path"},
		{func(s *conf.SQLSettings) { s.Source = "" }, "absolute path"},
		{func(s *conf.SQLSettings) { s.SourceFile = "/y" }, "both"},
		{func(s *conf.SQLSettings) { s.Source, s.SourceFile = "", "/nonexistent" }, "auth.sql_source_file"},
		{func(s *conf.SQLSettings) { s.Driver, s.Source = conf.SQLPostgreSQL, "host=x password=secret port=no" }, "no connection string"},
		{func(s *conf.SQLSettings) { s.Query = "" }, "auth.sql_query"},
		{func(s *conf.SQLSettings) { s.Query = "select 1" }, "auth.sql_query"},
		{func(s *conf.SQLSettings) { s.Query = "select '@user'" }, "auth.sql_query"},
		{func(s *conf.SQLSettings) { s.Query = "select @user, @password" }, "auth.sql_query"},
		{func(s *conf.SQLSettings) { s.Query = strings.Repeat(" ", maxQuery+1) }, "auth.sql_query"},
	} {
		s := good
		c.change(&s)
		if _, err := New(s, nil, sasl.Decoy{}); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// FuzzQuery wants a query that is taken to have only parameters that are known, each
// with a value, whatever the name.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{selectAll, "@user", "select '@user'", "select $$@user$$ @local", "@user@domain", "/* @x */ @user -- @y", "E'\\'@user'", `"@user"@local`, "@", "$1"} {
		f.Add(s, "ann@example.org")
		f.Add(s, "'; --")
	}
	f.Fuzz(func(t *testing.T, s, name string) {
		q, err := parseQuery(s)
		if err != nil {
			return
		}
		for _, q := range []query{q, q.forSQLite()} {
			values, err := q.values(name)
			if err != nil {
				if !errors.Is(err, userdb.ErrUnknown) {
					t.Fatal(err)
				}
				continue
			}
			if len(values) != len(q.parameters) || len(values) == 0 || len(values) > 3 {
				t.Fatalf("%q: %d values for %q", s, len(values), q.parameters)
			}
			for _, v := range values {
				if n, ok := v.(sql.NamedArg); ok {
					v = n.Value
				}
				if part, ok := v.(string); !ok || part == "" || !strings.Contains(name, part) {
					t.Fatalf("%q: %v of %q", s, v, name)
				}
			}
		}
	})
}
