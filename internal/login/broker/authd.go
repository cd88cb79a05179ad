package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
)

// failures are the errors by the reasons that authd and sessiond give.
var failures = map[wire.Reason]error{
	wire.Wrong:       ErrWrong,
	wire.Unavailable: ErrUnavailable,
	wire.Malformed:   ErrMalformed,
	wire.Mechanism:   ErrMechanism,
	wire.Expired:     ErrExpired,
	wire.Disabled:    ErrDisabled,
	wire.Busy:        ErrBusy,
	wire.NoTicket:    ErrUnavailable,
	wire.Unknown:     userdb.ErrUnknown,
	wire.Unsure:      handover.ErrUnsure,
}

// Authd is the way to authd. It is safe for many goroutines.
type Authd struct {
	link    *Link
	enabled atomic.Pointer[[]string]
	offered chan struct{} // closed at the first Offer
	once    sync.Once
}

// NewAuthd returns the way to an authd that dial connects to.
func NewAuthd(dial func(context.Context) (*fdpass.Conn, error)) *Authd {
	a := &Authd{offered: make(chan struct{})}
	a.link = NewLink(dial, a.told)
	return a
}

func (a *Authd) told(m wire.Message) {
	if o, ok := m.(*wire.Offer); ok {
		a.enabled.Store(&o.Mechanisms)
		a.once.Do(func() { close(a.offered) })
	}
}

// Close ends the connection to authd.
func (a *Authd) Close() error { return a.link.Close() }

// Link returns the connection, for who has other things to ask.
func (a *Authd) Link() *Link { return a.link }

// Ready waits until authd has said which mechanisms there are, or returns why it
// cannot be reached.
func (a *Authd) Ready(ctx context.Context) error {
	err := a.link.Connect(ctx)
	if err == nil {
		select {
		case <-a.offered:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("reach authd: %w", err)
	}
	return nil
}

// Offered implements Authenticator. It goes by what authd has said last.
func (a *Authd) Offered(c sasl.Conn) []string {
	if e := a.enabled.Load(); e != nil {
		return sasl.Offered(*e, c)
	}
	return nil
}

// exchange is an Exchange with authd.
type exchange struct {
	login     Login
	mechanism string
	talk      *Talk // from the first Next
	link      *Link
	over      bool
	claimed   string
}

// Begin implements Authenticator.
func (a *Authd) Begin(l Login, mechanism string) Exchange {
	return &exchange{login: l, mechanism: mechanism, link: a.link}
}

// Next implements Exchange.
func (x *exchange) Next(ctx context.Context, response []byte) (challenge []byte, g *Grant, err error) {
	m, err := x.ask(ctx, response)
	if err != nil {
		x.Cancel()
		return nil, nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	switch m := m.(type) {
	case *wire.Challenge:
		return m.Data, nil, nil
	case *wire.FactorWanted:
		return nil, nil, &SecondFactor{App: m.App, Options: m.Options, again: m.Again}
	case *wire.Success:
		x.over = true
		return nil, &Grant{Service: x.login.Service, Account: m.Account, Ticket: m.Ticket, Remote: x.login.Remote, IMAPWithout: m.Without, POP3Expire: m.Expire}, nil
	case *wire.Failure:
		x.over, x.claimed = true, m.Name
		return nil, nil, failures[m.Reason]
	}
	x.over = true
	return nil, nil, fmt.Errorf("%w: authd said %q", ErrUnavailable, m.Kind())
}

// ask asks authd.
func (x *exchange) ask(ctx context.Context, response []byte) (wire.Message, error) {
	if x.over {
		panic("broker: an exchange that is over")
	}
	if x.talk == nil {
		var m wire.Message
		var err error
		x.talk, m, err = x.link.Begin(ctx, &wire.Begin{
			Service: x.login.Service, Remote: x.login.Remote, SID: x.login.SID, Mechanism: x.mechanism,
			TLS: x.login.Conn.TLS, Clear: x.login.Conn.Clear, Certificate: x.login.Conn.Certificate,
			Exporter: x.login.Conn.Bindings[sasl.BindingExporter], Endpoint: x.login.Conn.Bindings[sasl.BindingEndPoint],
			HasInitial: response != nil, Initial: response,
		})
		return m, err
	}
	return x.talk.Ask(ctx, &wire.Continue{Response: response})
}

// Cancel implements Exchange.
func (x *exchange) Cancel() {
	if x.talk != nil && !x.over {
		// An error says that authd is gone, and the exchange with it.
		_ = x.talk.Tell(&wire.Cancel{})
	}
	x.over = true
}

// Claimed implements Exchange.
func (x *exchange) Claimed() string { return x.claimed }

// Manager changes how accounts log in. It is safe for many goroutines.
type Manager interface {
	// Manage asks for one change. Errors wrap ErrWrong, ErrMalformed, ErrMechanism, ErrBusy or
	// ErrUnavailable; ErrLocked says that there is no such permit any more.
	Manage(ctx context.Context, m *wire.Manage) (*wire.Managed, error)
}

// ErrLocked says that a password must be given again.
var ErrLocked = errors.New("the permit is over")

// Manage implements Manager.
func (a *Authd) Manage(ctx context.Context, m *wire.Manage) (*wire.Managed, error) {
	_, answer, err := a.link.Begin(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	switch answer := answer.(type) {
	case *wire.Managed:
		return answer, nil
	case *wire.Failure:
		if answer.Reason == wire.NoTicket {
			return nil, ErrLocked
		}
		return nil, failures[answer.Reason]
	}
	return nil, fmt.Errorf("%w: authd said %q", ErrUnavailable, answer.Kind())
}
