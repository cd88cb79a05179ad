package sasl

import (
	"bytes"
	"context"
	"fmt"

	"fantail/internal/login/userdb"
)

// plain is PLAIN (RFC 4616): one response with everything in it.
func plain(x *Exchange) step {
	return func(ctx context.Context, response []byte) ([]byte, step, error) {
		m, err := scanPlain(response)
		if err != nil {
			return nil, nil, err
		}
		if err := x.claim(m.name); err != nil {
			return nil, nil, err
		}
		if err := authorize(m.authzid, x.claimed); err != nil {
			return nil, nil, err
		}
		return x.checkPassword(ctx, m.password)
	}
}

// checkPassword is the end of the mechanisms that send the password. That is
// checked as it was sent: what a hash was made from, only its source knows, and
// hashes from before Unicode were made from other character sets (RFC 4616
// section 2 leaves it to the server).
func (x *Exchange) checkPassword(ctx context.Context, password userdb.Secret) ([]byte, step, error) {
	account, err := x.backend.Password(ctx, x.claimed, password)
	if err != nil {
		return nil, nil, err
	}
	return x.succeed(account)
}

type plainMessage struct {
	authzid, name string
	password      userdb.Secret
}

// scanPlain reads the message of RFC 4616 section 2.
func scanPlain(response []byte) (plainMessage, error) {
	parts := bytes.Split(response, []byte{0})
	if len(parts) != 3 || len(parts[1]) == 0 || len(parts[2]) == 0 {
		return plainMessage{}, fmt.Errorf("%w: not an identity, a name and a password", ErrMalformed)
	}
	return plainMessage{string(parts[0]), string(parts[1]), userdb.Secret(parts[2])}, nil
}
