package passdb

import (
	"context"
	"crypto"
	"errors"

	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
)

// File is a passwd-file as a Source.
type File struct {
	db    *DB
	decoy sasl.Decoy
}

// NewFile returns the Source of a passwd-file. decoy salts the SCRAM keys of accounts
// whose password is there in plain text; without a secret it gives no keys.
func NewFile(file *userdb.File, hashing *Hashing, decoy sasl.Decoy) File {
	return File{New(file, hashing), decoy}
}

// Name implements Source.
func (File) Name() string { return "passwd-file" }

// Password implements Source.
func (f File) Password(ctx context.Context, q Query, password userdb.Secret) (userdb.User, error) {
	if _, err := f.db.file.Record(q.Name); errors.Is(err, userdb.ErrUnknown) {
		return userdb.User{}, err
	}
	return f.db.Verify(ctx, q, password)
}

// Decoy implements Decoy.
func (f File) Decoy(ctx context.Context, q Query, password userdb.Secret) {
	_, _ = f.db.Verify(ctx, q, password) // it is known to be wrong
}

// Keys implements Keyed. For a name that is not there it does the work of one that is.
// An account that may not log in has none: to say why would be to say that it exists.
func (f File) Keys(ctx context.Context, q Query, hash crypto.Hash) (sasl.Keys, userdb.User, error) {
	r, err := f.db.file.Record(q.Name)
	switch {
	case errors.Is(err, userdb.ErrUnknown):
		// Nobody has these keys.
		_, _ = f.db.hashing.Keys(ctx, q.Remote, f.db.decoy(q.Name), hash, q.Name, f.decoy)
		return sasl.Keys{}, userdb.User{}, err
	case err != nil:
		return sasl.Keys{}, userdb.User{}, err
	}
	keys, err := f.db.hashing.Keys(ctx, q.Remote, r.Password, hash, r.Name, f.decoy)
	if err == nil && r.Refused != nil {
		keys, err = sasl.Keys{Account: r.Name}, ErrWrong
	}
	if err != nil {
		return keys, userdb.User{}, err
	}
	return keys, r.User, nil
}

// Lookup implements Source.
func (f File) Lookup(_ context.Context, name string) (userdb.User, error) {
	r, err := f.db.file.Record(name)
	if err != nil {
		return userdb.User{}, err
	}
	if r.Refused != nil {
		return userdb.User{}, errors.Join(ErrUnavailable, r.Refused)
	}
	return r.User, nil
}

// Check implements Source.
func (f File) Check(context.Context) error { return f.db.Check() }
