package webfront

import (
	"context"
	"errors"
	"fmt"
	"net"

	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
)

// Broker is an Entrance over the interfaces of package broker.
type Broker struct {
	Authenticator broker.Authenticator
	Starter       broker.Starter
	Manager       broker.Manager
}

// Enter implements Entrance.
func (b Broker) Enter(ctx context.Context, name, password string, from net.Addr) (Account, error) {
	login := broker.Login{Service: wire.Webmail, Remote: addressOf(from), SID: sidOf(ctx), Conn: sasl.Conn{TLS: true}}
	host := "local"
	if login.Remote.IsValid() {
		host = login.Remote.String()
	}
	grant, more, err := broker.Form(ctx, b.Authenticator, login, name, userdb.Secret(password))
	switch {
	case more != nil:
		return nil, &FactorWanted[Account]{newSecond(more, err, func(_ context.Context, g *broker.Grant) (Account, error) {
			return granted{b.Starter, g, host}, nil
		})}
	case errors.Is(err, broker.ErrWrong):
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	case err != nil:
		return nil, err
	}
	return granted{b.Starter, grant, host}, nil
}

// Unlock implements Entrance.
func (b Broker) Unlock(ctx context.Context, account, name, password string, from net.Addr) (Vault, error) {
	login := broker.Login{Service: wire.Security, Remote: addressOf(from), SID: sidOf(ctx), Conn: sasl.Conn{TLS: true}}
	open := func(ctx context.Context, g *broker.Grant) (Vault, error) { return b.vault(ctx, account, g) }
	grant, more, err := broker.Form(ctx, b.Authenticator, login, name, userdb.Secret(password))
	switch {
	case more != nil:
		return nil, &FactorWanted[Vault]{newSecond(more, err, open)}
	case errors.Is(err, broker.ErrWrong):
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	case err != nil:
		return nil, err
	}
	return open(ctx, grant)
}

// vault makes a grant for the service of security a permit.
func (b Broker) vault(ctx context.Context, account string, g *broker.Grant) (Vault, error) {
	if g == nil || g.Account != account {
		return nil, fmt.Errorf("%w: that is another account", ErrRefused)
	}
	m, err := b.Manager.Manage(ctx, &wire.Manage{Permit: g.Ticket, Account: account, Verb: wire.Unlock})
	if err != nil {
		return nil, err
	}
	return vault{b.Manager, account, m.Permit}, nil
}

// vault is a Vault by a permit of authd.
type vault struct {
	manager broker.Manager
	account string
	permit  wire.Ticket
}

// Change implements Vault.
func (v vault) Change(ctx context.Context, m wire.Manage) (*wire.Managed, error) {
	m.Permit, m.Account = v.permit, v.account
	return v.manager.Manage(ctx, &m)
}

// second is a Second over an exchange.
type second[T any] struct {
	exchange broker.Exchange
	asks     Asks
	open     func(context.Context, *broker.Grant) (T, error)
}

// newSecond returns a Second for an exchange that has ended with why, for now.
func newSecond[T any](x broker.Exchange, why error, open func(context.Context, *broker.Grant) (T, error)) *second[T] {
	s := &second[T]{exchange: x, open: open, asks: Asks{App: true}}
	s.learn(why)
	return s
}

// learn takes what is asked for from an error of the exchange.
func (s *second[T]) learn(err error) {
	var wants *broker.SecondFactor
	if errors.As(err, &wants) {
		s.asks = Asks{App: wants.App, Options: string(wants.Options)}
	}
}

// Asks implements Second.
func (s *second[T]) Asks() Asks { return s.asks }

// Enter implements Second.
func (s *second[T]) Enter(ctx context.Context, answer string) (nothing T, err error) {
	_, grant, err := s.exchange.Next(ctx, []byte(answer))
	s.learn(err)
	switch {
	case errors.Is(err, broker.ErrCode):
		return nothing, fmt.Errorf("%w: %w", ErrCode, err)
	case errors.Is(err, broker.ErrWrong):
		return nothing, fmt.Errorf("%w: %w", ErrRefused, err)
	case err != nil:
		return nothing, err
	case grant == nil:
		return nothing, fmt.Errorf("%w: a challenge after a code", broker.ErrUnavailable)
	}
	return s.open(ctx, grant)
}

// Cancel implements Second.
func (s *second[T]) Cancel() { s.exchange.Cancel() }

// granted is an Account that somebody has proved to own.
type granted struct {
	starter broker.Starter
	grant   *broker.Grant
	remote  string
}

func (g granted) Name() string { return g.grant.Account }

func (g granted) Connect(ctx context.Context, sid string) (net.Conn, error) {
	hello := handover.Hello{SID: sid, Remote: g.remote, TLS: true}
	return g.starter.Start(ctx, g.grant, handover.Introduction{Hello: hello})
}
