package authd

import (
	"crypto/rand"
	"sync"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/userdb"
)

const (
	// ticketLife is how long a front may take to show a ticket to sessiond.
	ticketLife = 10 * time.Second
	// mostTickets are those that are out at once. More are not asked for within
	// ticketLife by any number of honest clients.
	mostTickets = 10_000
)

// tickets are those that were given and not redeemed.
type tickets struct {
	clock func() time.Time

	mu  sync.Mutex
	out map[wire.Ticket]issued
	old []wire.Ticket // by age, oldest first; redeemed ones are among them
}

// issued is what a ticket is good for.
type issued struct {
	user    userdb.User
	service wire.Service
	front   fdpass.Peer
	until   time.Time
}

func newTickets(clock func() time.Time) *tickets {
	return &tickets{clock: clock, out: make(map[wire.Ticket]issued)}
}

// issue makes a ticket. It reports false if too many are out.
func (t *tickets) issue(user userdb.User, service wire.Service, front fdpass.Peer) (ticket wire.Ticket, ok bool) {
	rand.Read(ticket[:]) // never fails
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock()
	t.expire(now)
	if len(t.out) >= mostTickets {
		return wire.Ticket{}, false
	}
	t.out[ticket] = issued{user, service, front, now.Add(ticketLife)}
	t.old = append(t.old, ticket)
	return ticket, true
}

// redeem uses a ticket up, whether it fits or not: who guesses has one try.
func (t *tickets) redeem(r *wire.Redeem) (userdb.User, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	got, ok := t.out[r.Ticket]
	delete(t.out, r.Ticket)
	shown := fdpass.Peer{PID: int32(r.PID), UID: r.UID}
	if !ok || t.clock().After(got.until) || got.service != r.Service || got.user.Name != r.Account || got.front != shown {
		return userdb.User{}, false
	}
	return got.user, true
}

// any reports whether a ticket is out.
func (t *tickets) any() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(t.clock())
	return len(t.out) > 0
}

// expire forgets tickets that are too old, and redeemed ones that are oldest.
func (t *tickets) expire(now time.Time) {
	n := 0
	for ; n < len(t.old); n++ {
		if got, ok := t.out[t.old[n]]; ok {
			if !now.After(got.until) {
				break
			}
			delete(t.out, t.old[n])
		}
	}
	t.old = t.old[n:]
}
