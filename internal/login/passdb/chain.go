package passdb

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"fantail/internal/daemon/metrics"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
	"fantail/internal/login/webauthn"
)

// Chain asks sources in turn. The first that knows a name decides about it, whether
// it says yes or no. One that cannot be asked is passed over; if then nobody says yes,
// the answer is that it could not be found out. It is what authd's engine asks.
type Chain struct {
	sources   []Source
	who       Identify
	preferred Preferred // or nil
	second    Second    // or nil
	metrics   *metrics.Set
}

// Identify completes an account: what its source does not say of user and groups, home
// and mail.
type Identify func(ctx context.Context, user userdb.User) (wire.Account, error)

// NewChain returns a Chain of sources in the order in which they are asked.
func NewChain(who Identify, sources ...Source) *Chain {
	return &Chain{sources: sources, who: who}
}

// Prefer has app passwords tried before any source. It is for who makes the Chain.
func (c *Chain) Prefer(p Preferred) { c.preferred = p }

// Guard has accounts with a second factor log in with a code as well. It is for who makes
// the Chain.
func (c *Chain) Guard(s Second) { c.second = s }

// Count has what sources do counted. It is for who makes the Chain.
func (c *Chain) Count(m *metrics.Set) { c.metrics = m }

// first asks the sources until one decides. ask returns userdb.ErrUnknown where a
// source does not know the name.
func (c *Chain) first(ask func(Source) error) error {
	var passed []error
	for _, s := range c.sources {
		began := time.Now()
		err := ask(s)
		c.metrics.Since(metrics.SourceTime, began, s.Name())
		switch {
		case errors.Is(err, userdb.ErrUnknown):
			continue
		case err == nil:
			return nil
		case decided(err):
			if len(passed) > 0 && errors.Is(err, ErrWrong) {
				break // perhaps one of those would have said yes
			}
			return err
		}
		c.metrics.Inc(metrics.SourceErrors, s.Name())
		passed = append(passed, fmt.Errorf("%s: %w", s.Name(), err))
	}
	if len(passed) > 0 {
		return fmt.Errorf("%w: %w", ErrUnavailable, undecided{errors.Join(passed...)})
	}
	return userdb.ErrUnknown
}

// decided reports whether err is an answer, rather than that there is none.
func decided(err error) bool {
	return errors.Is(err, ErrWrong) || errors.Is(err, ErrExpired) || errors.Is(err, ErrDisabled)
}

// undecided is an error that says what other errors say and is none of them: a wrong
// password at one source does not make it wrong where another could not be asked.
type undecided struct{ err error }

func (u undecided) Error() string { return u.err.Error() }

// Password returns the account called q.Name if that is its password, or an app password
// of it. Its errors wrap those of Source but ErrUnknown. For what has no place for a code
// the own password of an account with a second factor is not enough: ErrDisabled.
func (c *Chain) Password(ctx context.Context, q Query, password userdb.Secret) (userdb.User, error) {
	if c.preferred == nil {
		return c.enough(ctx, q, password)
	}
	owner, unknown := c.preferred.Owner(q, password)
	if owner != "" {
		user, err := c.Certificate(ctx, q) // it must be there, and may not have expired
		switch {
		case err == nil && called(user, owner):
			return user, nil
		case err != nil && (strings.ToLower(q.Name) == owner || errors.Is(err, ErrUnavailable)):
			return userdb.User{}, err // what it is with others' accounts is not for him
		}
	}
	user, err := c.enough(ctx, q, password)
	if unknown != nil && errors.Is(err, ErrWrong) {
		err = fmt.Errorf("%w: %w", ErrUnavailable, undecided{unknown})
	}
	return user, err
}

// enough is own, unless there must be a code that the service has no place for.
func (c *Chain) enough(ctx context.Context, q Query, password userdb.Secret) (userdb.User, error) {
	user, err := c.own(ctx, q, password)
	if err == nil && !q.Service.Codes() {
		var wanted Wanted
		if wanted, err = c.Factors(user); wanted.Any() {
			err = fmt.Errorf("%w with its own password, but with app passwords", ErrDisabled)
		}
	}
	if err != nil {
		return userdb.User{}, err
	}
	return user, nil
}

// Factors returns what an account logs in to webmail with besides its password.
func (c *Chain) Factors(user userdb.User) (Wanted, error) {
	_, wanted, err := c.guarded(user)
	return wanted, err
}

