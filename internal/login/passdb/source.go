package passdb

import (
	"context"
	"crypto"

	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
	"fantail/internal/login/webauthn"
)

// Source is one source of accounts and their passwords. Its methods are called by
// many goroutines, and return soon after ctx ends. Their errors wrap
// userdb.ErrUnknown, which means that this source has no such account and the next
// one is to be asked, userdb.ErrWrong, userdb.ErrUnavailable, ErrExpired or
// ErrDisabled; any other is unavailable.
type Source interface {
	// Name is the source's in auth.sources and in logs.
	Name() string
	// Password returns the account called q.Name if that is its password.
	Password(ctx context.Context, q Query, password userdb.Secret) (userdb.User, error)
	// Lookup returns the account called name, of whom nobody has proven anything.
	Lookup(ctx context.Context, name string) (userdb.User, error)
	// Check reports why the source cannot be asked, if it cannot.
	Check(ctx context.Context) error
}

// Keyed is a Source that has keys for SCRAM (RFC 5802 section 3).
type Keyed interface {
	// Keys returns those of an account. An account without any is ErrWrong, and the
	// keys have its name.
	Keys(ctx context.Context, q Query, hash crypto.Hash) (sasl.Keys, userdb.User, error)
}

// Bearer is a Source that knows whose a bearer token is (RFC 6750).
type Bearer interface {
	Token(ctx context.Context, q Query, token userdb.Secret) (userdb.User, error)
}

// Certified is a Source that knows who may log in without the password, by a verified
// certificate with the name q.Name. Of other sources every account may.
type Certified interface {
	Certificate(ctx context.Context, q Query) (userdb.User, error)
}

// Decoy is a Source that can do the work of a check without an account, so that a
// name that nobody knows costs what a wrong password costs.
type Decoy interface {
	Decoy(ctx context.Context, q Query, password userdb.Secret)
}

// Wanted is what an account logs in to webmail with besides its password: one of these,
// or a recovery code. The zero Wanted is nothing.
type Wanted struct {
	App  bool                  // codes of an authenticator app
	Keys []webauthn.Credential // security keys and passkeys
}

// Any reports whether anything is wanted.
func (w Wanted) Any() bool { return w.App || len(w.Keys) > 0 }

// Second is the second factor of accounts, by their names as their sources have them.
type Second interface {
	// Wanted returns what an account has.
	Wanted(account string) (Wanted, error)
	// Verify reports whether a code is one of the account's, and uses it up. The error
	// says that this could not be found out; it may wrap ErrLater.
	Verify(ctx context.Context, account, code string) (bool, error)
	// VerifyKey reports whether a response to a challenge is of a key of the account's. The
	// error says that this could not be found out, or wraps webauthn.ErrRefused, and says
	// what is wrong with it.
	VerifyKey(ctx context.Context, account string, c webauthn.Challenge, response []byte) (bool, error)
}

// Preferred are app passwords: what accounts log in with that are in a source of their
// own.
type Preferred interface {
	// Owner returns the account of which password is an app password for q.Service, in
	// lower case; "" if there is none. It may have other names, and what q.Name is at the
	// sources only they know. The error says that this could not be found out.
	Owner(q Query, password userdb.Secret) (account string, err error)
}
