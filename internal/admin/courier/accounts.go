package courier

import (
	"slices"
	"strconv"
	"strings"

	"fantail/internal/admin/translation"
)

// sourceOf are the sources of accounts by authdaemond's modules.
var sourceOf = map[string]string{
	"authuserdb": "passwd-file", "authpam": "pam", "authpwd": "shadow", "authshadow": "shadow", "authldap": "ldap", "authsqlite": "sql", "authpgsql": "sql",
}

// modules are those of authdaemond, in the order in which it asks them.
func (c *Config) modules() []string { return strings.Fields(c.value("authmodulelist", "authdaemonrc")) }

// UsesUserdb reports whether accounts are in userdb.
func (c *Config) UsesUserdb() bool { return slices.Contains(c.modules(), "authuserdb") }

// auth sets where accounts are, and notes what of them does not come along.
func (t *translator) auth(passwd string) {
	from := t.from("authmodulelist", "authdaemonrc")
	if t.c.file("authdaemonrc") == nil {
		t.out.Grave(translation.Origin{Name: "authdaemonrc"}, "there is no such file: set auth.sources to where accounts are")
		return
	}
	for _, m := range t.c.modules() {
		t.module(m, passwd, from)
	}
	if len(t.sources) > 0 {
		t.out.Set("auth.sources", translation.QuoteAll(t.sources), from)
	} else {
		t.out.Grave(from, "no source of accounts is left: set auth.sources")
	}
}

// module translates one of authdaemond's.
func (t *translator) module(name, passwd string, from translation.Origin) {
	source, known := sourceOf[name]
	switch {
	case name == "authcustom":
		return // a place for code of one's own, which does nothing as it comes
	case name == "authmysql":
		t.out.Grave(from, "databases of MySQL cannot be asked here: PostgreSQL and SQLite can, and a file of accounts (auth.passwd_file) can be written of any")
		return
	case name == "authpipe":
		t.out.Grave(from, "the program of authpipe is not asked: one that checks passwords as checkpassword does can be (auth.checkpassword)")
		return
	case !known:
		t.out.Grave(from, "there is no source of accounts %q here", translation.Short(name))
		return
	case slices.Contains(t.sources, source):
		if source != "shadow" {
			t.out.Grave(from, "there is one source of the kind %q here: %s is not asked", source, name)
		}
		return
	}
	t.sources = append(t.sources, source)
	switch name {
	case "authuserdb":
		t.userdb(passwd, from)
	case "authldap":
		t.ldap()
	case "authpgsql":
		t.sql("PGSQL_", "authpgsqlrc")
	case "authsqlite":
		t.sql("SQLITE_", "authsqliterc")
	}
}

// userdb sets the passwd-file into which its accounts go.
func (t *translator) userdb(passwd string, from translation.Origin) {
	accounts, notes := t.c.Accounts()
	if passwd == "" {
		t.out.Grave(from, "the %d accounts of userdb are to be in a passwd-file: the same again with -p /etc/fantail/passwd", len(accounts))
	} else {
		t.out.Set("auth.passwd_file", translation.Quote(passwd), from)
	}
	t.out.Notes = append(t.out.Notes, notes...)
	if least := leastUID(accounts); least > 0 && least < 500 {
		t.out.Set("session.first_uid", strconv.Itoa(least), translation.Origin{Name: "userdb"})
	}
}

// leastUID is the lowest of them; 0 if one is root's, or none is known.
func leastUID(accounts []Account) int {
	least := 0
	for _, a := range accounts {
		if a.uid >= 0 && (least == 0 || a.uid < least) {
			least = a.uid
		}
	}
	return least
}
