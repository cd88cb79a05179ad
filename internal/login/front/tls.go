package front

import (
	"crypto/tls"
	"crypto/x509"
	"errors"

	"fantail/internal/daemon/metrics"
	"fantail/internal/daemon/tlsconf"
	"fantail/internal/login/sasl"
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
	if !c.handshake() {
		return errBroken
	}
	return nil
}

// handshake makes conn the TLS connection over raw. Where there is none, it says why in
// the log. A certificate that the client shows, and that is not good, ends it: the client
// would not understand why it is not known.
func (c *client) handshake() bool {
	under := &tlsconf.Conn{Conn: c.raw}
	conn := tls.Server(under, c.front.o.TLS)
	c.front.handshakes.Begin()
	defer c.front.handshakes.Done()
	err := c.extend(c.front.limit.handshake)
	if err == nil {
		err = conn.Handshake() // the deadlines end it
	}
	var bad *tls.CertificateVerificationError
	if err != nil {
		c.front.o.Metrics.Inc(metrics.HandshakeFailures)
	} else {
		c.front.o.Metrics.Inc(metrics.Handshakes, metrics.TLSVersion(conn.ConnectionState().Version))
	}
	switch {
	case err == nil:
	case errors.As(err, &bad) && len(bad.UnverifiedCertificates) > 0:
		c.log.Warn("client certificate refused", "subject", subject(bad.UnverifiedCertificates[0]), "err", bad.Err)
		return false
	default:
		c.log.Debug("no TLS", "err", err)
		return false
	}
	c.conn = conn
	c.identify(conn.ConnectionState(), under)
	return true
}

// identify notes what SASL may want to know of the TLS connection.
func (c *client) identify(state tls.ConnectionState, under *tlsconf.Conn) {
	c.bindings = make(map[string][]byte)
	// An error says that there is no such binding on this connection.
	if b, err := tlsconf.Exporter(state); err == nil {
		c.bindings[sasl.BindingExporter] = b
	}
	if b, err := under.EndPoint(state); err == nil {
		c.bindings[sasl.BindingEndPoint] = b
	}
	if len(state.PeerCertificates) == 0 {
		return
	}
	leaf := state.PeerCertificates[0] // verified, or there would be no connection
	name, err := tlsconf.ClientName(leaf, c.front.o.ClientName)
	if err != nil {
		c.log.Warn("client certificate without a use", "subject", subject(leaf), "err", err)
		return
	}
	c.certificate = name
}

// mostSubject is how much of a subject is logged, in octets. Strangers choose it.
const mostSubject = 200

// subject is whose a certificate says to be.
func subject(leaf *x509.Certificate) string {
	s := leaf.Subject.String()
	return s[:min(len(s), mostSubject)]
}
