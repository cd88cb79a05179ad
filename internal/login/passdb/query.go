package passdb

import (
	"errors"
	"net/netip"

	"fantail/internal/login/broker/wire"
)

// Query is who asks for what: the part of a question that is not the proof.
type Query struct {
	Name    string // prepared (sasl.Prepare); of a token what the client says, or ""
	Service wire.Service
	Remote  netip.Addr // the zero Addr if the client has none
}

// Further answers. Both say that the proof was right.
var (
	ErrExpired  = errors.New("the password has expired")
	ErrDisabled = errors.New("the account may not use this service")
)

// ErrLater says that a code was not looked at, since many before it were wrong.
var ErrLater = errors.New("too many wrong codes")
