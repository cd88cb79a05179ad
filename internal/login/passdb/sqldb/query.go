package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"fantail/internal/login/userdb"
)

// query is the administrator's query. Its parameters are @user, the name, @local, what
// stands before its last "@", and @domain, what stands behind; SQLite knows this form,
// and for PostgreSQL they become $1 and so on.
type query struct {
	text       string
	parameters []string // in the order of their numbers
	named      bool     // text has their names, not numbers
	original   string
}

// maxQuery is the longest query, in octets.
const maxQuery = 16 << 10

// parseQuery reads a query. One without a parameter would find the same account for
// every name.
func parseQuery(text string) (query, error) {
	if len(text) > maxQuery {
		return query{}, fmt.Errorf("longer than %d octets", maxQuery)
	}
	known := pgx.NamedArgs{"user": "user", "local": "local", "domain": "domain"}
	numbered, parameters, err := known.RewriteQuery(context.Background(), nil, text, nil)
	if err != nil {
		return query{}, err
	}
	q := query{text: numbered, original: text}
	for _, p := range parameters {
		name, ok := p.(string)
		if !ok {
			return query{}, errors.New("a parameter is none of @user, @local, @domain")
		}
		q.parameters = append(q.parameters, name)
	}
	if len(q.parameters) == 0 {
		return query{}, errors.New("it has none of the parameters @user, @local, @domain")
	}
	return q, nil
}

// forSQLite returns the same query with the names of its parameters.
func (q query) forSQLite() query {
	q.text, q.named = q.original, true
	return q
}

// values are the parameters for a name. The error wraps userdb.ErrUnknown: nobody can
// have the name, or it has no domain and the query wants one.
func (q query) values(name string) ([]any, error) {
	if err := userdb.CheckName(name); err != nil {
		return nil, fmt.Errorf("%w: %w", userdb.ErrUnknown, err)
	}
	parts := map[string]string{"user": name, "local": name}
	if at := strings.LastIndexByte(name, '@'); at >= 0 {
		parts["local"], parts["domain"] = name[:at], name[at+1:]
	}
	values := make([]any, len(q.parameters))
	for i, p := range q.parameters {
		switch {
		case parts[p] == "":
			return nil, fmt.Errorf("%w: the name has no %s", userdb.ErrUnknown, p)
		case q.named:
			values[i] = sql.Named(p, parts[p])
		default:
			values[i] = parts[p]
		}
	}
	return values, nil
}
