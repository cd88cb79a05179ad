package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"fantail/internal/login/userdb"
)

// refetch is how long keys are not fetched again, whatever tokens come.
const refetch = 30 * time.Second

// keys are the public keys of an issuer. They are fetched when they are first needed,
// and when a token names one that is not there: issuers change them.
type keys struct {
	load    func(context.Context) (jose.JSONWebKeySet, error)
	refetch time.Duration

	turn chan struct{} // held by who fetches
	mu   sync.Mutex    // guards what follows
	set  []jose.JSONWebKey
	at   time.Time // of the last attempt to fetch,
	err  error     // and what came of it
}

func newKeys(load func(context.Context) (jose.JSONWebKeySet, error)) *keys {
	return &keys{load: load, refetch: refetch, turn: make(chan struct{}, 1)}
}

// loader returns how to get keys: from a file, a URL, or where the issuer says that they
// are.
func (s *Source) loader() (func(context.Context) (jose.JSONWebKeySet, error), error) {
	where := s.s.Keys
	switch {
	case filepath.IsAbs(where):
		return func(context.Context) (set jose.JSONWebKeySet, err error) {
			data, err := os.ReadFile(where)
			if err == nil {
				err = json.Unmarshal(data, &set)
			}
			return set, err
		}, nil
	case where != "":
		return func(ctx context.Context) (set jose.JSONWebKeySet, err error) {
			err = s.get(ctx, where, &set)
			return set, err
		}, checkURL(where)
	}
	return s.discover, nil
}

// discover asks the issuer where its keys are.
func (s *Source) discover(ctx context.Context) (set jose.JSONWebKeySet, err error) {
	var configuration struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := s.get(ctx, s.s.Configuration(), &configuration); err != nil {
		return set, err
	}
	if configuration.Issuer != s.s.Issuer {
		return set, fmt.Errorf("the issuer calls itself %.200q", configuration.Issuer)
	}
	err = s.get(ctx, configuration.Keys, &set)
	return set, err
}

// find returns the key with an identifier that is for an algorithm; ok is false if there
// is none. "" is the only key.
func (k *keys) find(id, algorithm string) (found jose.JSONWebKey, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if id == "" && len(k.set) != 1 {
		return found, false
	}
	for _, key := range k.set {
		if (id == "" || key.KeyID == id) && (key.Algorithm == "" || key.Algorithm == algorithm) {
			return key, true
		}
	}
	return found, false
}

// refresh fetches keys, unless that was done a moment ago. The error is that it could
// not be done, or that there are none.
func (k *keys) refresh(ctx context.Context) error {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return fmt.Errorf("%w: wait for keys: %w", userdb.ErrUnavailable, context.Cause(ctx))
	}
	if recent, err := k.recent(); recent {
		return err
	}
	set, err := k.load(ctx)
	var public []jose.JSONWebKey
	for _, key := range set.Keys {
		if key.IsPublic() && key.Valid() && (key.Use == "" || key.Use == "sig") {
			public = append(public, key)
		}
	}
	if err == nil && len(public) == 0 {
		err = errors.New("there are none for signatures")
	}
	if err != nil { // the keys of before stay good
		err = fmt.Errorf("%w: fetch the issuer's keys: %w", userdb.ErrUnavailable, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if ctx.Err() != nil {
		return err // perhaps it was not the issuer's fault
	}
	k.at, k.err = time.Now(), err
	if err == nil {
		k.set = public
	}
	return err
}

// recent reports whether keys were fetched a moment ago, and the error of that.
func (k *keys) recent() (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return time.Since(k.at) < k.refetch, k.err
}
