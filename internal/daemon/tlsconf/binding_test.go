package tlsconf

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/xdg-go/scram"
)

// selfSigned makes a certificate with a key on curve.
func selfSigned(t *testing.T, curve elliptic.Curve) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// ends returns how both ends see a connection.
func ends(t *testing.T, certificate tls.Certificate, version uint16) (server, client tls.ConnectionState) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	s := tls.Server(near, &tls.Config{Certificates: []tls.Certificate{certificate}, SessionTicketsDisabled: true})
	c := tls.Client(far, &tls.Config{InsecureSkipVerify: true, MaxVersion: version, MinVersion: version})
	result := make(chan error, 1)
	go func() { result <- s.Handshake() }()
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	return s.ConnectionState(), c.ConnectionState()
}

// TestBindings compares the data with those that a client's library finds at the
// other end.
func TestBindings(t *testing.T) {
	var exported [][]byte
	for name, curve := range map[string]elliptic.Curve{"SHA-256": elliptic.P256(), "SHA-384": elliptic.P384(), "SHA-512": elliptic.P521()} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			certificate := selfSigned(t, curve)
			server, client := ends(t, certificate, version)
			exporter, err := Exporter(server)
			want, wantErr := scram.NewTLSExporterBinding(&client)
			if err != nil || wantErr != nil || !bytes.Equal(exporter, want.Data) || len(exporter) != 32 {
				t.Errorf("%s, TLS %#x: exporter %x, %v; client %x, %v", name, version, exporter, err, want.Data, wantErr)
			}
			exported = append(exported, exporter)
			endPoint, err := EndPoint(certificate.Leaf)
			want, wantErr = scram.NewTLSServerEndpointBinding(&client)
			if err != nil || wantErr != nil || !bytes.Equal(endPoint, want.Data) {
				t.Errorf("%s, TLS %#x: end point %x, %v; client %x, %v", name, version, endPoint, err, want.Data, wantErr)
			}
		}
	}
	for i, data := range exported {
		for _, other := range exported[:i] {
			if bytes.Equal(data, other) {
				t.Error("two connections with the same data")
			}
		}
	}
	if _, err := Exporter(tls.ConnectionState{}); err == nil {
		t.Error("data before the handshake")
	}
}

func TestEndPointHash(t *testing.T) {
	for signature, want := range map[x509.SignatureAlgorithm]crypto.Hash{
		x509.MD5WithRSA:       crypto.SHA256,
		x509.SHA1WithRSA:      crypto.SHA256,
		x509.ECDSAWithSHA1:    crypto.SHA256,
		x509.SHA256WithRSA:    crypto.SHA256,
		x509.SHA384WithRSAPSS: crypto.SHA384,
		x509.SHA512WithRSA:    crypto.SHA512,
		x509.PureEd25519:      0,
		0:                     0,
	} {
		got, err := endPointHash(signature)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%s: %s, %v; want %s", signature, got, err, want)
		}
	}
	if _, err := EndPoint(&x509.Certificate{SignatureAlgorithm: x509.PureEd25519}); err == nil {
		t.Error("data for Ed25519")
	}
}
