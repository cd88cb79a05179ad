package nss

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fantail/internal/login/userdb"
)

// Accounts are the users of the system that may have mail. Root, and whoever has a uid
// below First, is not among them: nobody can find out a password of theirs here.
type Accounts struct {
	DB    *DB
	First uint32
}

// Lookup returns the account called name. A name that the system does not know as it is
// spelled is looked for in lower case, as in a passwd-file. The error wraps
// userdb.ErrUnknown or userdb.ErrUnavailable.
func (a Accounts) Lookup(ctx context.Context, name string) (userdb.User, error) {
	u, err := a.DB.User(ctx, name)
	if lower := strings.ToLower(name); errors.Is(err, userdb.ErrUnknown) && lower != name {
		u, err = a.DB.User(ctx, lower)
	}
	if err != nil {
		return userdb.User{}, err
	}
	if u.UID == 0 || u.UID < a.First {
		return userdb.User{}, fmt.Errorf("%w: the uid of %s is below that of accounts", userdb.ErrUnknown, u.Name)
	}
	return userdb.User{Name: u.Name, UID: int(u.UID), GID: int(u.GID), Home: u.Home, System: true}, nil
}
