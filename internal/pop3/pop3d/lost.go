package pop3d

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// errBroken says that a response has begun and cannot be finished: only closing
// the connection tells the client that it has not got all of it.
var errBroken = errors.New("response broken off")

// writeError is an error of the connection that a command met.
type writeError struct{ error }

func (e writeError) Unwrap() error { return e.error }

// isLost reports whether the connection is of no use after err.
func isLost(err error) bool {
	_, write := errors.AsType[writeError](err)
	return write || errors.Is(err, errBroken)
}

// gone are the ways in which a client that leaves shows itself.
var gone = []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, os.ErrClosed,
	syscall.EPIPE, syscall.ECONNRESET}

// disconnected returns what is left to report of an error of the connection:
// nothing where the client went away, which is its affair.
func disconnected(err error) error {
	for _, g := range gone {
		if errors.Is(err, g) {
			return nil
		}
	}
	return fmt.Errorf("talk to the client: %w", err)
}
