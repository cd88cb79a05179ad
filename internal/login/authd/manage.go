package authd

import (
	"crypto/rand"
	"errors"
	"sync"
	"time"
	"unicode/utf8"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb/apppw"
	"fantail/internal/login/passdb/totp"
	"fantail/internal/login/userdb"
)

// People change their app passwords and their second factor by a front that has shown, a
// short time ago, the ticket of a login to the service Security: their own password, and a
// code where one is wanted. The ticket becomes a permit, for that account and that process
// alone, and for permitLife.

const (
	permitLife = 10 * time.Minute
	// mostPermits are those that are out at once.
	mostPermits = 1000
)

// permits are those that are out.
type permits struct {
	clock func() time.Time

	mu  sync.Mutex
	out map[wire.Ticket]permit
}

// permit is the right to change how an account logs in.
type permit struct {
	user  userdb.User
	front fdpass.Peer
	until time.Time
}

func newPermits(clock func() time.Time) *permits {
	return &permits{clock: clock, out: make(map[wire.Ticket]permit)}
}

// issue makes a permit. It reports false if too many are out.
func (p *permits) issue(user userdb.User, front fdpass.Peer) (name wire.Ticket, ok bool) {
	rand.Read(name[:]) // never fails
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock()
	for old, is := range p.out {
		if now.After(is.until) {
			delete(p.out, old)
		}
	}
	if len(p.out) >= mostPermits {
		return wire.Ticket{}, false
	}
	p.out[name] = permit{user, front, now.Add(permitLife)}
	return name, true
}

// of returns whose permit that is, if it is that front's.
func (p *permits) of(name wire.Ticket, account string, front fdpass.Peer) (userdb.User, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	is, ok := p.out[name]
	if !ok || p.clock().After(is.until) || is.front != front || is.user.Name != account {
		return userdb.User{}, false
	}
	return is.user, true
}

// errPermit says that there is no such permit.
var errPermit = errors.New("no such permit")

// errNoKeeping says that nothing can be changed here.
var errNoKeeping = errors.New("there is no place for app passwords and second factors")

// manage does what a front asks.
func (s *conn) manage(m *wire.Manage) wire.Message {
	out, err := s.managed(m)
	if err == nil {
		return out
	}
	reason, told := wire.Unavailable, false
	for is, r := range map[error]wire.Reason{
		errPermit: wire.NoTicket, errTickets: wire.Busy,
		totp.ErrCode: wire.Wrong, totp.ErrNone: wire.Malformed, totp.ErrActive: wire.Malformed,
		apppw.ErrMost: wire.Busy, apppw.ErrLabel: wire.Malformed, apppw.ErrScope: wire.Malformed, apppw.ErrNone: wire.Malformed,
	} {
		if errors.Is(err, is) {
			reason, told = r, true
		}
	}
	if !told {
		s.log.Error("cannot change how an account logs in", "user", m.Account, "err", err)
	}
	return &wire.Failure{Reason: reason, Name: m.Account}
}

func (s *conn) managed(m *wire.Manage) (*wire.Managed, error) {
	setup := s.engine.setup.Load()
	if setup.AppPasswords == nil || setup.Factors == nil {
		return nil, errNoKeeping
	}
	if m.Verb == wire.Unlock {
		user, ok := s.engine.tickets.redeem(&wire.Redeem{Service: wire.Security, Account: m.Account, Ticket: m.Permit, PID: uint32(s.Peer.PID), UID: s.Peer.UID})
		if !ok {
			return nil, errPermit
		}
		name, ok := s.engine.permits.issue(user, s.Peer.Peer)
		if !ok {
			return nil, errTickets
		}
		out, err := look(setup, user)
		if err == nil {
			out.Permit = name
		}
		return out, err
	}
	user, ok := s.engine.permits.of(m.Permit, m.Account, s.Peer.Peer)
	if !ok {
		return nil, errPermit
	}
	secrets, err := change(setup, user, m)
	if err != nil {
		return nil, err
	}
	if m.Verb != wire.Look {
		s.log.Info("changed how an account logs in", "user", user.Name, "verb", verbs[m.Verb], "id", m.ID)
	}
	out, err := look(setup, user)
	if err != nil {
		return nil, err
	}
	for _, secret := range secrets {
		out.Secrets = append(out.Secrets, string(secret))
	}
	return out, nil
}

// verbs are the names of changes in the log.
var verbs = map[wire.Verb]string{
	wire.AddPassword: "add app password", wire.RevokePassword: "revoke app password", wire.BeginCodes: "begin second factor",
	wire.ConfirmCodes: "confirm second factor", wire.RenewRecovery: "renew recovery codes", wire.EndCodes: "end second factor",
}

// change does what is asked, and returns what is told once.
func change(setup *Setup, user userdb.User, m *wire.Manage) ([]userdb.Secret, error) {
	factor, _, err := factorOf(setup.Factors, user)
	if err != nil && !errors.Is(err, totp.ErrNone) {
		return nil, err
	}
	switch m.Verb {
	case wire.AddPassword:
		_, secret, err := setup.AppPasswords.Add(user.Name, m.Label, m.Services...)
		return []userdb.Secret{secret}, err
	case wire.RevokePassword:
		return nil, revoke(setup.AppPasswords, user, m.ID)
	case wire.BeginCodes:
		key, err := setup.Factors.Begin(factor)
		return []userdb.Secret{key.Secret(), key.URI(m.Label)}, err
	case wire.ConfirmCodes:
		return setup.Factors.Confirm(factor, m.Code)
	case wire.RenewRecovery:
		return setup.Factors.Renew(factor)
	case wire.EndCodes:
		return nil, setup.Factors.Remove(factor)
	}
	return nil, nil // Look
}

// revoke ends an app password, whichever of the account's names it is kept under.
func revoke(store *apppw.Store, user userdb.User, id string) (err error) {
	for _, name := range user.Names() {
		if err = store.Revoke(name, id); !errors.Is(err, apppw.ErrNone) {
			return err
		}
	}
	return err
}

// factorOf returns the name under which an account's second factor is or would be kept. The
// error may be totp.ErrNone.
func factorOf(store *totp.Store, user userdb.User) (name string, is totp.Status, err error) {
	for _, name := range user.Names() {
		is, err := store.Status(name)
		if !errors.Is(err, totp.ErrNone) {
			return name, is, err
		}
	}
	return user.Name, totp.Status{}, totp.ErrNone
}

// look tells how an account logs in.
func look(setup *Setup, user userdb.User) (*wire.Managed, error) {
	out := &wire.Managed{}
	_, is, err := factorOf(setup.Factors, user)
	if err != nil && !errors.Is(err, totp.ErrNone) {
		return nil, err
	}
	out.Codes, out.Pending, out.Recovery = err == nil && is.Active, err == nil && !is.Active, uint8(is.Recovery)
	for _, name := range user.Names() {
		list, err := setup.AppPasswords.List(name)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			if len(out.Passwords) < apppw.Most {
				out.Passwords = append(out.Passwords, wire.AppPassword{ID: p.ID, Label: short(p.Label), Services: p.Services, Created: uint32(p.Created), Used: uint32(p.Used)})
			}
		}
	}
	return out, nil
}

// short is a label as far as it is told.
func short(label string) string {
	const most = 100
	for len(label) > most {
		_, n := utf8.DecodeLastRuneInString(label)
		label = label[:len(label)-n]
	}
	return label
}
