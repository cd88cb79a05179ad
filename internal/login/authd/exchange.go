package authd

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"fantail/internal/daemon/metrics"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb"
	"fantail/internal/login/penalty"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
)

var errBusy = errors.New("too many attempts at once")

// Client is who wants to log in.
type Client struct {
	Service wire.Service
	Remote  netip.Addr // the zero Addr if it has none
	SID     string     // for logs
	Conn    sasl.Conn
}

// Exchange is one attempt to log in. It is for one goroutine at a time.
type Exchange struct {
	engine *Engine
	setup  *Setup
	client Client
	sasl   *sasl.Exchange

	user    userdb.User   // whom the backend found last
	proof   penalty.Proof // what was tried, if that is known
	counted bool          // the failure was
	second  *second       // once a second factor is wanted
}

// Step is what an exchange says.
type Step struct {
	Challenge []byte             // for the client, unless Done or
	Second    *wire.FactorWanted // a second factor is wanted, because the password was right
	Done      bool               // the exchange is over:
	User      userdb.User        // it was won,
	Failed    wire.Reason        // or lost, if this is not 0,
	Claimed   string             // by whom, as far as the client has said
}

// Begin begins an exchange. If the mechanism cannot be had the Step says so, and the
// Exchange is nil.
func (e *Engine) Begin(c Client, mechanism string) (*Exchange, Step) {
	x := &Exchange{engine: e, setup: e.setup.Load(), client: c}
	var err error
	if x.sasl, err = x.setup.sasl.Start(mechanism, c.Conn, backend{x}); err != nil {
		return nil, Step{Done: true, Failed: wire.Mechanism}
	}
	return x, Step{}
}

// Next takes a response of the client; nil if it has sent no initial one. When ctx
// ends, it does too.
func (x *Exchange) Next(ctx context.Context, response []byte) Step {
	began := time.Now()
	step := x.next(ctx, response)
	x.engine.o.Metrics.Since(metrics.CheckTime, began)
	if step.Done {
		x.engine.o.Metrics.Inc(metrics.Checks, x.client.Service.String(), outcomes[step.Failed])
	}
	return step
}

// outcomes are how ends of exchanges are counted; others are mistakes of clients.
var outcomes = map[wire.Reason]string{
	0: "ok", wire.Wrong: "wrong", wire.Expired: "refused", wire.Disabled: "refused",
	wire.Busy: "unavailable", wire.Unavailable: "unavailable",
}

func (x *Exchange) next(ctx context.Context, response []byte) Step {
	if x.second != nil {
		return x.code(ctx, response)
	}
	began := x.engine.o.Clock()
	challenge, done, err := x.sasl.Next(ctx, response)
	failure := x.sasl.Failure()
	if failure == nil {
		failure = err
	}
	if failure == nil {
		if done {
			if x.user.Name == "" || x.user.Name != x.sasl.Account() {
				panic("authd: success of " + x.sasl.Mechanism() + " without an account")
			}
			return x.proven()
		}
		return Step{Challenge: challenge}
	}
	x.failed(ctx, failure, began)
	if !done && err == nil {
		return Step{Challenge: challenge} // the mechanism says it to the client first
	}
	return Step{Done: true, Failed: reasonOf(failure), Claimed: x.sasl.Claimed()}
}

// Cancel ends an exchange because of the client.
func (x *Exchange) Cancel() {
	// One who hangs up at the word that says he is wrong has failed.
	if err := x.sasl.Cancel(); errors.Is(err, userdb.ErrWrong) {
		x.count(err)
	}
}

// failed counts a failure, and delays what is said of it.
func (x *Exchange) failed(ctx context.Context, err error, began time.Time) {
	if x.counted {
		return
	}
	x.count(err)
	if errors.Is(err, userdb.ErrWrong) {
		// An error says that nobody waits for the answer.
		_ = pause(ctx, x.setup.FailureDelay-x.engine.o.Clock().Sub(began))
	}
}

func (x *Exchange) count(err error) {
	if x.counted {
		return
	}
	x.counted = true
	if errors.Is(err, userdb.ErrWrong) {
		x.engine.penalty.Failed(x.client.Remote, fold(x.sasl.Claimed()), x.proof)
		return
	}
	x.engine.o.Log.Log(context.Background(), levelOf(err), "login refused",
		"sid", x.client.SID, "proto", x.client.Service, "remote", x.client.Remote, "user", x.sasl.Claimed(),
		"mech", x.sasl.Mechanism(), "err", err)
}

// Redeem uses a ticket up and returns whom it is for.
func (e *Engine) Redeem(ctx context.Context, r *wire.Redeem) (wire.Account, error) {
	user, ok := e.tickets.redeem(r)
	if !ok {
		return wire.Account{}, errTicket
	}
	a, err := e.setup.Load().Accounts.Resolve(ctx, user)
	if err != nil {
		return wire.Account{}, fmt.Errorf("account %s: %w", user.Name, err)
	}
	return a, nil
}

var errTicket = errors.New("no such ticket")

// backend is what the mechanism of an exchange asks.
type backend struct{ x *Exchange }

func (b backend) query(name string) passdb.Query {
	return passdb.Query{Name: name, Service: b.x.client.Service, Remote: b.x.client.Remote}
}

// hold makes an attempt wait for its turn.
func (b backend) hold(ctx context.Context, name string) error {
	return b.x.engine.hold(ctx, b.x.client.Remote, fold(name))
}

func (b backend) found(user userdb.User, err error) (string, error) {
	if err != nil {
		return "", err
	}
	b.x.user = user
	return user.Name, nil
}

// Password implements sasl.Backend.
func (b backend) Password(ctx context.Context, name string, password userdb.Secret) (string, error) {
	if err := b.hold(ctx, name); err != nil {
		return "", err
	}
	b.x.proof = b.x.engine.proof(fold(name), password)
	return b.found(b.x.setup.Accounts.Password(ctx, b.query(name), password))
}

// Keys implements sasl.Backend.
func (b backend) Keys(ctx context.Context, hash crypto.Hash, name string) (sasl.Keys, error) {
	if err := b.hold(ctx, name); err != nil {
		return sasl.Keys{}, err
	}
	keys, user, err := b.x.setup.Accounts.Keys(ctx, b.query(name), hash)
	b.x.user = user
	return keys, err
}

// Token implements sasl.Backend.
func (b backend) Token(ctx context.Context, name string, token userdb.Secret) (string, error) {
	if err := b.hold(ctx, name); err != nil {
		return "", err
	}
	b.x.proof = b.x.engine.proof(fold(name), token)
	return b.found(b.x.setup.Accounts.Token(ctx, b.query(name), token))
}

// Certificate implements sasl.Backend.
func (b backend) Certificate(ctx context.Context, name string) (string, error) {
	return b.found(b.x.setup.Accounts.Certificate(ctx, b.query(name)))
}
