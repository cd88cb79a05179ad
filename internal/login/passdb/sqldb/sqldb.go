// Package sqldb asks a database for accounts and their passwords: PostgreSQL, or a file
// of SQLite.
//
// The administrator writes one query, which gets the parts of the name as parameters,
// and says by the names of its columns what it knows (row.go). query.go has the
// parameters. The password's hash is compared here, like one of the passwd-file.
//
// Invariants:
//   - A name is only ever a parameter; no text of SQL is made of it.
//   - The query can read and not write: the session is read-only.
//   - Two rows for a name, and a row that cannot be understood, are unavailable, never
//     an account and never a wrong password.
//   - No error has the source, where a password may be, or a hash.
package sqldb

import (
	"context"
	"crypto"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/passdb"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
)

const (
	queryTime = 10 * time.Second
	mostConns = 4
	idleLife  = 1 * time.Minute // of a connection that nobody uses
	connLife  = 1 * time.Hour   // of any: a database may have moved
)

// DB is a database as a passdb.Source.
type DB struct {
	db      *sql.DB
	query   query
	hashing *passdb.Hashing
	salts   sasl.Decoy

	decoy atomic.Value // the field of some account, userdb.Secret
}

// New returns the database of the settings. It connects to nothing yet. salts is as for
// passdb.NewFile.
func New(s conf.SQLSettings, hashing *passdb.Hashing, salts sasl.Decoy) (*DB, error) {
	d := &DB{hashing: hashing, salts: salts}
	var err error
	if d.query, err = parseQuery(s.Query); err != nil {
		return nil, fmt.Errorf("auth.sql_query: %w", err)
	}
	source := s.Source
	if s.SourceFile != "" {
		if source != "" {
			return nil, errors.New("both auth.sql_source and auth.sql_source_file are set")
		}
		secret, err := userdb.ReadSecret(s.SourceFile)
		if err != nil {
			return nil, fmt.Errorf("auth.sql_source_file: %w", err)
		}
		source = string(secret)
	}
	switch s.Driver {
	case conf.SQLPostgreSQL:
		d.db, err = openPostgreSQL(source)
	case conf.SQLSQLite:
		d.query = d.query.forSQLite()
		d.db, err = openSQLite(source)
	default:
		return nil, errors.New("auth.sql_driver is not set")
	}
	if err != nil {
		return nil, err
	}
	d.db.SetMaxOpenConns(mostConns)
	d.db.SetMaxIdleConns(mostConns)
	d.db.SetConnMaxIdleTime(idleLife)
	d.db.SetConnMaxLifetime(connLife)
	return d, nil
}

func openPostgreSQL(source string) (*sql.DB, error) {
	c, err := pgx.ParseConfig(source)
	if err != nil || source == "" {
		return nil, errors.New("the source is no connection string of PostgreSQL") // err may quote a password
	}
	c.ConnectTimeout = queryTime
	c.RuntimeParams["default_transaction_read_only"] = "on"
	c.RuntimeParams["application_name"] = "fantail"
	return stdlib.OpenDB(*c), nil
}

func openSQLite(path string) (*sql.DB, error) {
	if !filepath.IsAbs(path) {
		return nil, errors.New("the source is not the absolute path of a file of SQLite")
	}
	source := url.URL{Scheme: "file", Path: path, RawQuery: "mode=ro&_query_only=1&_busy_timeout=5000"}
	return sql.Open("sqlite", source.String())
}

// Name implements passdb.Source.
func (*DB) Name() string { return "sql" }

