package sasl

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fantail/internal/login/userdb"
)

// nonceSize is the server's part of the nonce, in octets before base64.
const nonceSize = 18

// What is wrong with an exchange besides its grammar.
var (
	errNonce       = fmt.Errorf("%w: another nonce", ErrMalformed)
	errUnbound     = fmt.Errorf("%w: no channel binding with a mechanism that is for it", ErrMalformed)
	errNotPlus     = fmt.Errorf("%w: channel binding with a mechanism that has none", ErrMalformed)
	errBindingType = fmt.Errorf("%w: type of channel binding", ErrUnsupported)
	errDowngrade   = fmt.Errorf("%w: it has not seen that channel binding is offered", ErrBinding)
	errBindingData = fmt.Errorf("%w: channel bindings differ", ErrBinding)
)

// serverErrors are the values of the attribute "e" (RFC 5802 section 7). The
// first row that fits counts; what is in none is other-error. A wrong proof is
// not told: see final.
var serverErrors = []struct {
	err   error
	value string
}{
	{errExtension, "extensions-not-supported"},
	{errNameEncoding, "invalid-username-encoding"},
	{errNonce, "other-error"},
	{errUnbound, "server-does-support-channel-binding"},
	{errDowngrade, "server-does-support-channel-binding"},
	{errNotPlus, "channel-binding-not-supported"},
	{errBindingType, "unsupported-channel-binding-type"},
	{errBindingData, "channel-bindings-dont-match"},
	{ErrMalformed, "invalid-encoding"},
}

// scramExchange is SCRAM (RFC 5802, RFC 7677), with or without channel binding:
//
//	C: client-first    name, nonce
//	S: server-first    nonce with the server's part, salt, iteration count
//	C: client-final    channel binding, nonce, proof
//	S: server-final    the server's own proof
//	C: (nothing)
type scramExchange struct {
	x     *Exchange
	hash  crypto.Hash
	bound bool // the client must use channel binding

	binding []byte // what "c=" must be: GS2 header and channel binding data
	nonce   string
	keys    Keys
	known   bool   // keys are those of an account
	message string // AuthMessage, as far as it has come (RFC 5802 section 3)
}

func scram(hash crypto.Hash, bound bool) func(*Exchange) step {
	return func(x *Exchange) step {
		s := &scramExchange{x: x, hash: hash, bound: bound}
		return s.first
	}
}

func (s *scramExchange) first(ctx context.Context, response []byte) ([]byte, step, error) {
	m, err := scanClientFirst(string(response))
	if err != nil {
		return refuse(err)
	}
	if err := s.x.claim(m.name); err != nil {
		return refuse(fmt.Errorf("%w: %w", errNameEncoding, err))
	}
	if err := authorize(m.gs2.authzid, s.x.claimed); err != nil {
		return refuse(err)
	}
	if s.binding, err = s.expect(m.gs2); err != nil {
		return refuse(err)
	}
	if err := s.lookUp(ctx); err != nil {
		return nil, nil, err
	}
	random := make([]byte, nonceSize)
	rand.Read(random) // never fails
	return []byte(s.serverFirst(m, base64.StdEncoding.EncodeToString(random))), s.final, nil
}

// refuse tells the client what its program does wrong, as the
// server-final-message does.
func refuse(err error) ([]byte, step, error) {
	for _, row := range serverErrors {
		if errors.Is(err, row.err) {
			return []byte("e=" + row.value), nil, err
		}
	}
	return []byte("e=other-error"), nil, err
}

// expect returns the channel binding that the client will have to name, from
// the header of its first message (RFC 5802 section 6).
func (s *scramExchange) expect(gs2 gs2Header) ([]byte, error) {
	switch {
	case gs2.flag == 'p' && !s.bound:
		return nil, errNotPlus
	case gs2.flag != 'p' && s.bound:
		return nil, errUnbound
	case gs2.flag == 'y' && s.x.bindable:
		return nil, errDowngrade
	case gs2.flag != 'p':
		return []byte(gs2.text), nil
	}
	data := s.x.conn.Bindings[gs2.binding]
	if len(data) == 0 {
		return nil, errBindingType
	}
	return slices.Concat([]byte(gs2.text), data), nil
}

// lookUp gets the keys of the account, or decoys, which are made in any case so
// that both take as long.
func (s *scramExchange) lookUp(ctx context.Context) error {
	keys, err := s.x.backend.Keys(ctx, s.hash, s.x.claimed)
	spelled := keys.Account
	if spelled == "" {
		spelled = strings.ToLower(s.x.claimed)
	}
	decoy := s.x.server.config.Decoy.keys(s.hash, spelled)
	switch {
	case errors.Is(err, userdb.ErrUnknown) || errors.Is(err, ErrWrong):
		s.keys = decoy
		return nil
	case err != nil:
		return err
	}
	s.keys, s.known = keys, true
	return keys.check(s.hash)
}

// serverFirst returns the server-first-message and begins AuthMessage with it.
func (s *scramExchange) serverFirst(m clientFirst, nonce string) string {
	s.nonce = m.nonce + nonce
	first := fmt.Sprintf("r=%s,s=%s,i=%d", s.nonce, base64.StdEncoding.EncodeToString(s.keys.Salt), s.keys.Iterations)
	s.message = m.bare + "," + first
	return first
}

// final takes the proof. If that is wrong, which is nobody's fault but the
// user's, the exchange ends without a server-final-message (RFC 5802 section
// 5.1 lets us): mbsync 1.4.4 with Cyrus SASL 2.1.28 hangs after
// "e=invalid-proof" and never sees the NO (tried in 2026).
func (s *scramExchange) final(_ context.Context, response []byte) ([]byte, step, error) {
	m, err := scanClientFinal(string(response))
	switch {
	case err != nil:
		return refuse(err)
	case subtle.ConstantTimeCompare([]byte(m.nonce), []byte(s.nonce)) == 0:
		return refuse(errNonce)
	case subtle.ConstantTimeCompare(m.binding, s.binding) == 0:
		return refuse(errBindingData)
	}
	s.message += "," + m.withoutProof
	if !s.prove(m.proof) {
		return nil, nil, ErrWrong
	}
	return []byte("v=" + base64.StdEncoding.EncodeToString(s.sign(s.keys.ServerKey))), s.acknowledged, nil
}

// prove reports whether the proof is of somebody who knows the password (RFC
// 5802 section 3): ClientProof = ClientKey XOR ClientSignature.
func (s *scramExchange) prove(proof []byte) bool {
	signature := s.sign(s.keys.StoredKey)
	if len(proof) != len(signature) {
		return false
	}
	subtle.XORBytes(signature, signature, proof) // is now ClientKey
	h := s.hash.New()
	h.Write(signature)
	return subtle.ConstantTimeCompare(h.Sum(nil), s.keys.StoredKey) == 1 && s.known
}

// sign returns HMAC(key, AuthMessage).
func (s *scramExchange) sign(key []byte) []byte {
	mac := hmac.New(s.hash.New, key)
	mac.Write([]byte(s.message))
	return mac.Sum(nil)
}

// acknowledged takes the response to the server's proof. A client that does not
// believe it cancels.
func (s *scramExchange) acknowledged(_ context.Context, response []byte) ([]byte, step, error) {
	if len(response) > 0 {
		return nil, nil, fmt.Errorf("%w: something after the proof", ErrMalformed)
	}
	return s.x.succeed(s.keys.Account)
}
