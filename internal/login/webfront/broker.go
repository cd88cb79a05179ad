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
	login := broker.Login{Service: wire.Webmail, Remote: addressOf(from), Conn: sasl.Conn{TLS: true}}
	host := "local"
	if login.Remote.IsValid() {
		host = login.Remote.String()
	}
	grant, more, err := broker.Form(ctx, b.Authenticator, login, name, userdb.Secret(password))
	switch {
	case more != nil:
		return nil, &CodeWanted{codes{b.Starter, more, host}}
	case errors.Is(err, broker.ErrWrong):
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	case err != nil:
		return nil, err
	}
	return granted{b.Starter, grant, host}, nil
}

// Unlock implements Entrance.
func (b Broker) Unlock(ctx context.Context, account, name, password, code string, from net.Addr) (Vault, error) {
	login := broker.Login{Service: wire.Security, Remote: addressOf(from), Conn: sasl.Conn{TLS: true}}
	grant, more, err := broker.Form(ctx, b.Authenticator, login, name, userdb.Secret(password))
	if more != nil {
		defer more.Cancel()
		if code == "" {
			return nil, &CodeWanted{}
		}
		_, grant, err = more.Next(ctx, []byte(code))
	}
	switch {
	case errors.Is(err, broker.ErrCode):
		return nil, fmt.Errorf("%w: %w", ErrCode, err)
	case errors.Is(err, broker.ErrWrong):
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	case err != nil:
		return nil, err
	case grant == nil || grant.Account != account:
		return nil, fmt.Errorf("%w: that is another account", ErrRefused)
	}
	m, err := b.Manager.Manage(ctx, &wire.Manage{Permit: grant.Ticket, Account: account, Verb: wire.Unlock})
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

// codes are Codes over an exchange.
type codes struct {
	starter  broker.Starter
	exchange broker.Exchange
	remote   string
}

// Enter implements Codes.
func (c codes) Enter(ctx context.Context, code string) (Account, error) {
	_, grant, err := c.exchange.Next(ctx, []byte(code))
	switch {
	case errors.Is(err, broker.ErrCode):
		return nil, fmt.Errorf("%w: %w", ErrCode, err)
	case errors.Is(err, broker.ErrWrong):
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	case err != nil:
		return nil, err
	case grant == nil:
		return nil, fmt.Errorf("%w: a challenge after a code", broker.ErrUnavailable)
	}
	return granted{c.starter, grant, c.remote}, nil
}

// Cancel implements Codes.
func (c codes) Cancel() { c.exchange.Cancel() }

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
