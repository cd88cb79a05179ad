package front

import (
	"crypto/tls"
	"errors"
	"fmt"
)

// errBufferedTLS says that something followed STARTTLS or STLS before the
// handshake.
var errBufferedTLS = errors.New("input behind the command that starts TLS")

// startTLS turns the connection into a TLS connection, for both protocols.
// buffered is how many octets were read from the connection and belong to no
// command. If there are any, a client would take answers to what somebody on the
// way had put there in the clear for answers under TLS, so that is an error and
// proceed, which says that the handshake may begin, is not called (RFC 9051
// section 6.2.1, RFC 2595 section 4). The caller drops its readers afterwards.
func (c *client) startTLS(buffered int, proceed func() error) error {
	if buffered > 0 {
		return errBufferedTLS
	}
	if err := proceed(); err != nil {
		return err
	}
	if err := c.handshake(); err != nil {
		c.log.Debug("no TLS", "err", err)
		return errBroken
	}
	return nil
}

// handshake makes conn the TLS connection over raw.
func (c *client) handshake() error {
	if err := c.extend(c.front.limit.handshake); err != nil {
		return err
	}
	conn := tls.Server(c.raw, c.front.o.TLS)
	if err := conn.Handshake(); err != nil { // the deadlines end it
		return fmt.Errorf("TLS handshake: %w", err)
	}
	c.conn = conn
	return nil
}
