package broker

import (
	"context"
	"errors"
	"fmt"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
)

// ErrTicket says that a ticket is good for nothing, or not for that, or not for the
// one who showed it.
var ErrTicket = errors.New("the ticket is good for nothing")

// Start is what a front says to bring a connection to the session of a Grant.
func (g *Grant) Start(p handover.Passage) *wire.Start {
	return &wire.Start{Service: g.Service, Account: g.Account, Ticket: g.Ticket, Remote: g.Remote, Passage: p}
}

// RedeemAll is Redeem for several tickets that a front has shown together.
func RedeemAll(ctx context.Context, authd *Link, list []*wire.Start, front fdpass.Peer) ([]*wire.Account, error) {
	accounts := make([]*wire.Account, len(list))
	for i, s := range list {
		var err error
		if accounts[i], err = Redeem(ctx, authd, s, front); err != nil {
			return nil, err
		}
	}
	return accounts, nil
}

// Redeem asks authd whose ticket it is that a front has shown. Its errors wrap
// ErrTicket or say why authd could not be asked.
func Redeem(ctx context.Context, authd *Link, s *wire.Start, front fdpass.Peer) (*wire.Account, error) {
	talk, err := authd.Talk(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach authd: %w", err)
	}
	answer, err := talk.Ask(ctx, &wire.Redeem{
		Service: s.Service, Account: s.Account, Ticket: s.Ticket,
		PID: uint32(front.PID), UID: front.UID,
	})
	if err != nil {
		return nil, fmt.Errorf("ask authd: %w", err)
	}
	switch answer := answer.(type) {
	case *wire.Account:
		if answer.Name != s.Account {
			return nil, fmt.Errorf("authd gives %s the ticket of %s", answer.Name, s.Account)
		}
		return answer, nil
	case *wire.Denied:
		return nil, ErrTicket
	}
	return nil, fmt.Errorf("authd said %q to a ticket", answer.Kind())
}
