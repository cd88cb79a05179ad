package front

import (
	"context"
	"errors"
	"net"

	"fantail/internal/login/broker"
	"fantail/internal/login/handover"
)

// session is a session program to which a client is handed over.
type session struct {
	conn    handover.Channel
	account string
	given   bool  // it has the client's socket
	in      int64 // octets of the client that it got with the login
}

// logIn checks credentials and starts the session program, which answers the
// command called tag (or the only one there can be, if tag is ""), and gets ahead,
// what the client sent behind it. Its errors wrap broker.ErrWrong, then also
// errAttempts if there is no further attempt, or broker.ErrUnavailable.
func (c *client) logIn(credentials broker.Credentials, mechanism, tag string, ahead []byte) (*session, error) {
	ctx, cancel := context.WithDeadline(context.Background(), c.deadline())
	defer cancel()
	log := c.log.With("user", credentials.Name, "mech", mechanism, "tls", c.secure())
	grant, err := c.front.o.Auth.Authenticate(ctx, credentials)
	if errors.Is(err, broker.ErrWrong) {
		log.Info("login failed", "err", broker.ErrWrong)
		if c.attempts++; c.attempts >= maxAttempts {
			err = errors.Join(err, errAttempts)
		}
		return nil, err
	}
	if err != nil {
		log.Error("login impossible", "err", err)
		return nil, errors.Join(broker.ErrUnavailable, err)
	}
	grant.SID = c.sid
	ses, err := c.start(ctx, grant, tag, ahead)
	if err != nil {
		log.Error("login impossible", "err", err)
		return nil, errors.Join(broker.ErrUnavailable, err)
	}
	c.log.Info("login", "user", grant.Account, "mech", mechanism, "tls", c.secure())
	return ses, nil
}

// start starts the session program and introduces the client.
func (c *client) start(ctx context.Context, grant broker.Grant, tag string, ahead []byte) (*session, error) {
	conn, err := c.front.o.Starter.Start(ctx, c.protocol.name, grant)
	if err != nil {
		return nil, err
	}
	hello := handover.Hello{
		SID: c.sid, Remote: c.remote(), TLS: c.secure(), Tag: tag,
		Client: c.named, Without: grant.IMAPWithout,
	}
	ses := &session{conn: conn, account: grant.Account}
	if socket, ok := c.conn.(*net.TCPConn); ok { // so there is no TLS
		ses.given = true
		err = c.give(socket, conn, hello, ahead)
	} else {
		ses.in = int64(len(ahead))
		err = hello.Carry(conn, ahead)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return ses, nil
}
