package sasl

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// maxRounds is how many responses an exchange takes, "no initial response"
// being one. SCRAM needs all of them: none, first, final, the acknowledgement
// of the server's proof.
const maxRounds = 4

// Exchange is one authentication that is under way or over. It is used by one
// goroutine. It holds nothing that must be released: one that the client has
// left can be forgotten.
type Exchange struct {
	server    *Server
	mechanism *mechanism
	conn      Conn
	backend   Backend
	bindable  bool // the same mechanism with channel binding is offered

	step    step // what takes the next response; nil when it is over
	rounds  int
	claimed string // whom the client says to be, prepared
	account string // whom it has proved to be; "" before success
	failure error  // why it cannot succeed; nil if it still can, or did
}

// step takes a response. Its outcomes are
//
//	challenge, next, nil   go on
//	challenge, nil, err    failed: tell the client, whose answer is the end
//	nil,       nil, err    failed
//	nil,       nil, nil    succeeded (only as the result of Exchange.succeed)
type step func(ctx context.Context, response []byte) (challenge []byte, next step, err error)

// errOver is returned for a response after the end: a bug of the caller.
var errOver = errors.New("the exchange is over")

// Next takes a response of the client and returns the next challenge, which may
// be empty, or done when the exchange is over: it has succeeded if err is nil,
// and an err is always the end. A nil response says that the client has sent no
// initial response, in contrast to an empty one (RFC 4422 section 5).
//
// Data that goes with success (RFC 5802 section 5) is a challenge too, and the
// exchange is over when the client has acknowledged it: neither IMAP nor POP3
// nor SMTP has another place for it.
func (x *Exchange) Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	take := x.step
	x.step = nil
	x.rounds++
	switch {
	case take == nil:
		return nil, true, errOver
	case x.failure != nil: // the client has been told; whatever it answers
		return nil, true, x.failure
	case x.rounds > maxRounds:
		return x.fail(fmt.Errorf("%w: more than %d responses", ErrMalformed, maxRounds))
	case len(response) > MaxResponse:
		return x.fail(fmt.Errorf("%w: longer than %d octets", ErrMalformed, MaxResponse))
	case ctx.Err() != nil:
		return x.fail(fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx)))
	case response == nil && x.rounds == 1:
		x.step = take
		return []byte(x.mechanism.prompt), false, nil
	}
	challenge, next, err := take(ctx, response)
	switch {
	case err != nil && challenge != nil:
		x.failure, x.step = err, take
		return challenge, false, nil
	case err != nil:
		return x.fail(err)
	case next == nil:
		return nil, true, nil
	}
	x.step = next
	return challenge, false, nil
}

func (x *Exchange) fail(err error) ([]byte, bool, error) {
	x.failure, x.step, x.account = err, nil, ""
	return nil, true, err
}

// Cancel ends the exchange because the client wants that ("*" in IMAP, RFC 9051
// section 6.2.2) or has gone. It returns why the exchange has failed: that may
// be known already and not be the client's wish. It does nothing to an exchange
// that is over.
func (x *Exchange) Cancel() error {
	if x.step != nil && x.failure == nil {
		x.fail(ErrCancelled)
	}
	x.step = nil
	return x.failure
}

// Failure returns why the exchange cannot succeed any more; nil as long as it
// can, and when it did. It may be known while a challenge is still to be sent
// and answered: who counts failures and delays answers to them, looks here
// after each Next.
func (x *Exchange) Failure() error { return x.failure }

// Mechanism returns the name of the mechanism.
func (x *Exchange) Mechanism() string { return x.mechanism.name }

// Claimed returns the name that the client has given, prepared (Prepare); "" as
// long as it has given none that can be prepared. It proves nothing: it is for
// logs and for counting.
func (x *Exchange) Claimed() string { return x.claimed }

// Account returns who the client is, as the backend spells it, after success;
// before and without it "".
func (x *Exchange) Account() string {
	if x.step != nil || x.failure != nil {
		return ""
	}
	return x.account
}

// claim takes the name that the client gives as its own.
func (x *Exchange) claim(name string) error {
	prepared, err := Prepare(name)
	if err != nil {
		return err
	}
	x.claimed = prepared
	return nil
}

// authorize checks the identity that the client wants to act as: none, or one
// of its own names. Case of letters is not looked at; it does no harm, since
// the client becomes who it has proved to be, however it writes that.
func authorize(authzid string, own ...string) error {
	if authzid == "" {
		return nil
	}
	prepared, err := Prepare(authzid)
	if err != nil {
		return err
	}
	for _, name := range own {
		if strings.EqualFold(prepared, name) {
			return nil
		}
	}
	return ErrAuthzid
}

// succeed is the end that all mechanisms want.
func (x *Exchange) succeed(account string) ([]byte, step, error) {
	if account == "" {
		return nil, nil, fmt.Errorf("%w: an account without a name", ErrUnavailable)
	}
	x.account = account
	return nil, nil, nil
}
