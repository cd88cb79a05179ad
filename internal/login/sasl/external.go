package sasl

import "context"

// external is EXTERNAL (RFC 4422 appendix A): TLS has seen the client's
// certificate, the response is the identity to act as, or empty.
func external(x *Exchange) step {
	return func(ctx context.Context, response []byte) ([]byte, step, error) {
		authzid := string(response)
		if err := x.claim(x.conn.Certificate); err != nil {
			return nil, nil, err
		}
		account, err := x.backend.Certificate(ctx, x.claimed)
		if err != nil {
			return nil, nil, err
		}
		if err := authorize(authzid, x.claimed, account); err != nil {
			return nil, nil, err
		}
		return x.succeed(account)
	}
}
