package authd

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/metrics"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb"
	"fantail/internal/login/passdb/apppw"
	"fantail/internal/login/passdb/factor"
	"fantail/internal/login/penalty"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
	"fantail/internal/login/webauthn"
)

// Accounts are the sources of passwords. Their errors wrap userdb.ErrWrong, which an
// unknown name is too, userdb.ErrUnavailable, passdb.ErrExpired
// or passdb.ErrDisabled; of a wrong
// guess they tell only the first, in the same time whatever is wrong.
type Accounts interface {
	Password(ctx context.Context, q passdb.Query, password userdb.Secret) (userdb.User, error)
	// Keys returns the SCRAM keys of an account. Where there are none the error
	// wraps ErrWrong, and the keys may have the account's name (sasl.Backend).
	Keys(ctx context.Context, q passdb.Query, hash crypto.Hash) (sasl.Keys, userdb.User, error)
	Token(ctx context.Context, q passdb.Query, token userdb.Secret) (userdb.User, error)
	Certificate(ctx context.Context, q passdb.Query) (userdb.User, error)
	// Factors returns what an account logs in to webmail with besides its password.
	Factors(user userdb.User) (passdb.Wanted, error)
	// Code uses a code of an account up. The error may wrap passdb.ErrLater, too.
	Code(ctx context.Context, user userdb.User, code userdb.Secret) error
	// Key takes the response of a security key of an account to a challenge.
	Key(ctx context.Context, user userdb.User, c webauthn.Challenge, response []byte) error
	// Lookup returns the account of a name, of whom nobody has proven anything, for mail
	// that comes in. The error may wrap userdb.ErrUnknown.
	Lookup(ctx context.Context, name string) (userdb.User, error)
	// Resolve completes an account whose name was proven: everything that a session
	// needs, also what the source of the password does not say.
	Resolve(ctx context.Context, user userdb.User) (wire.Account, error)
}

// Setup is what the configuration decides, and a reload changes.
type Setup struct {
	Accounts Accounts
	SASL     sasl.Config
	// AppPasswords and Factors are what people change of how they log in; nil where they
	// cannot.
	AppPasswords *apppw.Store
	Factors      *factor.Store
	// Plaintext says from where passwords may travel without TLS to a mail server.
	Plaintext conf.Plaintext
	// FailureDelay is how long the answer to a wrong attempt takes at least,
	// whatever the check took.
	FailureDelay time.Duration

	sasl *sasl.Server
}

// Options say how an Engine works.
type Options struct {
	Metrics *metrics.Set
	Log     *slog.Logger
	Clock   func() time.Time // nil: time.Now
}

// Engine checks logins, for whoever speaks to it. It is safe for many goroutines.
type Engine struct {
	o       Options
	penalty *penalty.Table
	tickets *tickets
	permits *permits
	secret  [32]byte // of proofs
	setup   atomic.Pointer[Setup]

	mailServers connections

	mu      sync.Mutex // guards what follows
	conns   map[*conn]struct{}
	waiting map[netip.Addr]int // attempts that a penalty holds up, by source
}

// mostWaiting is how many attempts of one source may wait for a penalty at once.
// A guesser gains nothing by asking more at a time.
const mostWaiting = 8

// New returns an Engine. The error is of the Setup.
func New(o Options, setup Setup) (*Engine, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	e := &Engine{
		o:       o,
		penalty: penalty.New(penalty.Options{Clock: o.Clock}),
		tickets: newTickets(o.Clock),
		permits: newPermits(o.Clock),
		conns:   make(map[*conn]struct{}),
		waiting: make(map[netip.Addr]int),
	}
	rand.Read(e.secret[:]) // never fails
	return e, e.Configure(setup)
}

// Configure changes the setup. Exchanges that have begun end with the old one;
// penalties and tickets stay. After an error nothing has changed.
func (e *Engine) Configure(setup Setup) error {
	var err error
	if setup.sasl, err = sasl.New(setup.SASL); err != nil {
		return err
	}
	e.setup.Store(&setup)
	e.mu.Lock()
	defer e.mu.Unlock()
	for c := range e.conns {
		go c.offer()
	}
	return nil
}

// proof stands for a password that was tried.
func (e *Engine) proof(account string, password userdb.Secret) penalty.Proof {
	h := hmac.New(sha256.New, e.secret[:])
	h.Write([]byte(account))
	h.Write([]byte{0})
	h.Write([]byte(password))
	return penalty.Proof(h.Sum(nil)[:len(penalty.Proof{})])
}

// hold waits as long as the penalty of a source and account asks for.
func (e *Engine) hold(ctx context.Context, from netip.Addr, account string) error {
	d := e.penalty.Wait(from, account)
	if d == 0 {
		return nil
	}
	if !e.enter(from) {
		return errBusy
	}
	defer e.leave(from)
	return pause(ctx, d)
}

func (e *Engine) enter(from netip.Addr) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.waiting[from] >= mostWaiting {
		return false
	}
	e.waiting[from]++
	return true
}

func (e *Engine) leave(from netip.Addr) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.waiting[from]--; e.waiting[from] == 0 {
		delete(e.waiting, from)
	}
}

// pause waits, or returns why ctx has ended.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fold makes one account of the spellings of its name, for penalties.
func fold(name string) string { return strings.ToLower(name) }
