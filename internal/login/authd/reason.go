package authd

import (
	"context"
	"errors"
	"log/slog"

	"fantail/internal/login/broker/wire"
	"fantail/internal/login/passdb"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
)

// reasons are what fronts are told of the errors of an exchange; the first that fits.
// Whatever is not here is Unavailable.
var reasons = []struct {
	err    error
	reason wire.Reason
	level  slog.Level // in our log
}{
	{userdb.ErrWrong, wire.Wrong, slog.LevelDebug},
	{userdb.ErrUnknown, wire.Unknown, slog.LevelDebug}, // of Locate alone
	{passdb.ErrExpired, wire.Expired, slog.LevelInfo},
	{passdb.ErrDisabled, wire.Disabled, slog.LevelInfo},
	{errBusy, wire.Busy, slog.LevelInfo},
	{passdb.ErrLater, wire.Busy, slog.LevelWarn},
	{sasl.ErrNoToken, wire.Wrong, slog.LevelDebug},
	{sasl.ErrBinding, wire.Wrong, slog.LevelWarn},
	{sasl.ErrAuthzid, wire.Disabled, slog.LevelInfo},
	{sasl.ErrMalformed, wire.Malformed, slog.LevelInfo},
	{sasl.ErrCancelled, wire.Malformed, slog.LevelDebug},
	{sasl.ErrUnsupported, wire.Mechanism, slog.LevelDebug},
	{sasl.ErrPrivacy, wire.Mechanism, slog.LevelDebug},
	{context.Canceled, wire.Unavailable, slog.LevelDebug}, // nobody waits for it
}

func reasonOf(err error) wire.Reason {
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r.reason
		}
	}
	return wire.Unavailable
}

func levelOf(err error) slog.Level {
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r.level
		}
	}
	return slog.LevelError
}
