package front

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"fantail/internal/daemon/metrics"
	imap "fantail/internal/imap/wire"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
	"fantail/internal/pop3"
)

// session is a session program to which a client is handed over.
type session struct {
	conn    handover.Channel
	account string
	given   bool  // it has the client's socket
	in      int64 // octets of the client that it got with the login
}

// refused is what a client is told of a login that failed, in either protocol.
type refused struct {
	err   error
	text  string
	imap  string // response code (RFC 5530 section 3)
	bad   bool   // IMAP's BAD, not NO
	pop3  pop3.Code
	level slog.Level // in our log
	count string     // how it is counted
}

// refusals is the table, the first that fits.
var refusals = []refused{
	{broker.ErrWrong, "Wrong name or password.", imap.CodeAuthenticationFailed, false, pop3.AuthFailed, slog.LevelInfo, "wrong"},
	{broker.ErrExpired, "The password has expired.", imap.CodeExpired, false, pop3.AuthFailed, slog.LevelInfo, "refused"},
	{broker.ErrDisabled, "That account is not to be used so.", imap.CodeAuthorizationFailed, false, pop3.AuthFailed, slog.LevelInfo, "refused"},
	{broker.ErrMalformed, "That is not how the mechanism goes.", "", true, pop3.NoCode, slog.LevelInfo, "other"},
	{broker.ErrMechanism, "That mechanism is not offered.", "", false, pop3.NoCode, slog.LevelDebug, "other"},
	{broker.ErrBusy, "Too many attempts at once, please try again later.", imap.CodeLimit, false, pop3.SysTemp, slog.LevelInfo, "unavailable"},
	{broker.ErrUnavailable, "Login is not possible now, please try again later.", imap.CodeUnavailable, false, pop3.SysTemp, slog.LevelError, "unavailable"},
}

func refusalOf(err error) refused {
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return r
		}
	}
	return refusals[len(refusals)-1]
}

// loginError is a login that failed.
type loginError struct {
	refused
	last bool // there is no further attempt
}

func (e *loginError) Error() string { return e.err.Error() }
func (e *loginError) Unwrap() error { return e.err }

// login is what the broker is told of the client.
func (c *client) login() broker.Login {
	return broker.Login{Service: c.service(), Remote: c.addr, SID: c.sid, Conn: c.saslConn()}
}

func (c *client) service() wire.Service {
	service, ok := wire.ServiceOf(c.protocol.name)
	if !ok {
		panic("front: " + c.protocol.name + " is no service")
	}
	return service
}

// saslConn is what mechanisms want to know of the connection.
func (c *client) saslConn() sasl.Conn {
	return sasl.Conn{
		TLS: c.secure(), Clear: !c.secure() && c.mayLogIn(),
		Bindings: c.bindings, Certificate: c.certificate,
	}
}

// mechanisms are those that the client is offered.
func (c *client) mechanisms() []string { return c.front.o.Auth.Offered(c.saslConn()) }

// password logs a client in that has said name and password in commands of its
// protocol, which is all there is to converse about.
func (c *client) password(name string, password userdb.Secret, command string) (*broker.Grant, error) {
	if !c.mayLogIn() {
		panic("front: a password in the clear")
	}
	ctx, cancel := context.WithDeadline(context.Background(), c.deadline())
	defer cancel()
	c.checked = time.Now()
	grant, err := broker.Password(ctx, c.front.o.Auth, c.login(), name, password)
	if err != nil {
		return nil, c.lost(err, name, command)
	}
	return grant, nil
}

// authenticate takes the client through an exchange of SASL. initial is its initial
// response, nil if there is none; converse sends it a challenge and returns its
// response. An error of converse ends the exchange and is returned as it is; any other
// one is a *loginError.
func (c *client) authenticate(mechanism string, initial []byte, converse func(challenge []byte) ([]byte, error)) (*broker.Grant, error) {
	ctx, cancel := context.WithDeadline(context.Background(), c.deadline())
	defer cancel()
	x := c.front.o.Auth.Begin(c.login(), mechanism)
	defer x.Cancel()
	response := initial
	for {
		c.checked = time.Now()
		challenge, grant, err := x.Next(ctx, response)
		switch {
		case err != nil:
			return nil, c.lost(err, x.Claimed(), mechanism)
		case grant != nil:
			return grant, nil
		}
		if response, err = converse(challenge); err != nil {
			return nil, err
		}
	}
}

// lost says in the log that a login has failed, and what the client is told.
func (c *client) lost(err error, name, mechanism string) error {
	e := &loginError{refused: refusalOf(err)}
	c.front.o.Metrics.Inc(metrics.Logins, mechanism, e.count)
	if e.err == broker.ErrWrong {
		broker.Login{Service: c.service(), Remote: c.addr, SID: c.sid, Conn: sasl.Conn{TLS: c.secure()}}.Failed(c.front.o.Log, name, mechanism)
		c.attempts++
		e.last = c.attempts >= maxAttempts
		return e
	}
	c.log.Log(context.Background(), e.level, "login impossible", "user", name, "mech", mechanism, "tls", c.secure(), "err", err)
	return e
}

// admit starts the session of a client that has logged in. It answers the command
// called tag (or the only one there can be, if tag is ""), and gets ahead, what the
// client sent behind it. An error is a *loginError.
func (c *client) admit(grant *broker.Grant, mechanism, tag string, ahead []byte) (*session, error) {
	ctx, cancel := context.WithDeadline(context.Background(), c.deadline())
	defer cancel()
	ses, err := c.start(ctx, grant, tag, ahead)
	if err != nil {
		return nil, c.lost(errors.Join(broker.ErrUnavailable, err), grant.Account, mechanism)
	}
	c.front.o.Metrics.Inc(metrics.Logins, mechanism, "ok")
	c.front.o.Metrics.Since(metrics.LoginTime, c.checked)
	c.log.Info("login", "user", grant.Account, "mech", mechanism, "tls", c.secure())
	return ses, nil
}

// start brings the client to its session. After an error the front has it alone, or its
// connection has ended.
func (c *client) start(ctx context.Context, grant *broker.Grant, tag string, ahead []byte) (*session, error) {
	in := handover.Introduction{
		Hello: handover.Hello{SID: c.sid, Remote: c.remote(), TLS: c.secure(), Tag: tag, Client: c.named},
		Ahead: ahead,
	}
	c.protocol.introduce(c, grant, &in.Hello)
	socket, clear := c.conn.(*net.TCPConn)
	if !clear {
		conn, err := c.front.o.Starter.Start(ctx, grant, in)
		if err != nil {
			return nil, err
		}
		return &session{conn: conn, account: grant.Account, in: int64(len(ahead))}, nil
	}
	l, err := c.lend(socket)
	if err != nil {
		return nil, err
	}
	in.Socket = l.fd
	conn, err := c.front.o.Starter.Start(ctx, grant, in)
	if err != nil {
		return nil, errors.Join(err, c.takeBack(err))
	}
	c.mu.Lock()
	l.channel = conn
	c.mu.Unlock()
	return &session{conn: conn, account: grant.Account, given: true}, nil
}
