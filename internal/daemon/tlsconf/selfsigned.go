package tlsconf

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// validity of a self-signed certificate: Apple's clients refuse server
// certificates that are valid for more than 825 days.
const validity = 820 * 24 * time.Hour

// ensure makes a self-signed pair if there is neither certificate nor key.
//
// Several daemons may be started at once on a new machine. The directory of
// the key is locked while the pair is made, so that one of them makes it and
// the others find it. The key appears first: whoever sees a certificate can
// read its key. A crash in between leaves a key alone, which is reported.
func (s *Server) ensure() error {
	noCertificate, noKey, err := s.missing()
	if err != nil || !noCertificate && !noKey {
		return err
	}
	for _, path := range []string{s.o.Key, s.o.Certificate} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("make a self-signed certificate: %w", err)
		}
	}
	unlock, err := lockDir(filepath.Dir(s.o.Key))
	if err != nil {
		return fmt.Errorf("make a self-signed certificate: %w", err)
	}
	defer unlock()
	noCertificate, noKey, err = s.missing()
	switch {
	case err != nil || !noCertificate && !noKey:
		return err
	case noCertificate != noKey:
		return s.onlyOne(noCertificate)
	}
	if err := s.generate(); err != nil {
		return fmt.Errorf("make a self-signed certificate: %w", err)
	}
	s.o.Log.Warn("self-signed certificate made", "file", s.o.Certificate, "host", s.o.Host)
	return nil
}

func (s *Server) onlyOne(noCertificate bool) error {
	there, path, gone, missing := "tls.certificate", s.o.Certificate, "tls.key", s.o.Key
	if noCertificate {
		there, path, gone, missing = gone, missing, there, path
	}
	return fmt.Errorf("%s %s exists but %s %s does not: add it, or remove the first to get a self-signed pair",
		there, path, gone, missing)
}

// lockDir waits until no other process holds the directory.
func lockDir(dir string) (unlock func() error, err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(d.Fd()), unix.LOCK_EX)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return d.Close, nil
}

func (s *Server) generate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	now := s.o.Clock()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "localhost"},
		NotBefore:             now.Add(-time.Hour), // clients' clocks
		NotAfter:              now.Add(validity),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if s.o.Host != "" && s.o.Host != "localhost" {
		template.DNSNames = append(template.DNSNames, s.o.Host)
		if len(s.o.Host) <= 64 { // ub-common-name, RFC 5280 appendix A.1
			template.Subject.CommonName = s.o.Host
		}
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	if err := writePEM(s.o.Key, "PRIVATE KEY", der, 0o600); err != nil {
		return err
	}
	return writePEM(s.o.Certificate, "CERTIFICATE", certificate, 0o644)
}

// writePEM writes a file so that it appears complete or not at all.
func writePEM(path, kind string, der []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := pem.Encode(f, &pem.Block{Type: kind, Bytes: der}); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
