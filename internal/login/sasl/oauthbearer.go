package sasl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"fantail/internal/login/userdb"
)

// kvsep is between the pairs of OAUTHBEARER and XOAUTH2.
const kvsep = "\x01"

// oauthBearer is OAUTHBEARER (RFC 7628): a bearer token, and perhaps whose it
// is and what server it is for. A failure is told in JSON, and the client's
// answer (0x01, whose value nobody reads) is the end.
func oauthBearer(x *Exchange) step {
	return func(ctx context.Context, response []byte) ([]byte, step, error) {
		if string(response) == kvsep { // section 3.1: the answer to a failure; there was none
			return nil, nil, fmt.Errorf("%w: no token", ErrMalformed)
		}
		m, err := scanOAuthBearer(string(response))
		if err == nil {
			err = x.checkServer(m)
		}
		if err == nil && m.authzid != "" {
			err = x.claim(m.authzid)
		}
		if err != nil {
			return x.tellOAuth(err)
		}
		return x.checkToken(ctx, m.auth, m.authzid, x.tellOAuth)
	}
}

// checkToken is the end of both mechanisms with tokens. owner is whose the
// client says the token is, if it does; tell makes the challenge of a failure.
func (x *Exchange) checkToken(ctx context.Context, auth, owner string, tell func(error) ([]byte, step, error)) ([]byte, step, error) {
	token, err := scanBearer(auth)
	if err != nil {
		return tell(err)
	}
	account, err := x.backend.Token(ctx, x.claimed, token)
	if errors.Is(err, ErrUnavailable) { // a better token would not help
		return nil, nil, err
	}
	if err == nil {
		err = authorize(owner, account)
	}
	if err != nil {
		return tell(err)
	}
	return x.succeed(account)
}

// tellOAuth tells a client of OAUTHBEARER what is wrong and what to do (RFC 7628
// section 3.2.2).
func (x *Exchange) tellOAuth(err error) ([]byte, step, error) {
	status := "invalid_token"
	if errors.Is(err, ErrMalformed) {
		status = "invalid_request"
	}
	challenge, jsonErr := json.Marshal(struct {
		Status        string `json:"status"`
		Scope         string `json:"scope,omitempty"`
		Configuration string `json:"openid-configuration,omitempty"`
	}{status, x.server.config.OAuth.Scope, x.server.config.OAuth.Configuration})
	return challenge, nil, errors.Join(err, jsonErr)
}

// checkServer compares where the client says that it connects to with what is
// known of that (RFC 7628 section 3.2): a token that was given to another server
// and is passed on by that is no good here.
func (x *Exchange) checkServer(m oauthMessage) error {
	if m.host != "" && x.conn.Host != "" && !strings.EqualFold(m.host, x.conn.Host) {
		return fmt.Errorf("%w: host", ErrBinding)
	}
	if m.port != 0 && x.conn.Port != 0 && m.port != x.conn.Port {
		return fmt.Errorf("%w: port", ErrBinding)
	}
	return nil
}

type oauthMessage struct {
	authzid, host string
	port          int
	auth          string // as in HTTP's header field Authorization
}

// scanOAuthBearer reads a client-resp of RFC 7628 section 3.1:
//
//	gs2-header kvsep *kvpair kvsep
//
// There is no channel binding for it.
func scanOAuthBearer(message string) (m oauthMessage, err error) {
	gs2, rest, err := scanGS2(message)
	if err != nil {
		return oauthMessage{}, err
	}
	rest, ok := strings.CutPrefix(rest, kvsep)
	if !ok || gs2.flag == 'p' {
		return oauthMessage{}, fmt.Errorf("%w: header", ErrMalformed)
	}
	pairs, err := scanPairs(rest)
	if err != nil {
		return oauthMessage{}, err
	}
	m = oauthMessage{authzid: gs2.authzid, host: pairs["host"], auth: pairs["auth"]}
	if port, ok := pairs["port"]; ok {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || port[0] == '0' {
			return oauthMessage{}, fmt.Errorf("%w: port", ErrMalformed)
		}
		m.port = int(n)
	}
	return m, nil
}

// scanPairs reads *kvpair kvsep, where
//
//	kvpair = 1*ALPHA "=" value kvsep
//
// A key that comes twice is an error: which one would count? XOAUTH2 has names
// in values, so they may be more than ASCII, which RFC 7628 section 3.1 does not
// allow.
func scanPairs(text string) (map[string]string, error) {
	pairs := make(map[string]string)
	for text != kvsep {
		pair, rest, ok1 := strings.Cut(text, kvsep)
		key, value, ok2 := strings.Cut(pair, "=")
		if _, twice := pairs[key]; !ok1 || !ok2 || twice || !isKey(key) || !isValue(value) {
			return nil, fmt.Errorf("%w: pairs of keys and values", ErrMalformed)
		}
		pairs[key] = value
		text = rest
	}
	return pairs, nil
}

func isKey(s string) bool {
	for i := range len(s) {
		if !isAlpha(s[i]) {
			return false
		}
	}
	return s != ""
}

func isValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 0x7f {
			return false
		}
	}
	return true
}

// scanBearer reads credentials of RFC 6750 section 2.1. A token is of visible
// ASCII characters here: more than the RFC's b64token, since it is only the
// backend that knows its form. A client that sends none asks what it needs.
func scanBearer(auth string) (userdb.Secret, error) {
	if auth == "" {
		return "", ErrNoToken
	}
	scheme, token, _ := strings.Cut(auth, " ")
	token = strings.TrimLeft(token, " ")
	switch {
	case !strings.EqualFold(scheme, "Bearer") || !printable(token, '!'):
		return "", fmt.Errorf("%w: not a bearer token", ErrMalformed)
	case token == "":
		return "", ErrNoToken
	}
	return userdb.Secret(token), nil
}
