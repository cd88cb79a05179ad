package tlsconf

import (
	"crypto"
	_ "crypto/sha512" // SHA-384 and SHA-512
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// Exporter returns the channel binding data of the type tls-exporter for a
// connection whose handshake is complete (RFC 9266 section 2): 32 octets that
// only the two ends of this one connection know. It is an error with TLS 1.2
// without the extended master secret, where they might not be the only ones.
func Exporter(state tls.ConnectionState) ([]byte, error) {
	if !state.HandshakeComplete {
		return nil, errors.New("tls-exporter: before the end of the handshake")
	}
	data, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
	if err != nil {
		return nil, fmt.Errorf("tls-exporter: %w", err)
	}
	return data, nil
}

// EndPoint returns the channel binding data of the type tls-server-end-point for
// connections in which the server has shown this certificate (RFC 5929 section
// 4.1): its hash. A connection that resumes a session has seen the certificate
// of that, which may be an older one: there is no data for it, unless that is
// known. It is an error if the certificate's signature has no hash of its own.
func EndPoint(leaf *x509.Certificate) ([]byte, error) {
	hash, err := endPointHash(leaf.SignatureAlgorithm)
	if err != nil {
		return nil, err
	}
	h := hash.New()
	h.Write(leaf.Raw)
	return h.Sum(nil), nil
}

// endPointHash is the hash of a signature, or SHA-256 for those that are weak.
func endPointHash(signature x509.SignatureAlgorithm) (crypto.Hash, error) {
	switch signature {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1,
		x509.SHA256WithRSA, x509.DSAWithSHA256, x509.ECDSAWithSHA256, x509.SHA256WithRSAPSS:
		return crypto.SHA256, nil
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		return crypto.SHA384, nil
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		return crypto.SHA512, nil
	}
	return 0, fmt.Errorf("tls-server-end-point: no hash for a signature with %s", signature)
}
