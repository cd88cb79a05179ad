package authd

import (
	"errors"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb/factor"
	"fantail/internal/login/userdb"
	"fantail/internal/login/webauthn"
)

// newKey is a security key that was asked for: what it must answer, and where.
type newKey struct {
	challenge webauthn.Challenge
	party     webauthn.Party
	user      webauthn.User
}

// errNotAsked says that nobody waits for the answer of a new key.
var errNotAsked = errors.New("no new security key was asked for")

// beginKey returns what a page asks a browser for a new key with. The origin is what the
// front says that its page has; the browser's word for it comes with the answer, and both
// must be the same.
func (e *Engine) beginKey(setup *Setup, user userdb.User, m *wire.Manage) (*wire.Managed, error) {
	party, err := webauthn.PartyOf(m.Label)
	if err != nil {
		return nil, err
	}
	kept, _, err := factorOf(setup.Factors, user)
	if err != nil && !errors.Is(err, factor.ErrNone) {
		return nil, err
	}
	who, has, err := setup.Factors.User(kept)
	if err != nil {
		return nil, err
	}
	if len(has) >= factor.MostKeys {
		return nil, factor.ErrMost
	}
	k := &newKey{webauthn.NewChallenge(), party, who}
	e.permits.await(m.Permit, k)
	return &wire.Managed{Options: webauthn.Creation(k.challenge, party, who, has)}, nil
}

// confirmKey keeps a new key that has answered.
func (e *Engine) confirmKey(setup *Setup, user userdb.User, m *wire.Manage) ([]userdb.Secret, error) {
	k := e.permits.awaited(m.Permit)
	if k == nil {
		return nil, errNotAsked
	}
	made, err := webauthn.Register(m.Response, k.challenge, k.party)
	if err != nil {
		e.o.Log.Warn("new security key refused", "user", user.Name, "err", err)
		return nil, err
	}
	kept, _, err := factorOf(setup.Factors, user)
	if err != nil && !errors.Is(err, factor.ErrNone) {
		return nil, err
	}
	return setup.Factors.AddKey(kept, m.Label, k.user, made)
}