// find asks for a name. Its errors wrap userdb.ErrUnknown or userdb.ErrUnavailable.
func (d *DB) find(ctx context.Context, name string) (record, error) {
	values, err := d.query.values(name)
	if err != nil {
		return record{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	r, err := d.ask(ctx, values)
	switch {
	case errors.Is(err, userdb.ErrUnknown):
		return record{}, err
	case err != nil:
		return record{}, fmt.Errorf("%w: account %s: %w", userdb.ErrUnavailable, name, err)
	}
	if r.password != "" {
		d.decoy.Store(r.password)
	}
	return r, nil
}

// ask runs the query, for one row.
func (d *DB) ask(ctx context.Context, values []any) (r record, err error) {
	rows, err := d.db.QueryContext(ctx, d.query.text, values...)
	if err != nil {
		return record{}, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err == nil {
		err = checkColumns(columns)
	}
	if err != nil {
		return record{}, err
	}
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return record{}, err
		}
		return record{}, userdb.ErrUnknown
	}
	cells := make([]sql.NullString, len(columns))
	places := make([]any, len(columns))
	for i := range cells {
		places[i] = &cells[i]
	}
	if err := rows.Scan(places...); err != nil {
		return record{}, errors.New("a column is no text, number or truth value") // err may quote a hash
	}
	if rows.Next() {
		return record{}, errors.New("the query has more than one row")
	}
	if err := rows.Err(); err != nil {
		return record{}, err
	}
	return read(columns, cells)
}

// Password implements passdb.Source.
func (d *DB) Password(ctx context.Context, q passdb.Query, password userdb.Secret) (userdb.User, error) {
	r, err := d.find(ctx, q.Name)
	if err != nil {
		return userdb.User{}, err
	}
	ok, err := d.hashing.Match(ctx, q.Remote, r.password, password)
	switch {
	case err != nil:
		return userdb.User{}, fmt.Errorf("%w: check the password of %s: %w", userdb.ErrUnavailable, r.user.Name, err)
	case !ok:
		return userdb.User{}, userdb.ErrWrong
	case r.disabled:
		return userdb.User{}, passdb.ErrDisabled
	}
	return r.user, nil
}

// Keys implements passdb.Keyed, as passdb.File does.
func (d *DB) Keys(ctx context.Context, q passdb.Query, hash crypto.Hash) (sasl.Keys, userdb.User, error) {
	r, err := d.find(ctx, q.Name)
	switch {
	case errors.Is(err, userdb.ErrUnknown):
		// Nobody has these keys.
		_, _ = d.hashing.Keys(ctx, q.Remote, d.pretended(), hash, q.Name, d.salts)
		return sasl.Keys{}, userdb.User{}, err
	case err != nil:
		return sasl.Keys{}, userdb.User{}, err
	}
	keys, err := d.hashing.Keys(ctx, q.Remote, r.password, hash, r.user.Name, d.salts)
	if err == nil && r.disabled {
		keys, err = sasl.Keys{Account: r.user.Name}, userdb.ErrWrong
	}
	if err != nil {
		return keys, userdb.User{}, err
	}
	return keys, r.user, nil
}

// Lookup implements passdb.Source. An account that is disabled is passdb.ErrDisabled:
// who asks for it has another proof.
func (d *DB) Lookup(ctx context.Context, name string) (userdb.User, error) {
	r, err := d.find(ctx, name)
	if err == nil && r.disabled {
		err = passdb.ErrDisabled
	}
	if err != nil {
		return userdb.User{}, err
	}
	return r.user, nil
}

// Decoy implements passdb.Decoy: it does the work of the account that was found last.
func (d *DB) Decoy(ctx context.Context, q passdb.Query, password userdb.Secret) {
	_, _ = d.hashing.Match(ctx, q.Remote, d.pretended(), password) // nobody's password
}

func (d *DB) pretended() userdb.Secret {
	field, _ := d.decoy.Load().(userdb.Secret) // "" if nobody was found yet
	return field
}

// Check implements passdb.Source: it asks for an account that is unlikely to be there.
func (d *DB) Check(ctx context.Context) error {
	if _, err := d.find(ctx, "nobody@invalid"); !errors.Is(err, userdb.ErrUnknown) {
		return err
	}
	return nil
}

// Close closes the connections.
func (d *DB) Close() error { return d.db.Close() }