// guarded returns the name under which an account has a second factor, "" if it has none:
// a source may have several names for it, of which one was typed.
func (c *Chain) guarded(user userdb.User) (account string, wanted Wanted, err error) {
	if c.second == nil {
		return "", Wanted{}, nil
	}
	for _, name := range user.Names() {
		wanted, err := c.second.Wanted(name)
		if err != nil {
			return "", Wanted{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if wanted.Any() {
			return name, wanted, nil
		}
	}
	return "", Wanted{}, nil
}

// called reports whether an account has a name, which is in lower case.
func called(user userdb.User, name string) bool {
	return slices.ContainsFunc(user.Names(), func(s string) bool { return strings.ToLower(s) == name })
}

// Code uses a code of an account up. The error wraps ErrWrong, ErrLater or ErrUnavailable.
func (c *Chain) Code(ctx context.Context, user userdb.User, code userdb.Secret) error {
	return c.verify(user, func(account string) (bool, error) { return c.second.Verify(ctx, account, string(code)) })
}

// Key takes the response of one of an account's security keys to a challenge. The error
// wraps ErrWrong or ErrUnavailable.
func (c *Chain) Key(ctx context.Context, user userdb.User, challenge webauthn.Challenge, response []byte) error {
	return c.verify(user, func(account string) (bool, error) {
		return c.second.VerifyKey(ctx, account, challenge, response)
	})
}

// verify asks about the second factor of an account.
func (c *Chain) verify(user userdb.User, ask func(account string) (bool, error)) error {
	if c.second == nil {
		return fmt.Errorf("%w: no account has a second factor", ErrUnavailable)
	}
	account, _, err := c.guarded(user)
	if err != nil {
		return err
	}
	if account == "" { // it has just gone
		account = user.Name
	}
	ok, err := ask(account)
	switch {
	case errors.Is(err, ErrLater):
		return err
	case errors.Is(err, webauthn.ErrRefused):
		return fmt.Errorf("%w: %w", ErrWrong, err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case !ok:
		return ErrWrong
	}
	return nil
}

// own returns the account called q.Name if that is its own password.
func (c *Chain) own(ctx context.Context, q Query, password userdb.Secret) (user userdb.User, err error) {
	err = c.first(func(s Source) error {
		var err error
		user, err = s.Password(ctx, q, password)
		return err
	})
	if errors.Is(err, userdb.ErrUnknown) {
		c.pretend(ctx, q, password)
		err = ErrWrong
	}
	if err != nil {
		return userdb.User{}, err
	}
	return user, nil
}

// pretend does the work of checking a password, once.
func (c *Chain) pretend(ctx context.Context, q Query, password userdb.Secret) {
	for _, s := range c.sources {
		if d, ok := s.(Decoy); ok {
			d.Decoy(ctx, q, password)
			return
		}
	}
}

// Keys returns the SCRAM keys of an account (sasl.Backend). Where a source that has
// none knows the name, there are none.
func (c *Chain) Keys(ctx context.Context, q Query, hash crypto.Hash) (keys sasl.Keys, user userdb.User, err error) {
	err = c.first(func(s Source) error {
		var err error
		if k, ok := s.(Keyed); ok {
			keys, user, err = k.Keys(ctx, q, hash)
			return err
		}
		if user, err = s.Lookup(ctx, q.Name); err == nil {
			keys, err = sasl.Keys{Account: user.Name}, ErrWrong
		}
		return err
	})
	if errors.Is(err, userdb.ErrUnknown) {
		return sasl.Keys{}, userdb.User{}, ErrWrong
	}
	if err == nil && !q.Service.Codes() {
		// Whoever proves to know them is still not let in: as if there were none.
		wanted, err := c.Factors(user)
		if err != nil {
			return sasl.Keys{}, userdb.User{}, err
		}
		if wanted.Any() {
			return sasl.Keys{Account: keys.Account}, user, ErrWrong
		}
	}
	return keys, user, err
}

// Token returns the account whose bearer token this is. Only sources that know tokens
// are asked.
func (c *Chain) Token(ctx context.Context, q Query, token userdb.Secret) (user userdb.User, err error) {
	err = c.first(func(s Source) error {
		b, ok := s.(Bearer)
		if !ok {
			return userdb.ErrUnknown
		}
		var err error
		user, err = b.Token(ctx, q, token)
		return err
	})
	if errors.Is(err, userdb.ErrUnknown) {
		err = ErrWrong
	}
	return user, err
}

// Certificate returns the account that a verified certificate with the name q.Name may
// log in to: the one of that name.
func (c *Chain) Certificate(ctx context.Context, q Query) (userdb.User, error) {
	user, err := c.Admit(ctx, q)
	if errors.Is(err, userdb.ErrUnknown) {
		err = ErrWrong
	}
	return user, err
}

// Admit returns the account called q.Name, which may log in without its password: another
// proof was given. The error may wrap userdb.ErrUnknown.
func (c *Chain) Admit(ctx context.Context, q Query) (user userdb.User, err error) {
	err = c.first(func(s Source) error {
		var err error
		if k, ok := s.(Certified); ok {
			user, err = k.Certificate(ctx, q)
		} else {
			user, err = s.Lookup(ctx, q.Name)
		}
		return err
	})
	return user, err
}

// Find returns the account called name, of whom nobody has proven anything, and the name
// of the source that knows it.
func (c *Chain) Find(ctx context.Context, name string) (source string, user userdb.User, err error) {
	err = c.first(func(s Source) error {
		var err error
		source = s.Name()
		user, err = s.Lookup(ctx, name)
		return err
	})
	return source, user, err
}

// Lookup is Find without the source.
func (c *Chain) Lookup(ctx context.Context, name string) (userdb.User, error) {
	_, user, err := c.Find(ctx, name)
	return user, err
}

// Resolve completes an account.
func (c *Chain) Resolve(ctx context.Context, user userdb.User) (wire.Account, error) {
	return c.who(ctx, user)
}

// Check reports why sources cannot be asked.
func (c *Chain) Check(ctx context.Context) error {
	var errs []error
	for _, s := range c.sources {
		if err := s.Check(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.Name(), err))
		}
	}
	return errors.Join(errs...)
}

// Close closes the sources that keep something open. What still asks them gets that
// they are unavailable, or its answer.
func (c *Chain) Close() error {
	var errs []error
	for _, s := range c.sources {
		if o, ok := s.(io.Closer); ok {
			errs = append(errs, o.Close())
		}
	}
	return errors.Join(errs...)
}
