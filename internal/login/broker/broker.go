// Package broker is a front's way from what a client says at its login to a running
// session program of its account.
//
//	front ── Begin, Next … ───────────────► authd      is it who it says?    a Grant
//	front ── Start(Grant, Introduction) ──► sessiond   which passes the client on
//	front ── what the client says, or nothing ───► session program
//
// Where there are such daemons, Authd and Sessiond are the ways to them, over sockets
// on which package wire is spoken (Link); Remote is both. Where everything runs under
// one uid, package own takes their place.
//
// Invariants: a Grant is made by a success of authd's and by nothing else, and is good
// for one session, soon. A session program is of one account and service, and of the
// files (program, configuration) that there were at the login. Nothing here knows a
// password source.
package broker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
)

// Login is what a front knows of a client that wants to log in.
type Login struct {
	Service wire.Service
	Remote  netip.Addr // the zero Addr if it has none
	SID     string     // of the connection, for logs
	Conn    sasl.Conn
}

// Why there is no login. Each error of this package wraps one of them.
var (
	// ErrWrong says that name and password do not belong together, not which of
	// them is wrong.
	ErrWrong = userdb.ErrWrong
	// ErrUnavailable says that it could not be found out, or that the account
	// cannot be opened.
	ErrUnavailable = userdb.ErrUnavailable

	ErrMalformed = errors.New("the client broke the rules of the mechanism")
	ErrMechanism = errors.New("no such mechanism on this connection")
	ErrExpired   = errors.New("the password has expired")
	ErrDisabled  = errors.New("the account may not use this service")
	ErrBusy      = errors.New("too many attempts at once")
)

// Why there is no login yet. An exchange with this error is not over: its next response
// is a code, or the answer of a security key.
var (
	ErrCode      = errors.New("a second factor is wanted as well")
	ErrCodeWrong = fmt.Errorf("%w: the last one was wrong", ErrCode)
)

// SecondFactor is the error of an exchange that waits for a second factor; it wraps ErrCode,
// or ErrCodeWrong.
type SecondFactor struct {
	App     bool   // codes of an app are, too, and not only recovery codes
	Options []byte // JSON for security keys (webauthn.Request); nil: there are none
	again   bool
}

func (s *SecondFactor) Error() string { return s.Unwrap().Error() }

// Unwrap returns ErrCode or ErrCodeWrong.
func (s *SecondFactor) Unwrap() error {
	if s.again {
		return ErrCodeWrong
	}
	return ErrCode
}

// Grant is the right to one session of an account.
type Grant struct {
	Service wire.Service
	Account string // as its source spells it, which need not be what was typed
	Ticket  wire.Ticket
	Remote  netip.Addr // of the client; the zero Addr if it has none
	// IMAPWithout are capabilities that this account is not offered, with commas
	// between them.
	IMAPWithout string
	// POP3Expire is how many days POP3 leaves its mail, or "never"; "" if it does not say.
	POP3Expire string
}

// Authenticator checks who clients are. It is safe for many goroutines.
type Authenticator interface {
	// Offered returns the mechanisms to advertise on a connection, in the order of
	// preference.
	Offered(c sasl.Conn) []string
	// Begin begins an exchange. The first Next says whether there is the mechanism.
	Begin(l Login, mechanism string) Exchange
}

// Exchange is an exchange of SASL (RFC 4422 section 3). It is for one goroutine.
type Exchange interface {
	// Next takes a response of the client; nil at the beginning if it has sent no
	// initial one. It returns a challenge for the client, or the Grant that it has
	// won, or an error; the last two end the exchange, unless the error is ErrCode.
	Next(ctx context.Context, response []byte) (challenge []byte, g *Grant, err error)
	// Cancel ends an exchange that is not over: the client gave it up, or is gone.
	Cancel()
	// Claimed returns whom the client said to be, after a failure; "" if that is not
	// known. It proves nothing, and is for logs.
	Claimed() string
}

// Password logs a client in that says name and password in commands of its protocol,
// which has no place for a code.
func Password(ctx context.Context, a Authenticator, l Login, name string, password userdb.Secret) (*Grant, error) {
	g, x, err := Form(ctx, a, l, name, password)
	if x != nil {
		x.Cancel()
		err = fmt.Errorf("%w: %w", ErrDisabled, err)
	}
	return g, err
}

// Form logs a client in that says name and password in a form, and perhaps a code in
// another one: with ErrCode there is the exchange to go on with, or to Cancel.
func Form(ctx context.Context, a Authenticator, l Login, name string, password userdb.Secret) (*Grant, Exchange, error) {
	if name == "" || password == "" {
		return nil, nil, ErrWrong // RFC 4616 section 2 has no place for them
	}
	x := a.Begin(l, "PLAIN")
	_, g, err := x.Next(ctx, []byte("\x00"+name+"\x00"+string(password)))
	if errors.Is(err, ErrCode) {
		return nil, x, err
	}
	defer x.Cancel()
	if err == nil && g == nil {
		err = fmt.Errorf("%w: a challenge of PLAIN", ErrUnavailable)
	}
	return g, nil, err
}

// Starter starts session programs, or finds them running. It is safe for many
// goroutines.
type Starter interface {
	// Start brings a client to a session program of the account, which has begun with it
	// when Start returns the front's end of the channel. The program may have other
	// connections of the account. The session ends when the channel is closed, unless it
	// has the client's socket. ctx bounds the start, not the session. Errors wrap
	// ErrUnavailable. With all but handover.ErrUnsure no session has the client.
	Start(ctx context.Context, g *Grant, in handover.Introduction) (handover.Channel, error)
}
