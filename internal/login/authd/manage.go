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
	"fantail/internal/login/passdb/factor"
	"fantail/internal/login/userdb"
	"fantail/internal/login/webauthn"
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
	key   *newKey // that was asked for last, until it is answered
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
	p.out[name] = permit{user: user, front: front, until: now.Add(permitLife)}
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

// await remembers what a new key must answer. There is one at a time.
func (p *permits) await(name wire.Ticket, k *newKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if is, ok := p.out[name]; ok {
		is.key = k
		p.out[name] = is
	}
}

// awaited returns what a new key must answer, once; nil if nothing was asked for.
func (p *permits) awaited(name wire.Ticket) *newKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	is, ok := p.out[name]
	if !ok || is.key == nil {
		return nil
	}
	k := is.key
	is.key = nil
	p.out[name] = is
	return k
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
		factor.ErrCode: wire.Wrong, factor.ErrNone: wire.Malformed, factor.ErrActive: wire.Malformed,
		factor.ErrMost: wire.Busy, factor.ErrLabel: wire.Malformed, factor.ErrKnown: wire.Malformed, factor.ErrNoKey: wire.Malformed,
		webauthn.ErrRefused: wire.Wrong, webauthn.ErrOrigin: wire.Mechanism, errNotAsked: wire.Malformed,
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
	var secrets []userdb.Secret
	var err error
	switch m.Verb {
	case wire.BeginKey:
		return s.engine.beginKey(setup, user, m)
	case wire.ConfirmKey:
		secrets, err = s.engine.confirmKey(setup, user, m)
	default:
		secrets, err = change(setup, user, m)
	}
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
	wire.ConfirmKey: "add security key", wire.RemoveKey: "remove security key",
}

// change does what is asked, and returns what is told once.
func change(setup *Setup, user userdb.User, m *wire.Manage) ([]userdb.Secret, error) {
	kept, _, err := factorOf(setup.Factors, user)
	if err != nil && !errors.Is(err, factor.ErrNone) {
		return nil, err
	}
	switch m.Verb {
	case wire.AddPassword:
		_, secret, err := setup.AppPasswords.Add(user.Name, m.Label, m.Services...)
		return []userdb.Secret{secret}, err
	case wire.RevokePassword:
		return nil, revoke(setup.AppPasswords, user, m.ID)
	case wire.BeginCodes:
		key, err := setup.Factors.Begin(kept)
		return []userdb.Secret{key.Typed(), key.URI(m.Label)}, err
	case wire.ConfirmCodes:
		return setup.Factors.Confirm(kept, m.Code)
	case wire.RenewRecovery:
		return setup.Factors.Renew(kept)
	case wire.EndCodes:
		return nil, setup.Factors.RemoveApp(kept)
	case wire.RemoveKey:
		return nil, setup.Factors.RemoveKey(kept, m.ID)
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
// error may be factor.ErrNone.
func factorOf(store *factor.Store, user userdb.User) (name string, is factor.Status, err error) {
	for _, name := range user.Names() {
		is, err := store.Status(name)
		if !errors.Is(err, factor.ErrNone) {
			return name, is, err
		}
	}
	return user.Name, factor.Status{}, factor.ErrNone
}

// look tells how an account logs in.
func look(setup *Setup, user userdb.User) (*wire.Managed, error) {
	out := &wire.Managed{}
	_, is, err := factorOf(setup.Factors, user)
	if err != nil && !errors.Is(err, factor.ErrNone) {
		return nil, err
	}
	out.Codes, out.Pending, out.Recovery = is.App, is.Pending, uint8(is.Recovery)
	for _, k := range is.Keys {
		out.Keys = append(out.Keys, wire.SecurityKey{ID: k.ID, Label: k.Label, Origin: k.Credential.Origin, Created: dayOf(k.Created), Used: dayOf(k.Used)})
	}
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

// dayOf is the number of a day from the first of January 1970; 0 if it is zero.
func dayOf(day time.Time) uint32 {
	if day.IsZero() {
		return 0
	}
	return uint32(day.Unix() / (24 * 60 * 60))
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
