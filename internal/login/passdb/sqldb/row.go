package sqldb

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fantail/internal/login/userdb"
)

// record is a row.
type record struct {
	user     userdb.User
	password userdb.Secret // "" if it has none
	disabled bool
}

// columns are what a query may have, in any order and case. The first two it must have.
var columns = []string{"user", "password", "uid", "gid", "home", "mail", "quota", "disabled"}

// checkColumns wants each to be known, once.
func checkColumns(names []string) error {
	var found []string
	for _, n := range names {
		n = strings.ToLower(n)
		if !slices.Contains(columns, n) || slices.Contains(found, n) {
			return fmt.Errorf("the query's column %.40q is none of %s, or stands there twice", n, strings.Join(columns, ", "))
		}
		found = append(found, n)
	}
	for _, n := range columns[:2] {
		if !slices.Contains(found, n) {
			return fmt.Errorf("the query has no column %q", n)
		}
	}
	return nil
}

// truths are the values of the column disabled.
var truths = map[string]bool{
	"": false, "0": false, "f": false, "false": false, "n": false, "no": false,
	"1": true, "t": true, "true": true, "y": true, "yes": true,
}

var errDisabled = errors.New("the column disabled is neither true nor false")

// read reads a row. NULL is nothing said.
func read(names []string, cells []sql.NullString) (record, error) {
	value := func(column string) string {
		i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, column) })
		if i < 0 {
			return ""
		}
		return cells[i].String
	}
	disabled, ok := truths[strings.ToLower(value("disabled"))]
	if !ok {
		return record{}, errDisabled
	}
	user, err := userdb.Described{Name: value("user"), UID: value("uid"), GID: value("gid"), Home: value("home"), Mail: value("mail"), Quota: value("quota")}.User()
	if err != nil {
		return record{}, err
	}
	return record{user, userdb.Secret(value("password")), disabled}, nil
}
