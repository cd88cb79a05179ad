package sasl

import (
	"context"
	"encoding/json"
	"errors"
)

// xoauth2 is XOAUTH2, which Google has defined and Microsoft has taken over,
// and which Thunderbird, Outlook, K-9 and others speak to every server with
// tokens. It is of the time before RFC 7628:
//
//	"user=" name ^A "auth=Bearer " token ^A ^A
//
// A failure is told in JSON, and the client's answer, which is empty, is the
// end.
func xoauth2(x *Exchange) step {
	return func(ctx context.Context, response []byte) ([]byte, step, error) {
		pairs, err := scanPairs(string(response))
		if err == nil {
			err = x.claim(pairs["user"])
		}
		if err != nil {
			return x.tellXOAuth2(err)
		}
		return x.checkToken(ctx, pairs["auth"], x.claimed, x.tellXOAuth2)
	}
}

// tellXOAuth2 tells a client of XOAUTH2 that it has failed. The status is one of
// HTTP, as a string. It is 400 whatever the reason: that is what Google says of a
// token that has expired, and K-9 (Thunderbird for Android) gets a new one only
// then (XOAuth2ChallengeParser, seen in 2026).
func (x *Exchange) tellXOAuth2(err error) ([]byte, step, error) {
	challenge, jsonErr := json.Marshal(struct {
		Status  string `json:"status"`
		Schemes string `json:"schemes"`
		Scope   string `json:"scope,omitempty"`
	}{"400", "Bearer", x.server.config.OAuth.Scope})
	return challenge, nil, errors.Join(err, jsonErr)
}
