package authd

import (
	"bytes"
	"context"
	"errors"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb"
	"fantail/internal/login/penalty"
	"fantail/internal/login/userdb"
	"fantail/internal/login/webauthn"
)

// mostCodes is how many codes, or answers of security keys, may be tried with one password.
const mostCodes = 3

// second is what an exchange knows of the second factor that it waits for.
type second struct {
	wanted    passdb.Wanted
	left      int                // tries
	challenge webauthn.Challenge // for security keys: of this try
}

// proven goes on after a proof that was right: the exchange is won, unless a second factor
// is wanted. Only webmail and its pages of security have a place for one; of others the
// sources see to it.
func (x *Exchange) proven() Step {
	if !x.client.Service.Codes() {
		return x.won()
	}
	wanted, err := x.setup.Accounts.Factors(x.user)
	switch {
	case err != nil:
		return x.codeless(err)
	case !wanted.Any():
		return x.won()
	}
	x.second = &second{wanted: wanted, left: mostCodes}
	return x.second.ask(false)
}

// ask asks for the second factor, with a challenge of its own.
func (s *second) ask(again bool) Step {
	asks := &wire.FactorWanted{Again: again, App: s.wanted.App}
	if len(s.wanted.Keys) > 0 {
		s.challenge = webauthn.NewChallenge()
		asks.Options = webauthn.Request(s.challenge, s.wanted.Keys)
	}
	return Step{Second: asks}
}

func (x *Exchange) won() Step {
	x.engine.penalty.Succeeded(x.client.Remote, fold(x.user.Name))
	return Step{Done: true, User: x.user}
}

// code takes a code, or the answer of a security key. One that is wrong counts as a failure,
// whatever it was: who sends it may know the password.
func (x *Exchange) code(ctx context.Context, response []byte) Step {
	began := x.engine.o.Clock()
	err := x.engine.hold(ctx, x.client.Remote, fold(x.user.Name))
	if err == nil {
		err = x.try(ctx, response)
	}
	switch {
	case err == nil:
		return x.won()
	case !errors.Is(err, userdb.ErrWrong):
		return x.codeless(err)
	}
	if errors.Is(err, webauthn.ErrRefused) {
		x.engine.o.Log.Warn("security key refused", "sid", x.client.SID, "proto", x.client.Service,
			"remote", x.client.Remote, "user", x.user.Name, "err", err)
	}
	x.second.left--
	x.engine.penalty.Failed(x.client.Remote, fold(x.user.Name), penalty.Proof{})
	_ = pause(ctx, x.setup.FailureDelay-x.engine.o.Clock().Sub(began)) // an error says that nobody waits
	if x.second.left == 0 {
		return Step{Done: true, Failed: wire.Wrong, Claimed: x.user.Name}
	}
	return x.second.ask(true)
}

// try checks what came. A challenge is good for what comes next, and for nothing else.
func (x *Exchange) try(ctx context.Context, response []byte) error {
	if !bytes.HasPrefix(response, []byte("{")) {
		return x.setup.Accounts.Code(ctx, x.user, userdb.Secret(response))
	}
	if len(x.second.wanted.Keys) == 0 {
		return userdb.ErrWrong
	}
	return x.setup.Accounts.Key(ctx, x.user, x.second.challenge, response)
}

// codeless ends an exchange for lack of an answer about codes.
func (x *Exchange) codeless(err error) Step {
	x.engine.o.Log.Log(context.Background(), levelOf(err), "login refused",
		"sid", x.client.SID, "proto", x.client.Service, "remote", x.client.Remote, "user", x.user.Name,
		"mech", "code", "err", err)
	return Step{Done: true, Failed: reasonOf(err), Claimed: x.user.Name}
}
