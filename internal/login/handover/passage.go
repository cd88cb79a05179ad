package handover

import (
	"errors"
	"fmt"

	"fantail/internal/daemon/fdpass"
)

// Passage is a connection on its way from a front to a program. Who brings it there
// knows no more of it than this.
type Passage struct {
	Record string // of the front for the session
	// Files are the session's end of the channel, and after it the client's socket, if
	// the session gets that.
	Files fdpass.Descriptors
}

// ErrUnsure says that nobody knows whether a session has a connection, or will have it.
// Who passed its client's socket must not use it any more, only end it.
var ErrUnsure = errors.New("nobody knows whether a session has the connection")

// Check reports why it cannot be passed on. What the record says is checked by the
// session.
func (p Passage) Check() error {
	switch {
	case p.Record == "" || len(p.Record) > MaxHello:
		return fmt.Errorf("%w: a record of %d octets", ErrMessage, len(p.Record))
	case len(p.Files) != 1 && len(p.Files) != 2:
		return fmt.Errorf("%w: with %d descriptors", ErrMessage, len(p.Files))
	}
	return nil
}

// Carried reports whether the front stays between the client and the session.
func (p Passage) Carried() bool { return len(p.Files) == 1 }

// Sent closes, in a front, what only the session is to have.
func (p Passage) Sent() error { return p.Files[:1].Close() }

// Close closes all descriptors, in who got them from another process.
func (p Passage) Close() error { return p.Files.Close() }
