// Package brokertest is an authd for the tests of fronts: real mechanisms, and accounts
// that are a function.
package brokertest

import (
	"context"
	"crypto"
	"errors"

	"fantail/internal/login/broker"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
)

// Door is an Authenticator. It is safe for many goroutines if Check is.
type Door struct {
	// Check answers a password with a grant. Errors are those of package broker.
	Check func(name string, password userdb.Secret) (broker.Grant, error)
	// Code, unless nil, answers a code that accounts need as well as the password.
	Code func(account, code string) error
}

// enabled are the mechanisms: PLAIN, one with two steps, and one that needs a
// certificate, whose name is that of the account.
var enabled = []string{"PLAIN", "LOGIN", "EXTERNAL"}

// Offered implements broker.Authenticator.
func (d Door) Offered(c sasl.Conn) []string { return sasl.Offered(enabled, c) }

// Begin implements broker.Authenticator.
func (d Door) Begin(l broker.Login, mechanism string) broker.Exchange {
	x := &exchange{door: d, login: l}
	server, err := sasl.New(sasl.Config{Enabled: enabled})
	if err != nil {
		panic(err)
	}
	if x.sasl, err = server.Start(mechanism, l.Conn, x); err != nil {
		x.failed = broker.ErrMechanism
	}
	return x
}

// exchange is also the backend of its mechanism.
type exchange struct {
	door   Door
	login  broker.Login
	sasl   *sasl.Exchange
	grant  broker.Grant
	failed error
	code   bool // it is wanted
}

// Next implements broker.Exchange.
func (x *exchange) Next(ctx context.Context, response []byte) ([]byte, *broker.Grant, error) {
	if x.failed != nil {
		return nil, nil, x.failed
	}
	if x.code {
		if err := x.door.Code(x.grant.Account, string(response)); err != nil {
			return nil, nil, err
		}
		return nil, &x.grant, nil
	}
	challenge, done, err := x.sasl.Next(ctx, response)
	switch {
	case errors.Is(err, sasl.ErrAuthzid):
		err = broker.ErrDisabled
	case errors.Is(err, sasl.ErrMalformed):
		err = broker.ErrMalformed
	}
	if err != nil || !done {
		return challenge, nil, err
	}
	if x.door.Code != nil {
		x.code = true
		return nil, nil, broker.ErrCode
	}
	return nil, &x.grant, nil
}

// Cancel implements broker.Exchange.
func (x *exchange) Cancel() {}

// Claimed implements broker.Exchange.
func (x *exchange) Claimed() string { return x.sasl.Claimed() }

// Password implements sasl.Backend.
func (x *exchange) Password(_ context.Context, name string, password userdb.Secret) (string, error) {
	var err error
	if x.grant, err = x.door.Check(name, password); err != nil {
		return "", err
	}
	x.grant.Service = x.login.Service
	return x.grant.Account, nil
}

// Keys implements sasl.Backend.
func (*exchange) Keys(context.Context, crypto.Hash, string) (sasl.Keys, error) {
	return sasl.Keys{}, userdb.ErrWrong
}

// Token implements sasl.Backend.
func (*exchange) Token(context.Context, string, userdb.Secret) (string, error) {
	return "", userdb.ErrWrong
}

// Certificate implements sasl.Backend.
func (x *exchange) Certificate(_ context.Context, name string) (string, error) {
	x.grant = broker.Grant{Service: x.login.Service, Account: name}
	return name, nil
}
