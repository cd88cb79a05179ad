package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
)

// Conn is a connection on which a handshake with a Server's configuration may come, for
// tls.Server. It notes which certificate the client is shown, for EndPoint; package tls
// tells nobody afterwards.
type Conn struct {
	net.Conn
	shown *x509.Certificate
}

// EndPoint returns the channel binding data of the type tls-server-end-point of a
// connection over c (RFC 5929 section 4). It is an error where the client has seen no
// certificate on this connection, since it resumes a session, whose certificate may have
// been another.
func (c *Conn) EndPoint(state tls.ConnectionState) ([]byte, error) {
	switch {
	case !state.HandshakeComplete:
		return nil, errors.New("tls-server-end-point: before the end of the handshake")
	case state.DidResume || c.shown == nil:
		return nil, errors.New("tls-server-end-point: no certificate was shown")
	}
	return EndPoint(c.shown)
}
