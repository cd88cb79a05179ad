package tlsconf

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// write makes a self-signed certificate with its key in two files, and returns its
// serial number, which is another one each time.
func (f *fixture) write(t *testing.T, certificate, key string, signer crypto.Signer, until time.Time, names ...string) string {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "nobody"}, NotBefore: f.now.Add(-48 * time.Hour), NotAfter: until, DNSNames: names}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+".tmp", pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".tmp", path); err != nil {
			t.Fatal(err)
		}
	}
	return serial.String()
}

// in makes a pair in a directory of the directory, as certbot does.
func (f *fixture) in(t *testing.T, dir string, signer crypto.Signer, names ...string) string {
	t.Helper()
	dir = filepath.Join(f.Directory, dir)
	return f.write(t, filepath.Join(dir, "fullchain.pem"), filepath.Join(dir, "privkey.pem"), signer, f.now.Add(90*24*time.Hour), names...)
}

func newECDSA(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newRSA(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newEd25519(t *testing.T) crypto.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// shown returns the serial number of the certificate that a client gets.
func shown(t *testing.T, s *Server, name string, change ...func(*tls.Config)) string {
	t.Helper()
	c := &tls.Config{ServerName: name, InsecureSkipVerify: true}
	for _, f := range change {
		f(c)
	}
	leaf, err := handshake(t, s, c)
	if err != nil {
		t.Errorf("%q: %v", name, err)
		return ""
	}
	return leaf.SerialNumber.String()
}

// onlyRSA is a client that knows no other certificates.
func onlyRSA(c *tls.Config) {
	c.MaxVersion = tls.VersionTLS12
	c.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
}

func TestCertificateByName(t *testing.T) {
	f := newFixture(t)
	f.Directory = t.TempDir()
	own := f.write(t, f.Certificate, f.Key, newRSA(t), f.now.Add(90*24*time.Hour), "mail.example.org", "Imap.Example.ORG")
	ownEC := f.in(t, "mail.example.org-ecdsa", newECDSA(t), "mail.example.org")
	net1 := f.in(t, "mail.example.net", newECDSA(t), "mail.example.net")
	netRSA := f.in(t, "mail.example.net-rsa", newRSA(t), "mail.example.net")
	wild := f.write(t, filepath.Join(f.Directory, "wild.crt"), filepath.Join(f.Directory, "wild.key"), newECDSA(t), f.now.Add(90*24*time.Hour), "*.example.net", "example.net")
	edwards := f.write(t, filepath.Join(f.Directory, "ed", "x.pem"), filepath.Join(f.Directory, "ed", "x.key"), newEd25519(t), f.now.Add(90*24*time.Hour), "ed.example.com")
	expired := f.write(t, filepath.Join(f.Directory, "old", "x.pem"), filepath.Join(f.Directory, "old", "x.key"), newECDSA(t), f.now.Add(-time.Hour), "two.example.com", "gone.example.com")
	longer := f.write(t, filepath.Join(f.Directory, "z.pem"), filepath.Join(f.Directory, "z.key"), newECDSA(t), f.now.Add(20*24*time.Hour), "two.example.com")
	f.write(t, filepath.Join(f.Directory, "y.pem"), filepath.Join(f.Directory, "y.key"), newECDSA(t), f.now.Add(15*24*time.Hour), "two.example.com")
	f.write(t, filepath.Join(f.Directory, "deep", "er", "fullchain.pem"), filepath.Join(f.Directory, "deep", "er", "privkey.pem"), newECDSA(t), f.now.Add(time.Hour), "deep.example.com")
	if err := os.WriteFile(filepath.Join(f.Directory, "README"), []byte("read me"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.Directory, "ca.pem"), []byte("alone"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Load(f.Options)
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(f.Options); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct {
		name, want, rsa string
	}{
		{"mail.example.org", ownEC, own},
		{"MAIL.example.org", ownEC, own},
		{"imap.example.org", own, own},
		{"mail.example.net", net1, netRSA},
		{"other.example.net", wild, ""},
		{"example.net", wild, ""},
		{"far.other.example.net", ownEC, own}, // a wildcard is one label
		{"ed.example.com", edwards, ""},
		{"two.example.com", longer, ""},
		{"gone.example.com", expired, ""}, // the client says so better than with another name
		{"deep.example.com", ownEC, own},
		{"unknown.example.com", ownEC, own},
		{"", ownEC, own},
	} {
		if tt.want == ownEC && tt.name != "mail.example.org" && tt.name != "MAIL.example.org" {
			tt.want = own // the own one is for whoever wants nothing else
		}
		if got := shown(t, s, tt.name); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.name, got, tt.want)
		}
		if tt.rsa != "" {
			if got := shown(t, s, tt.name, onlyRSA); got != tt.rsa {
				t.Errorf("%q with RSA alone: %s, want %s", tt.name, got, tt.rsa)
			}
		}
	}
	if _, err := handshake(t, s, &tls.Config{ServerName: "ed.example.com", InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12,
		CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}); err == nil {
		t.Error("a client that knows no kind of certificate for the name got one")
	}
}

// A client that does not know the kind of the own certificate gets another one of its names.
func TestOwnCertificateOfTwoKinds(t *testing.T) {
	f := newFixture(t)
	f.Directory = t.TempDir()
	own := f.write(t, f.Certificate, f.Key, newECDSA(t), f.now.Add(90*24*time.Hour), "mail.example.org")
	second := f.in(t, "rsa", newRSA(t), "mail.example.org")
	s, err := Load(f.Options)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "10.0.0.1", "mail.example.org", "mail.example.com"} {
		if got := shown(t, s, name); got != own {
			t.Errorf("%q: %s", name, got)
		}
		if got := shown(t, s, name, onlyRSA); got != second {
			t.Errorf("%q with RSA alone: %s", name, got)
		}
	}
}

// Pairs come, change, break and go while the server runs.
func TestDirectoryIsWatched(t *testing.T) {
	f := newFixture(t)
	f.Directory = filepath.Join(t.TempDir(), "live")
	s, err := Load(f.Options)
	if err != nil {
		t.Fatal(err)
	}
	own := s.own.inUse.Leaf.SerialNumber.String()
	if !strings.Contains(f.log.String(), "read tls.directory") {
		t.Errorf("nothing is said of a missing directory:\n%s", &f.log)
	}
	later := func(want, what string) {
		t.Helper()
		f.now = f.now.Add(time.Second)
		if got := shown(t, s, "a.example.org"); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	later(own, "before there is any")
	first := f.in(t, "a", newECDSA(t), "a.example.org")
	later(first, "appeared")
	second := f.in(t, "a", newECDSA(t), "a.example.org")
	later(second, "renewed")
	key := filepath.Join(f.Directory, "a", "privkey.pem")
	f.log.Reset()
	if err := os.WriteFile(key, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	later(second, "broken")
	later(second, "still broken")
	if n := strings.Count(f.log.String(), "certificate not changed"); n != 1 || !strings.Contains(f.log.String(), key) {
		t.Errorf("%d complaints:\n%s", n, &f.log)
	}
	if err := Check(f.Options); err == nil || !strings.Contains(err.Error(), key) {
		t.Errorf("check: %v", err)
	}
	if err := s.Reload(); err == nil || !strings.Contains(err.Error(), key) {
		t.Errorf("reload: %v", err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	later(second, "without its key")
	third := f.in(t, "a", newECDSA(t), "a.example.org")
	later(third, "mended")
	f.log.Reset()
	if err := os.RemoveAll(filepath.Join(f.Directory, "a")); err != nil {
		t.Fatal(err)
	}
	later(own, "gone")
	later(own, "still gone")
	if n := strings.Count(f.log.String(), "certificate gone"); n != 1 {
		t.Errorf("%d times gone:\n%s", n, &f.log)
	}
	f.in(t, "b", newECDSA(t), "a.example.org")
	if err := os.WriteFile(filepath.Join(f.Directory, "b", "fullchain.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	later(own, "never whole")
	if again, err := Load(f.Options); err != nil || len(again.further) != 1 {
		t.Errorf("one bad pair keeps the server from starting: %v", err)
	}
}

// Looking takes a small part of the time, however many pairs there are.
func TestLooksAreSpaced(t *testing.T) {
	f := newFixture(t)
	slow := false
	clock := f.Clock
	f.Clock = func() time.Time {
		if slow {
			f.now = f.now.Add(50 * time.Millisecond)
		}
		return clock()
	}
	s, err := Load(f.Options)
	if err != nil {
		t.Fatal(err)
	}
	slow = true
	f.now = f.now.Add(time.Second)
	s.current()
	if wait := s.due.Sub(s.looked); wait < 2*time.Second {
		t.Errorf("it is looked again after %v", wait)
	}
}

func TestKeyOf(t *testing.T) {
	for name, want := range map[string]string{
		"fullchain.pem": "privkey.pem", "a.crt": "a.key", "mail.example.org.pem": "mail.example.org.key",
		"privkey.pem": "privkey.key", ".crt": "", ".a.pem": "", "a.key": "", "README": "", "": "",
	} {
		if got := keyOf(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}

func BenchmarkChoose(b *testing.B) {
	dir := b.TempDir()
	s, err := Load(Options{Certificate: filepath.Join(dir, "c"), Key: filepath.Join(dir, "k"), Host: "mail.example.org", Clock: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	var hello *tls.ClientHelloInfo
	config := s.Config()
	config.GetCertificate = func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		hello = h
		return nil, errors.New("enough")
	}
	client, server := net.Pipe()
	go tls.Client(client, &tls.Config{ServerName: "mail.example.org"}).Handshake()
	go io.Copy(io.Discard, client)
	tls.Server(server, config).Handshake()
	for b.Loop() {
		s.current().choose(hello)
	}
}
