// Package passdb checks passwords against the hashes of a passwd-file
// (userdb.File).
//
// What a caller learns is one of three things: the account, ErrWrong (which
// says not whether the name or the password was wrong), or ErrUnavailable. A
// hash that cannot be checked is unavailable, never accepted; the error names
// the account and the scheme, for the log of the caller.
//
// An unknown name costs the same time as a known one: it is checked against
// the hash of some other account, always the same one for the same name, so
// that a file with several schemes gives nothing away either. How much hashing
// there is at once Hashing bounds, for all sources together.
//
// authd's engine asks a Chain; package scheme knows the hashes.
package passdb

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"

	"fantail/internal/login/passdb/scheme"
	"fantail/internal/login/userdb"
)

// The answers that are not an account.
var (
	ErrWrong       = userdb.ErrWrong
	ErrUnavailable = userdb.ErrUnavailable
)

// Secret is a password; it never shows in a log.
type Secret = userdb.Secret

// MaxPassword is the longest password that is checked, in octets.
const MaxPassword = scheme.MaxPassword

// DB checks passwords. It is safe for many goroutines.
type DB struct {
	file    *userdb.File
	seed    maphash.Seed // which decoy belongs to which unknown name
	hashing *Hashing
}

// New returns a DB for the accounts of file.
func New(file *userdb.File, hashing *Hashing) *DB {
	return &DB{file, maphash.MakeSeed(), hashing}
}

// Verify returns the account called q.Name if password is its password. Its
// errors wrap ErrWrong or ErrUnavailable; it is unavailable too when ctx ends
// before the check could begin.
func (d *DB) Verify(ctx context.Context, q Query, password Secret) (userdb.User, error) {
	name := q.Name
	record, err := d.file.Record(name)
	known := err == nil
	switch {
	case errors.Is(err, userdb.ErrUnknown):
		record.Password = d.decoy(name)
	case err != nil:
		return userdb.User{}, err
	}
	ok, err := d.hashing.Match(ctx, q.Remote, record.Password, password)
	switch {
	case !known && ctx.Err() == nil:
		return userdb.User{}, ErrWrong
	case err != nil:
		return userdb.User{}, fmt.Errorf("%w: check the password of %s: %w", ErrUnavailable, name, err)
	case !ok:
		return userdb.User{}, ErrWrong
	case record.Refused != nil:
		return userdb.User{}, fmt.Errorf("%w: account %s: %w", ErrUnavailable, name, record.Refused)
	}
	return record.User, nil
}

// Check reports why the file cannot be read, if it cannot.
func (d *DB) Check() error { return d.file.Check() }

// decoy is the field that stands for the one of a name that is not there.
func (d *DB) decoy(name string) Secret {
	return d.file.Decoy(maphash.String(d.seed, strings.ToLower(name)))
}
