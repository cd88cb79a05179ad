// Package oauth finds out whose an OAuth 2.0 access token is (RFC 6749). It knows two
// ways, of which the configuration names one:
//
//	jwt.go         the token says it, signed by the issuer (RFC 7519, RFC 9068)
//	introspect.go  the issuer says it (RFC 7662)
//
// keys.go has the issuer's keys, client.go how it is asked, claims.go what is wanted of
// what a token says.
//
// Invariants:
//   - Nothing that a token says leads anywhere: keys are those that the configured
//     issuer has, found by their names in a list in memory.
//   - Only signatures by public keys count (RFC 8725 section 3.1): no "none", and no
//     algorithm for which the server would need a secret.
//   - A token is for this service: auth.oauth_audience is in it.
//   - A token that is wrong, whatever the reason, is userdb.ErrWrong; that the issuer
//     cannot be asked is unavailable.
//   - However many wrong tokens come, the issuer's keys are fetched once in a while.
//
// The account whose name the token has is one of the other sources. Where they know no
// such name, and the configuration has a user for accounts that are nobody's, it is one
// of those.
package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/passdb"
	"fantail/internal/login/userdb"
)

// issuerTime is how long an issuer may take to answer.
const issuerTime = 10 * time.Second

// Source is an issuer of tokens as a passdb.Source and passdb.Bearer. It knows no
// passwords.
type Source struct {
	s        conf.OAuthSettings
	client   *http.Client
	keys     *keys         // nil: the issuer is asked for each token
	secret   userdb.Secret // of s.ClientID
	accounts Accounts
}

// Accounts are where the accounts are that tokens are for.
type Accounts struct {
	// Admit returns the account of the other sources called q.Name, which may log in
	// without its password.
	Admit  func(ctx context.Context, q passdb.Query) (userdb.User, error)
	Others bool // names that they do not know are accounts, too
}

// New returns the issuer of the settings. It asks nothing yet.
func New(s conf.OAuthSettings, accounts Accounts) (*Source, error) {
	src := &Source{s: s, accounts: accounts}
	var err error
	if src.client, err = newClient(s.CAFile); err != nil {
		return nil, fmt.Errorf("auth.oauth_ca_file: %w", err)
	}
	if s.Claim == "" {
		return nil, errors.New("auth.oauth_claim is empty")
	}
	if s.Introspection == "" {
		return src, src.useKeys()
	}
	if err := checkURL(s.Introspection); err != nil {
		return nil, fmt.Errorf("auth.oauth_introspection: %w", err)
	}
	if s.ClientID == "" {
		return nil, errors.New("auth.oauth_introspection needs auth.oauth_client_id")
	}
	if src.secret, err = userdb.ReadSecret(s.ClientSecretFile); err != nil {
		return nil, fmt.Errorf("auth.oauth_client_secret_file: %w", err)
	}
	return src, nil
}

// useKeys makes tokens be read here.
func (s *Source) useKeys() error {
	if err := checkURL(s.s.Issuer); err != nil {
		return fmt.Errorf("auth.oauth_issuer: %w", err)
	}
	if s.s.Audience == "" {
		return errors.New("auth.oauth_audience is empty: tokens for any service would do")
	}
	load, err := s.loader()
	if err != nil {
		return fmt.Errorf("auth.oauth_keys: %w", err)
	}
	s.keys = newKeys(load)
	return nil
}

// Name implements passdb.Source.
func (*Source) Name() string { return "oauth" }

// Password implements passdb.Source.
func (*Source) Password(context.Context, passdb.Query, userdb.Secret) (userdb.User, error) {
	return userdb.User{}, userdb.ErrUnknown
}

// Lookup implements passdb.Source: it has no accounts of its own.
func (*Source) Lookup(context.Context, string) (userdb.User, error) {
	return userdb.User{}, userdb.ErrUnknown
}

// Token implements passdb.Bearer.
func (s *Source) Token(ctx context.Context, q passdb.Query, token userdb.Secret) (userdb.User, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*issuerTime)
	defer cancel()
	ask := s.introspect
	if s.keys != nil {
		ask = s.verify
	}
	c, err := ask(ctx, string(token))
	if err == nil {
		err = c.check(s.s)
	}
	if err != nil {
		return userdb.User{}, err
	}
	if q.Name, err = c.name(s.s.Claim); err != nil {
		return userdb.User{}, err
	}
	u, err := s.accounts.Admit(ctx, q)
	if !errors.Is(err, userdb.ErrUnknown) {
		return u, err
	}
	if !s.accounts.Others {
		return userdb.User{}, wrong(errors.New("the token is of nobody who has an account"))
	}
	return userdb.User{Name: q.Name, UID: -1, GID: -1}, nil
}

// Check implements passdb.Source: it fetches keys. Whether introspection works is only
// seen when there is a token.
func (s *Source) Check(ctx context.Context) error {
	if s.keys == nil {
		return nil
	}
	return s.keys.refresh(ctx)
}

// Close ends the connections that nobody uses.
func (s *Source) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

// wrong says why a token is. Nothing of the token is in the reasons.
func wrong(err error) error { return fmt.Errorf("%w: %w", userdb.ErrWrong, err) }
