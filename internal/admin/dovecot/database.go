package dovecot

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"fantail/internal/admin/translation"
)

// sql translates a database: file is that of its settings in 2.3.
func (t *translator) sql(b *Block, file string, from Setting) {
	var driver, connect, pass, user string
	if t.c.is24() {
		driver, pass = t.c.Value("sql_driver"), b.Value("passdb_sql_query")+b.Value("query")
		user = t.userQuery()
		connect = t.connection()
	} else {
		list := t.file(file, from)
		if list == nil {
			return
		}
		driver, connect, pass, user = list["driver"], list["connect"], list["password_query"], list["user_query"]
		if s := strings.ToUpper(list["default_pass_scheme"]); s != "" && s != "CRYPT" {
			t.grave(from, "passwords in the database that do not say their scheme are taken as CRYPT: let the query put {%s} before them", translation.Short(s))
		}
	}
	switch driver {
	case "pgsql":
		t.set("auth.sql_driver", translation.Quote("postgresql"), from)
		t.set("auth.sql_source_file", translation.Quote("/etc/fantail/sql-source"), from)
		t.grave(from, "put how to reach the database (connect, in the form of libpq) into /etc/fantail/sql-source, which authd's user alone may read")
	case "sqlite":
		t.set("auth.sql_driver", translation.Quote("sqlite"), from)
		t.set("auth.sql_source", translation.Quote(strings.TrimSpace(connect)), from)
	default:
		t.grave(from, "databases of %q cannot be asked here: PostgreSQL and SQLite can, and a file of accounts (auth.passwd_file) can be written of any", translation.Short(driver))
		return
	}
	query, err := joined(pass, user)
	if err != nil {
		t.grave(from, "set auth.sql_query, which returns all of an account in one row (%v): %s; %s", err, translation.Short(pass), translation.Short(user))
		return
	}
	t.set("auth.sql_query", translation.Quote(query), from)
	t.grave(from, "look at auth.sql_query, which was made of two queries: fantail user show NAME says what it finds")
}

// userQuery is that of the first userdb sql, of 2.4.
func (t *translator) userQuery() string {
	for _, b := range t.c.Blocks {
		if b.Name == "userdb" && driver(b) == "sql" {
			return b.Value("userdb_sql_query") + b.Value("query")
		}
	}
	return ""
}

// connection is the path of a database of SQLite, of 2.4.
func (t *translator) connection() string {
	for _, b := range t.c.Blocks {
		if b.Name == "sqlite" {
			return b.Value("path") + b.Value("sqlite_path")
		}
	}
	return t.c.Value("sqlite_path")
}

var (
	quotedVariable = regexp.MustCompile(`'(%L?[und]|%\{[^}']*\})'`)
	selectList     = regexp.MustCompile(`(?is)^\s*select\s+(.*?)\s+from\s`)
	lastWord       = regexp.MustCompile(`(?i)(?:^|[\s.])["` + "`" + `]?([a-z_][a-z0-9_]*)["` + "`" + `]?\s*$`)
)

// parameters replaces Dovecot's variables by parameters, which the database quotes itself.
func parameters(query string) (string, error) {
	ours := map[string]string{"%{user}": "@user", "%{local}": "@local", "%{domain}": "@domain"}
	var failed error
	query = quotedVariable.ReplaceAllStringFunc(query, func(quoted string) string {
		v, err := variables(strings.Trim(quoted, "'"))
		if err != nil || ours[v] == "" {
			failed = fmt.Errorf("%s is %w", quoted, errVariable)
		}
		return ours[v]
	})
	if failed == nil && strings.Contains(query, "%") {
		failed = errVariable
	}
	return query, failed
}

// columns are the names of what a query returns.
func columns(query string) ([]string, error) {
	m := selectList.FindStringSubmatch(query)
	if m == nil {
		return nil, fmt.Errorf("no list of columns")
	}
	var list []string
	depth, begin := 0, 0
	text := m[1] + ","
	for i, r := range text {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth > 0 {
				continue
			}
			w := lastWord.FindStringSubmatch(text[begin:i])
			if w == nil {
				return nil, fmt.Errorf("a column without a name: %s", translation.Short(strings.TrimSpace(text[begin:i])))
			}
			list = append(list, strings.ToLower(w[1]))
			begin = i + 1
		}
	}
	return list, nil
}

// joined makes one query of that for passwords and that for accounts, which may be empty.
func joined(pass, user string) (string, error) {
	p, err := parameters(strings.TrimRight(strings.TrimSpace(pass), ";"))
	if err != nil {
		return "", err
	}
	have, err := columns(p)
	if err != nil {
		return "", err
	}
	if !slices.Contains(have, "password") {
		return "", fmt.Errorf("the query for passwords has no column password")
	}
	list := []string{`@user AS "user"`, "p.password"}
	add := func(from string, have []string, prefix string) {
		for _, name := range []string{"uid", "gid", "home", "mail"} {
			if slices.Contains(have, prefix+name) {
				list = append(list, from+"."+prefix+name+" AS "+name)
			}
		}
	}
	add("p", have, "userdb_")
	if strings.TrimSpace(user) == "" {
		return "SELECT " + strings.Join(list, ", ") + " FROM (" + p + ") AS p", nil
	}
	u, err := parameters(strings.TrimRight(strings.TrimSpace(user), ";"))
	if err != nil {
		return "", err
	}
	more, err := columns(u)
	if err != nil {
		return "", err
	}
	if len(list) == 2 {
		add("u", more, "")
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM (" + p + ") AS p, (" + u + ") AS u", nil
}
