package broker

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
)

// Gatherer starts one session program for several accounts of one user.
type Gatherer interface {
	// Together is Starter.Start for them.
	Together(ctx context.Context, m *wire.Together, in handover.Introduction) (handover.Channel, error)
}

// Deliveries are what who delivers mail has behind it.
type Deliveries interface {
	// Locate returns the account of a name. Errors wrap userdb.ErrUnknown, ErrDisabled
	// or ErrUnavailable.
	Locate(ctx context.Context, name string) (*wire.Located, error)
	// Open returns a connection to a session program of the service LMTP, of one account
	// or, together, of several that have one user; at most wire.MostTogether. Errors are
	// those of Locate.
	Open(ctx context.Context, accounts []string, hello handover.Hello) (handover.Channel, error)
}

// Delivery is the way to authd and sessiond for who delivers mail. It is safe for many
// goroutines.
type Delivery struct {
	authd *Link
	start interface {
		Starter
		Gatherer
	}
}

// NewDelivery returns the way by a link to authd and a starter of sessions.
func NewDelivery(authd *Link, start interface {
	Starter
	Gatherer
}) *Delivery {
	return &Delivery{authd, start}
}

// Locate implements Deliveries.
func (d *Delivery) Locate(ctx context.Context, name string) (*wire.Located, error) {
	return d.locate(ctx, &wire.Locate{Name: name})
}

func (d *Delivery) locate(ctx context.Context, ask *wire.Locate) (*wire.Located, error) {
	m, err := d.ask(ctx, ask)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	switch m := m.(type) {
	case *wire.Located:
		return m, nil
	case *wire.Failure:
		return nil, failures[m.Reason]
	}
	return nil, fmt.Errorf("%w: authd said %q", ErrUnavailable, m.Kind())
}

func (d *Delivery) ask(ctx context.Context, ask *wire.Locate) (wire.Message, error) {
	_, m, err := d.authd.Begin(ctx, ask)
	return m, err
}

// Open implements Deliveries.
func (d *Delivery) Open(ctx context.Context, accounts []string, hello handover.Hello) (handover.Channel, error) {
	in := handover.Introduction{Hello: hello}
	all := wire.Together{Service: wire.LMTP}
	for _, name := range accounts {
		l, err := d.locate(ctx, &wire.Locate{Name: name, Ticket: true})
		if err != nil {
			return nil, err
		}
		all.Accounts = append(all.Accounts, wire.Holder{Account: l.Account, Ticket: l.Ticket})
	}
	if len(all.Accounts) == 1 {
		one := all.Accounts[0]
		return d.start.Start(ctx, &Grant{Service: wire.LMTP, Account: one.Account, Ticket: one.Ticket}, in)
	}
	return d.start.Together(ctx, &all, in)
}

// RemoteDelivery is a Delivery by daemons that run by themselves.
type RemoteDelivery struct {
	*Delivery
	sessiond *Sessiond
}

// NewRemoteDelivery returns the way to daemons whose sockets are in a directory. It
// connects to none yet.
func NewRemoteDelivery(dir string) *RemoteDelivery {
	s := NewSessiond(DialPath(filepath.Join(dir, SocketSession)))

	return &RemoteDelivery{NewDelivery(NewLink(DialPath(filepath.Join(dir, SocketDeliver)), nil), s), s}
}

// Ready reports why authd and sessiond cannot be reached, if they cannot.
func (r *RemoteDelivery) Ready(ctx context.Context) error {
	err := r.authd.Connect(ctx)
	if err != nil {
		err = fmt.Errorf("reach authd: %w", err)
	}
	return errors.Join(err, r.sessiond.Ready(ctx))
}

// Check is Ready within a few seconds.
func (r *RemoteDelivery) Check(wire.Service) error {
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	return r.Ready(ctx)
}

// Interrupt does nothing: a delivery is over soon.
func (r *RemoteDelivery) Interrupt() {}

// Shutdown ends the connections to the daemons.
func (r *RemoteDelivery) Shutdown(context.Context) error {
	return errors.Join(r.authd.Close(), r.sessiond.Close())
}
