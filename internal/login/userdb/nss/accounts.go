package nss

import (
	"context"
	"crypto/rand"
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
	u, _, err := a.Look(ctx, name)
	return u, err
}

// Look is Lookup, and says whether the answer was one that is kept. Then whoever refuses
// the account takes the time of a question (Ask), or it would tell that there is one:
// the answer that there is none is never kept.
func (a Accounts) Look(ctx context.Context, name string) (user userdb.User, kept bool, err error) {
	_, kept = look(a.DB, a.DB.users, name)
	user, err = a.look(ctx, name)
	return user, kept, err
}

// Ask asks the system for a name that nobody has, another one each time.
func (a Accounts) Ask(ctx context.Context) {
	_, _ = a.DB.entry(ctx, "passwd", a.DB.passwd, "x"+strings.ToLower(rand.Text()))
}

func (a Accounts) look(ctx context.Context, name string) (userdb.User, error) {
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
