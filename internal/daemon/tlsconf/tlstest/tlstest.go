// Package tlstest certifies clients and servers for tests.
package tlstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"testing"
	"time"
)

// Authority is one who certifies.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// New makes one.
func New(tb testing.TB) *Authority {
	tb.Helper()
	a := &Authority{}
	one := a.issue(tb, &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	a.certificate, a.key = one.Leaf, one.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// Client certifies a client with an address, for a day from an hour ago on; change, if
// it is not nil, may change that.
func (a *Authority) Client(tb testing.TB, address string, change func(*x509.Certificate)) tls.Certificate {
	tb.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "client"}, EmailAddresses: []string{address},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	return a.issue(tb, template)
}

// Server certifies a server with names.
func (a *Authority) Server(tb testing.TB, names ...string) tls.Certificate {
	tb.Helper()
	return a.issue(tb, &x509.Certificate{
		DNSNames: names, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
}

// issue makes a certificate with a key of its own, signed by a, or by itself if a has no
// key yet.
func (a *Authority) issue(tb testing.TB, template *x509.Certificate) tls.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		tb.Fatal(err)
	}
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	}
	parent, signer := a.certificate, a.key
	if signer == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// Write writes the authority's own certificate, in PEM, in the place of whatever is there.
func (a *Authority) Write(tb testing.TB, path string) {
	tb.Helper()
	write(tb, path, "CERTIFICATE", a.certificate.Raw)
}

// Pool returns the authority as one that is trusted.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// Write writes a certificate and its key, in PEM.
func Write(tb testing.TB, one tls.Certificate, certificate, key string) {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(one.PrivateKey)
	if err != nil {
		tb.Fatal(err)
	}
	write(tb, key, "PRIVATE KEY", der)
	write(tb, certificate, "CERTIFICATE", one.Certificate[0])
}

func write(tb testing.TB, path, kind string, der []byte) {
	tb.Helper()
	err := os.WriteFile(path+".new", pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
	if err := errors.Join(err, os.Rename(path+".new", path)); err != nil {
		tb.Fatal(err)
	}
}
