package courier

import (
	"errors"
	"fmt"
	"strings"

	"fantail/internal/admin/translation"
)

// defaultDomainField is the one whose name has no prefix.
const defaultDomainField = "DEFAULT_DOMAIN"

// sql translates a database; its variables begin with a prefix.
func (t *translator) sql(prefix, file string) {
	full := func(name string) string {
		if name == defaultDomainField {
			return name
		}
		return prefix + name
	}
	get := func(name string) string { return t.c.value(full(name), file) }
	from := func(name string) translation.Origin { return t.from(full(name), file) }
	if prefix == "SQLITE_" {
		t.out.Set("auth.sql_driver", translation.Quote("sqlite"), from("DATABASE"))
		t.out.Set("auth.sql_source", translation.Quote(get("DATABASE")), from("DATABASE"))
	} else {
		t.out.Set("auth.sql_driver", translation.Quote("postgresql"), from("CONNECTION"))
		t.connection(get, from("CONNECTION"))
	}
	var query string
	var err error
	if clause := get("SELECT_CLAUSE"); clause != "" {
		query, err = selected(clause)
		if err != nil {
			t.out.Grave(from("SELECT_CLAUSE"), "set auth.sql_query, which returns an account in one row (%v): %s", err, translation.Short(clause))
			return
		}
		t.out.Set("auth.sql_query", translation.Quote(query), from("SELECT_CLAUSE"))
		if get(defaultDomainField) != "" {
			t.out.Grave(from(defaultDomainField), "names without a domain get none here")
		}
	} else {
		t.out.Set("auth.sql_query", translation.Quote(table(get)), from("USER_TABLE"))
	}
	if get("AUXOPTIONS_FIELD") != "" {
		t.out.Grave(from("AUXOPTIONS_FIELD"), "options such as disableimap are not asked for: an account that can log in can do so everywhere; a column disabled keeps one from it")
	}
	t.out.Grave(from("USER_TABLE"), "look at auth.sql_query, which was made of what stands here: fantail user show NAME says what it finds")
}

// connection sets where a database of PostgreSQL is. What has a password stands in a file of
// its own.
func (t *translator) connection(get func(string) string, from translation.Origin) {
	how := strings.Join(strings.Fields(get("CONNECTION")), " ")
	if how == "" { // as it was before version 0.65
		for _, p := range []struct{ theirs, ours string }{{"HOST", "host"}, {"PORT", "port"}, {"USERNAME", "user"}, {"PASSWORD", "password"}} {
			if v := get(p.theirs); v != "" {
				how = strings.TrimSpace(how + " " + p.ours + "=" + v)
			}
		}
	}
	if database := get("DATABASE"); database != "" && !strings.Contains(how, "dbname=") {
		how = strings.TrimSpace(how + " dbname=" + database)
	}
	if !strings.Contains(how, "password") {
		t.out.Set("auth.sql_source", translation.Quote(how), from)
		return
	}
	t.out.Set("auth.sql_source_file", translation.Quote("/etc/fantail/sql-source"), from)
	t.out.Grave(from, "put how to reach the database (host=... dbname=%s user=... password=...) into /etc/fantail/sql-source, which authd's user alone may read: install -m 600 -o _fantail-auth /dev/stdin /etc/fantail/sql-source", translation.Short(get("DATABASE")))
}

// table is the query that Courier makes of the names of a table and its columns.
func table(get func(string) string) string {
	or := func(name, standard string) string {
		if v := get(name); v != "" {
			return v
		}
		return standard
	}
	login := or("LOGIN_FIELD", "id")
	columns := []string{
		login + ` AS "user"`, passwordColumn(get("CRYPT_PWFIELD"), get("CLEAR_PWFIELD")) + " AS password",
		or("UID_FIELD", "uid") + " AS uid", or("GID_FIELD", "gid") + " AS gid", or("HOME_FIELD", "home") + " AS home",
	}
	if maildir := get("MAILDIR_FIELD"); maildir != "" {
		columns = append(columns, maildirColumn(maildir)+" AS mail")
	}
	if quota := get("QUOTA_FIELD"); quota != "" {
		columns = append(columns, quotaColumn(quota)+" AS quota")
	}
	name := "@user"
	if domain := get(defaultDomainField); domain != "" {
		name = "CASE WHEN @user LIKE '%@%' THEN @user ELSE @user || '@" + strings.ReplaceAll(domain, "'", "''") + "' END"
	}
	query := "SELECT " + strings.Join(columns, ", ") + " FROM " + or("USER_TABLE", "passwd") + " WHERE " + login + " = " + name
	if where := get("WHERE_CLAUSE"); where != "" {
		query += " AND (" + where + ")"
	}
	return query
}

// passwordColumn is the expression for a hash in our spelling, of a column with hashes and one
// with passwords, of which there may be one.
func passwordColumn(hash, clear string) string {
	text := "REPLACE(" + hash + ", '{MD5RAW}', '{PLAIN-MD5}')"
	switch {
	case clear == "":
		return text
	case hash == "":
		return "'{PLAIN}' || " + clear
	}
	return "COALESCE(NULLIF(" + text + ", ''), '{PLAIN}' || NULLIF(" + clear + ", ''))"
}

// maildirColumn is the expression for a Maildir, which is relative to the home.
func maildirColumn(c string) string {
	return "CASE WHEN " + c + " LIKE '/%' THEN " + c + " WHEN " + c + " <> '' THEN '~/' || " + c + " END"
}

func quotaColumn(c string) string { return "NULLIF(" + c + ", 'NOQUOTA')" }

// positions are the columns of a SELECT_CLAUSE, which have no names.
var positions = []string{"login", "hash", "clear", "uid", "gid", "home", "maildir", "quota", "fullname", "options"}

// least is how few of them there are: those up to the home.
const least = 6

var errClause = errors.New("it is no SELECT with the columns that Courier wants")

// selected is the query of a SELECT_CLAUSE, whose columns get names.
func selected(clause string) (string, error) {
	for _, v := range []struct{ theirs, ours string }{{"local_part", "@local"}, {"domain", "@domain"}} {
		for _, quote := range []string{"'", `"`} {
			clause = strings.ReplaceAll(clause, quote+"$("+v.theirs+")"+quote, v.ours)
		}
	}
	if strings.Contains(clause, "$(") {
		return "", errors.New("a variable that there is nothing like, or one within a string")
	}
	clause = strings.TrimRight(strings.Join(strings.Fields(clause), " "), "; ")
	n := columnCount(clause)
	if n < least || n > len(positions) {
		return "", fmt.Errorf("%w: it has %d", errClause, n)
	}
	columns := []string{`login AS "user"`, passwordColumn("hash", "clear") + " AS password", "uid", "gid", "home"}
	if n > 6 {
		columns = append(columns, maildirColumn("maildir")+" AS mail")
	}
	if n > 7 {
		columns = append(columns, quotaColumn("quota")+" AS quota")
	}
	return "WITH account (" + strings.Join(positions[:n], ", ") + ") AS (" + clause + ") SELECT " + strings.Join(columns, ", ") + " FROM account", nil
}

// columnCount is how many columns a query returns; 0 if that cannot be told.
func columnCount(query string) int {
	if len(query) < 7 || !strings.EqualFold(query[:7], "select ") {
		return 0
	}
	depth, n, quote := 0, 1, byte(0)
	for i := 7; i < len(query); i++ {
		c := query[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth == 0 && c == ',':
			n++
		case depth == 0 && len(query) > i+6 && strings.EqualFold(query[i:i+6], " from "):
			return n
		}
	}
	return 0
}
