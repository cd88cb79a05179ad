package sources

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/authd"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb"
	"fantail/internal/login/passdb/apppw"
	"fantail/internal/login/passdb/factor"
	"fantail/internal/login/passdb/shadow"
	"fantail/internal/login/userdb"
)

func load(t *testing.T, text string) *conf.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "fantail.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := conf.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestPresent(t *testing.T) {
	cfg := load(t, "")
	cfg.Auth.PasswdFile = filepath.Join(t.TempDir(), "none")
	for range 2 {
		names := present(cfg)
		_, err := os.Stat(cfg.Auth.PasswdFile)
		system := readable(shadow.Path)
		if want := err == nil || !system; slices.Contains(names, "passwd-file") != want {
			t.Errorf("%q, passwd-file: %v", names, err)
		}
		if slices.Contains(names, "shadow") != system || slices.Contains(names, "pam") {
			t.Errorf("%q", names)
		}
		if err := os.WriteFile(cfg.Auth.PasswdFile, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A file that is named is meant.
	if names := present(load(t, `auth.passwd_file = "none"`)); names[0] != "passwd-file" {
		t.Errorf("%q", names)
	}
}

// Where pam-helper is, and has PAM, it is asked and the shadow file is not.
func TestPresentPAM(t *testing.T) {
	cfg := load(t, "")
	cfg.Programs.Directory = t.TempDir()
	helper := filepath.Join(cfg.Programs.Directory, "pam-helper")
	for status, want := range map[string]bool{"0": true, "69": false} {
		if err := os.WriteFile(helper, []byte("#!/bin/sh\n[ \"$*\" = -n ] && exit "+status+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		names := present(cfg)
		if slices.Contains(names, "pam") != want || want && slices.Contains(names, "shadow") {
			t.Errorf("status %s: %q", status, names)
		}
	}
}

func TestNew(t *testing.T) {
	means := func(text string) authd.Means {
		return authd.Means{Config: load(t, text), Log: slog.New(slog.DiscardHandler), Hashing: passdb.NewHashing(1, passdb.HashingMemory)}
	}
	_, err := New(means(`auth.sources = ["shadow", "passwd"]`))
	if err == nil || !strings.Contains(err.Error(), `"passwd" is none of`) {
		t.Error(err)
	}
	accounts, err := New(means(`auth = { sources = ["passwd-file", "shadow"], passwd_file = "none" }`))
	if err != nil {
		t.Fatal(err)
	}
	if err := accounts.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "passwd-file: ") {
		t.Error(err)
	}
}

// TestRemote wants what lies elsewhere to be asked where it is set, and what is wrong
// with its settings to be said.
func TestRemote(t *testing.T) {
	const ldap = `ldap_uri = "ldaps://localhost"` + "\n"
	const oauth = `oauth_issuer = "https://localhost"` + "\n" + `oauth_audience = "mail"` + "\n"
	sql := fmt.Sprintf("sql_driver = \"sqlite\"\nsql_query = \"select @user\"\nsql_source = %q\n", filepath.Join(t.TempDir(), "none"))
	for _, c := range []struct {
		text string
		want string // in the error; "": none
	}{
		{ldap + sql + oauth, ""},
		{oauth + `mechanisms = ["PLAIN", "OAUTHBEARER", "XOAUTH2"]`, ""},
		{ldap + `mechanisms = ["PLAIN", "XOAUTH2"]`, "XOAUTH2 needs the source oauth"},
		{oauth + `sources = ["passwd-file"]` + "\n" + `mechanisms = ["OAUTHBEARER"]`, "OAUTHBEARER needs the source oauth"},
		{`mechanisms = ["PLAIN", "EXTERNAL"]`, "EXTERNAL needs certificates"},
		{`mechanisms = ["EXTERNAL"]` + "\n[tls]\nclient_ca = \"ca.pem\"", ""},
		{ldap + `ldap_filter = "(uid=*)"`, "the source ldap: auth.ldap_filter"},
		{`sql_driver = "postgresql"`, "the source sql: auth.sql_query"},
		{`sources = ["sql"]`, "the source sql: auth.sql_query"},
		{`sources = ["ldap"]`, "the source ldap: auth.ldap_uri"},
		{`checkpassword = ["/bin/true", "-x"]`, ""},
		{`sources = ["checkpassword"]`, "the source checkpassword: auth.checkpassword"},
		{`sources = ["oauth"]`, "the source oauth: auth.oauth_issuer"},
	} {
		cfg := load(t, "[auth]\npasswd_file = \"none\"\n"+c.text)
		accounts, err := New(authd.Means{Config: cfg, Log: slog.New(slog.DiscardHandler), Hashing: passdb.NewHashing(1, passdb.HashingMemory)})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.text, err, c.want)
		}
		if o, ok := accounts.(io.Closer); err == nil && !ok {
			t.Errorf("%s: %T keeps connections", c.text, accounts)
		} else if err == nil {
			if err := o.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	names := present(load(t, `auth.checkpassword = ["/bin/true"]`))
	if i := slices.Index(names, "checkpassword"); i < 0 || i != len(names)-1 || slices.Contains(names, "shadow") {
		t.Errorf("%q", names)
	}
	names = present(load(t, "[auth]\n"+ldap+sql+oauth))
	if i := slices.Index(names, "ldap"); i < 0 || !slices.Equal(names[i:i+3], []string{"ldap", "sql", "oauth"}) {
		t.Errorf("%q", names)
	}
}

// TestSecondFactor wants it to be looked at wherever the password is.
func TestSecondFactor(t *testing.T) {
	cfg := load(t, "auth = { sources = [\"passwd-file\"], passwd_file = \"users\", directory = \"auth\" }")
	if err := os.WriteFile(cfg.Auth.PasswdFile, []byte("ann:{PLAIN}secret:1000:1000::/home/ann::\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	accounts, err := New(authd.Means{Config: cfg, Log: slog.New(slog.DiscardHandler), Hashing: passdb.NewHashing(1, passdb.HashingMemory)})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(s wire.Service) (userdb.User, error) {
		return accounts.Password(t.Context(), passdb.Query{Name: "Ann", Service: s}, "secret")
	}
	if _, err := ask(wire.IMAP); err != nil {
		t.Error(err)
	}
	store := factor.Open(filepath.Join(cfg.Auth.Directory, "totp"))
	key, err := store.Begin("ann")
	if err != nil {
		t.Fatal(err)
	}
	codes, err := store.Confirm("ann", string(key.Code(time.Now())))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(wire.IMAP); !errors.Is(err, passdb.ErrDisabled) {
		t.Error(err)
	}
	user, err := ask(wire.Webmail)
	if err != nil {
		t.Fatal(err)
	}
	if wanted, err := accounts.Factors(user); !wanted.Any() || err != nil {
		t.Errorf("%+v, %v", wanted, err)
	}
	for i, want := range []error{nil, passdb.ErrWrong} { // once
		if err := accounts.Code(t.Context(), user, codes[0]); !errors.Is(err, want) {
			t.Errorf("the code for the %d. time: %v", i+1, err)
		}
	}
}

// TestSpelling wants app passwords and codes to be found under the account's own name,
// whatever name of it was typed.
func TestSpelling(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts")
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	const table = `create table accounts (name text, address text, hash text);
insert into accounts values ('Ann', 'ann.lee@example.org', '{PLAIN}secret'), ('bob', 'bob@example.org', '{PLAIN}his'), ('carl', 'eve', '{PLAIN}c')`
	_, err = db.Exec(table)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	cfg := load(t, fmt.Sprintf("[auth]\nsources = [\"sql\"]\ndirectory = \"auth\"\nsql_driver = \"sqlite\"\nsql_source = %q\n"+
		"sql_query = \"select name as user, hash as password from accounts where lower(@user) in (lower(name), address)\"\n", path))
	accounts, err := New(authd.Means{Config: cfg, Log: slog.New(slog.DiscardHandler), Hashing: passdb.NewHashing(1, passdb.HashingMemory)})
	if err != nil {
		t.Fatal(err)
	}
	second := factor.Open(filepath.Join(cfg.Auth.Directory, "totp"))
	key, err := second.Begin("Ann")
	if err == nil {
		_, err = second.Confirm("Ann", string(key.Code(time.Now())))
	}
	if err != nil {
		t.Fatal(err)
	}
	apps := apppw.Open(filepath.Join(cfg.Auth.Directory, "apppw"), slog.New(slog.DiscardHandler))
	passwords := make(map[string]userdb.Secret)
	for _, name := range []string{"Ann", "eve"} {
		if _, passwords[name], err = apps.Add(name, "telephone", wire.IMAP); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"ann", "ANN", "Ann.Lee@example.org"} {
		q := passdb.Query{Name: name, Service: wire.IMAP}
		if u, err := accounts.Password(t.Context(), q, "secret"); !errors.Is(err, passdb.ErrDisabled) {
			t.Errorf("%s gets round the code: %+v, %v", name, u, err)
		}
		if u, err := accounts.Password(t.Context(), q, passwords["Ann"]); err != nil || u.Name != "Ann" {
			t.Errorf("%s, with an app password: %+v, %v", name, u, err)
		}
		q.Service = wire.Webmail
		u, err := accounts.Password(t.Context(), q, "secret")
		if err != nil {
			t.Error(err)
		}
		if wanted, err := accounts.Factors(u); !wanted.Any() || err != nil {
			t.Errorf("%s: a code is wanted: %+v, %v", name, wanted, err)
		}
	}
	// What eve had is nothing to carl, whose address is her name now.
	for name, password := range map[string]userdb.Secret{"eve": passwords["eve"], "bob": passwords["Ann"]} {
		if u, err := accounts.Password(t.Context(), passdb.Query{Name: name, Service: wire.IMAP}, password); !errors.Is(err, passdb.ErrWrong) {
			t.Errorf("%s logs in with another's app password: %+v, %v", name, u, err)
		}
	}
}
