package oauth

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// algorithms are those of signatures that count: with public keys (RFC 8725 section
// 3.1).
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
	oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

var (
	errKey       = errors.New("no key of the issuer is the token's")
	errSignature = errors.New("the signature is wrong")
)

// verify reads a token that is a JWT: who signed it, for whom, and when it is good.
func (s *Source) verify(ctx context.Context, token string) (claims, error) {
	checked := &signature{keys: s.keys}
	verifier := oidc.NewVerifier(s.s.Issuer, checked, &oidc.Config{ClientID: s.s.Audience, SupportedSigningAlgs: algorithms})
	t, err := verifier.Verify(ctx, token)
	switch {
	case checked.unavailable != nil:
		return nil, checked.unavailable
	case err != nil:
		return nil, wrong(err)
	}
	var c claims
	if err := t.Claims(&c); err != nil {
		return nil, wrong(err)
	}
	return c, nil
}

// signature is the check of one token's signature (oidc.KeySet).
type signature struct {
	keys        *keys
	unavailable error // why it could not be made
}

// VerifySignature implements oidc.KeySet. The identifier in the token only ever
// compares with those of keys.
func (s *signature) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	algs := make([]jose.SignatureAlgorithm, len(algorithms))
	for i, a := range algorithms {
		algs[i] = jose.SignatureAlgorithm(a)
	}
	jws, err := jose.ParseSignedCompact(token, algs)
	if err != nil || len(jws.Signatures) != 1 {
		return nil, errSignature
	}
	header := jws.Signatures[0].Protected
	key, ok := s.keys.find(header.KeyID, header.Algorithm)
	if !ok {
		if s.unavailable = s.keys.refresh(ctx); s.unavailable != nil {
			return nil, s.unavailable
		}
		if key, ok = s.keys.find(header.KeyID, header.Algorithm); !ok {
			return nil, errKey
		}
	}
	payload, err := jws.Verify(key.Key)
	if err != nil {
		return nil, errSignature
	}
	return payload, nil
}

// claims are what a token says.
type claims map[string]json.RawMessage
