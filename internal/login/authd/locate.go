package authd

import (
	"context"
	"errors"
	"time"

	"fantail/internal/login/broker/wire"
)

// errTickets says that nobody gets a ticket for now.
var errTickets = errors.New("too many tickets are out")

// locateTime is how long it may take to find an account.
const locateTime = 20 * time.Second

// locate answers one Locate. What a ticket is good for that is given here takes mail, and
// tells none.
func (s *conn) locate(id uint32, m *wire.Locate) {
	answer, err := s.located(m)
	if err != nil {
		reason := reasonOf(err)
		s.log.Log(s.Context(), levelOf(err), "account not located", "user", m.Name, "err", err)
		s.tell(id, &wire.Failure{Reason: reason, Name: m.Name})
		return
	}
	s.tell(id, answer)
}

func (s *conn) located(m *wire.Locate) (*wire.Located, error) {
	ctx, cancel := context.WithTimeout(s.Context(), locateTime)
	defer cancel()
	accounts := s.engine.setup.Load().Accounts
	user, err := accounts.Lookup(ctx, m.Name)
	if err != nil {
		return nil, err
	}
	a, err := accounts.Resolve(ctx, user)
	if err != nil {
		return nil, err
	}
	answer := &wire.Located{Account: user.Name, UID: a.UID}
	if m.Ticket {
		var ok bool
		if answer.Ticket, ok = s.engine.tickets.issue(user, wire.LMTP, s.Peer.Peer); !ok {
			return nil, errTickets
		}
	}
	return answer, nil
}
