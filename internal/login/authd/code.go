package authd

import (
	"context"
	"errors"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/penalty"
	"fantail/internal/login/userdb"
)

// mostCodes is how many codes may be tried with one password.
const mostCodes = 3

// proven goes on after a proof that was right: the exchange is won, unless a code is
// wanted. Only webmail and its pages of security have a place for one; of others the sources see to it.
func (x *Exchange) proven() Step {
	if !x.client.Service.Codes() {
		return x.won()
	}
	wanted, err := x.setup.Accounts.CodeWanted(x.user)
	switch {
	case err != nil:
		return x.codeless(err)
	case !wanted:
		return x.won()
	}
	x.codes = mostCodes
	return Step{Code: true}
}

func (x *Exchange) won() Step {
	x.engine.penalty.Succeeded(x.client.Remote, fold(x.user.Name))
	return Step{Done: true, User: x.user}
}

// code takes a code. One that is wrong counts as a failure, whatever it was: who sends it
// may know the password.
func (x *Exchange) code(ctx context.Context, code string) Step {
	began := x.engine.o.Clock()
	err := x.engine.hold(ctx, x.client.Remote, fold(x.user.Name))
	if err == nil {
		err = x.setup.Accounts.Code(ctx, x.user, userdb.Secret(code))
	}
	switch {
	case err == nil:
		return x.won()
	case !errors.Is(err, userdb.ErrWrong):
		return x.codeless(err)
	}
	x.codes--
	x.engine.penalty.Failed(x.client.Remote, fold(x.user.Name), penalty.Proof{})
	_ = pause(ctx, x.setup.FailureDelay-x.engine.o.Clock().Sub(began)) // an error says that nobody waits
	if x.codes == 0 {
		return Step{Done: true, Failed: wire.Wrong, Claimed: x.user.Name}
	}
	return Step{Code: true, Again: true}
}

// codeless ends an exchange for lack of an answer about codes.
func (x *Exchange) codeless(err error) Step {
	x.engine.o.Log.Log(context.Background(), levelOf(err), "login refused",
		"sid", x.client.SID, "proto", x.client.Service, "remote", x.client.Remote, "user", x.user.Name,
		"mech", "code", "err", err)
	return Step{Done: true, Failed: reasonOf(err), Claimed: x.user.Name}
}
