package broker

import (
	"context"

	"fantail/internal/login/broker/wire"
)

// Daemons are what a front needs behind the login.
type Daemons interface {
	Authenticator
	Starter
	Manager
	// Ready waits until the mechanisms to offer are known.
	Ready(ctx context.Context) error
	// Interrupt asks every session that was started to take leave of its client
	// and end. It does not wait.
	Interrupt()
	// Check reports why nobody can log in to a service, if nobody can.
	Check(s wire.Service) error
	// Shutdown starts nothing any more, and returns when every session program that
	// is the front's own has ended, or with ctx's error.
	Shutdown(ctx context.Context) error
}
