package ldapdb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"

	"fantail/internal/login/passdb"
	"fantail/internal/login/userdb"
)

const (
	mostConns = 4               // of one pool at once
	idleLife  = 1 * time.Minute // of a connection that nobody uses
)

// pool keeps connections of one kind. One is used by one request at a time.
type pool struct {
	dial  func(context.Context) (*ldap.Conn, error)
	turns chan struct{}

	mu     sync.Mutex // guards what follows
	idle   []idle     // the one used last is last
	closed bool
}

// idle is a connection that nobody uses.
type idle struct {
	c     *ldap.Conn
	since time.Time
}

func newPool(dial func(context.Context) (*ldap.Conn, error)) *pool {
	return &pool{dial: dial, turns: make(chan struct{}, mostConns)}
}

// do gives a connection to ask. Where an old connection turns out to be dead it asks
// again on a new one. Its error is ask's if that decides about the password, and wraps
// userdb.ErrUnavailable otherwise.
func (p *pool) do(ctx context.Context, ask func(*ldap.Conn) error) error {
	select {
	case p.turns <- struct{}{}:
		defer func() { <-p.turns }()
	case <-ctx.Done():
		return fmt.Errorf("%w: wait for a connection: %w", userdb.ErrUnavailable, context.Cause(ctx))
	}
	for c := p.take(); c != nil; c = p.take() {
		// One that died while it was idle.
		if err := p.ask(ctx, c, ask); !dead(err) || ctx.Err() != nil {
			return unavailable(ctx, err)
		}
	}
	c, err := p.dial(ctx)
	if err != nil {
		return unavailable(ctx, fmt.Errorf("connect: %w", err))
	}
	return unavailable(ctx, p.ask(ctx, c, ask))
}

// ask asks on a connection, and keeps it if it can be used again.
func (p *pool) ask(ctx context.Context, c *ldap.Conn, ask func(*ldap.Conn) error) error {
	err := during(ctx, c, func() error { return ask(c) })
	if dead(err) || !p.put(c) {
		c.Close() // it is of no more use
	}
	return err
}

// during does a request. When ctx ends the connection is closed, which ends the request.
func during(ctx context.Context, c *ldap.Conn, do func() error) error {
	stop := context.AfterFunc(ctx, func() { c.Close() }) // the request's error says it
	err := do()
	if !stop() {
		return context.Cause(ctx)
	}
	return err
}

// dead reports whether err is of the connection, and not an answer of the directory.
func dead(err error) bool {
	var answer *ldap.Error
	return errors.As(err, &answer) && answer.ResultCode >= ldap.ErrorNetwork
}

// unavailable makes what decides nothing about a password that.
func unavailable(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", userdb.ErrUnavailable, context.Cause(ctx))
	case errors.Is(err, userdb.ErrWrong), errors.Is(err, passdb.ErrExpired), errors.Is(err, passdb.ErrDisabled):
		return err
	}
	return fmt.Errorf("%w: %w", userdb.ErrUnavailable, err)
}

// take returns a connection that is idle, or nil.
func (p *pool) take() *ldap.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		last := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if !last.c.IsClosing() && time.Since(last.since) < idleLife {
			return last.c
		}
		last.c.Close() // it is of no more use
	}
	return nil
}

// put keeps a connection. It reports false if it does not.
func (p *pool) put(c *ldap.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || c.IsClosing() {
		return false
	}
	for len(p.idle) > 0 && time.Since(p.idle[0].since) >= idleLife {
		p.idle[0].c.Close() // it is of no more use
		p.idle = p.idle[1:]
	}
	p.idle = append(p.idle, idle{c, time.Now()})
	return true
}

// close closes what is idle; connections in use are closed when they are put.
func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for _, i := range p.idle {
		errs = append(errs, i.c.Close())
	}
	p.idle = nil
	return errors.Join(errs...)
}
