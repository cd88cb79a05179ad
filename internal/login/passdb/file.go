package passdb

import (
	"context"
	"errors"

	"fantail/internal/login/userdb"
)

// File is a passwd-file as a Source.
type File struct{ db *DB }

// NewFile returns the Source of a passwd-file.
func NewFile(file *userdb.File) File { return File{New(file)} }

// Name implements Source.
func (File) Name() string { return "passwd-file" }

// Password implements Source.
func (f File) Password(ctx context.Context, q Query, password userdb.Secret) (userdb.User, error) {
	if _, err := f.db.file.Record(q.Name); errors.Is(err, userdb.ErrUnknown) {
		return userdb.User{}, err
	}
	return f.db.Verify(ctx, q.Name, password)
}

// Decoy implements Decoy.
func (f File) Decoy(ctx context.Context, q Query, password userdb.Secret) {
	_, _ = f.db.Verify(ctx, q.Name, password) // it is known to be wrong
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
