package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/tlsconf/tlstest"
)

// served is what a server knows of a connection.
type served struct {
	state    tls.ConnectionState
	endPoint []byte
	noEnd    error // why there is no endPoint
}

// meet has a client connect and returns what the server knows of it, or its error.
func meet(t *testing.T, s *Server, config *tls.Config, client *tls.Config) (served, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	defer func() { <-done }() // then the client has its ticket
	go func() {
		defer close(done)
		c, err := tls.Dial("tcp", l.Addr().String(), client)
		if err != nil {
			return
		}
		defer c.Close()
		c.Read(make([]byte, 1)) // with TLS 1.3 tickets come now
	}()
	raw, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if err := raw.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	under := &Conn{Conn: raw}
	c := tls.Server(under, config)
	if err := c.Handshake(); err != nil {
		return served{}, err
	}
	if _, err := c.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	v := served{state: c.ConnectionState()}
	v.endPoint, v.noEnd = under.EndPoint(v.state)
	return v, nil
}

// withCA is a fixture whose clients are certified by the authority that is returned.
func withCA(t *testing.T) (*fixture, *tlstest.Authority) {
	f, ca := newFixture(t), tlstest.New(t)
	f.ClientCA = filepath.Join(t.TempDir(), "ca.pem")
	ca.Write(t, f.ClientCA)
	return f, ca
}

func TestClientCertificates(t *testing.T) {
	f, ca := withCA(t)
	s, err := Load(f.Options)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		show []tls.Certificate
		want string // in the error
	}{
		{"none", nil, ""},
		{"a good one", []tls.Certificate{ca.Client(t, "a@example.org", nil)}, ""},
		{"by somebody else", []tls.Certificate{tlstest.New(t).Client(t, "a@example.org", nil)}, "unknown authority"},
		{"too old", []tls.Certificate{ca.Client(t, "a@example.org", func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		})}, "expired"},
		{"not yet", []tls.Certificate{ca.Client(t, "a@example.org", func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
		})}, "not yet valid"},
		{"a server's", []tls.Certificate{ca.Server(t, "mail.example.org")}, "incompatible key usage"},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			client := &tls.Config{InsecureSkipVerify: true, MaxVersion: version, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if tt.show == nil {
					return &tls.Certificate{}, nil
				}
				return &tt.show[0], nil // also one that was not asked for
			}}
			v, err := meet(t, s, s.Config(), client)
			var bad *tls.CertificateVerificationError
			switch {
			case tt.want == "" && (err != nil || len(v.state.PeerCertificates) != len(tt.show)):
				t.Errorf("%s: %v", tt.name, err)
			case tt.want != "" && (!errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
			}
		}
	}
	without := newFixture(t)
	if s, err = Load(without.Options); err != nil {
		t.Fatal(err)
	}
	asked := false
	v, err := meet(t, s, s.Config(), &tls.Config{InsecureSkipVerify: true, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked = true
		one := ca.Client(t, "a@example.org", nil)
		return &one, nil
	}})
	if asked || err != nil || len(v.state.PeerCertificates) != 0 {
		t.Errorf("without a setting clients are asked: %v", err)
	}
}

// Those who certify are changed like certificates; who was certified by others before
// does not come back by resuming a session.
func TestClientCAIsWatched(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		f, ca := withCA(t)
		s, err := Load(f.Options)
		if err != nil {
			t.Fatal(err)
		}
		config := s.Config()
		client := func(ca *tlstest.Authority) *tls.Config {
			one := ca.Client(t, "a@example.org", nil)
			return &tls.Config{ServerName: "mail.example.org", InsecureSkipVerify: true, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(1),
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &one, nil }}
		}
		old, other := client(ca), tlstest.New(t)
		fresh := client(other)
		for i := range 3 {
			v, err := meet(t, s, config, old)
			if err != nil || v.state.DidResume != (i > 0) || len(v.state.PeerCertificates) != 1 {
				t.Fatalf("connection %d: %v, resumed: %v", i, err, v.state.DidResume)
			}
			if (v.noEnd == nil) != (i == 0) {
				t.Errorf("connection %d: %x, %v", i, v.endPoint, v.noEnd)
			}
		}
		if err := os.WriteFile(f.ClientCA, []byte("nothing"), 0o600); err != nil {
			t.Fatal(err)
		}
		f.now = f.now.Add(time.Second)
		if _, err := meet(t, s, config, old); err != nil || strings.Count(f.log.String(), "no certificate in it") != 1 {
			t.Errorf("a bad file: %v\n%s", err, &f.log)
		}
		if _, err := meet(t, s, config, fresh); err == nil {
			t.Error("a client of another authority")
		}
		other.Write(t, f.ClientCA)
		f.now = f.now.Add(time.Second)
		if v, err := meet(t, s, config, old); err == nil {
			t.Errorf("resumed %v with a certificate of one who certifies no more", v.state.DidResume)
		}
		if _, err := meet(t, s, config, fresh); err != nil {
			t.Error(err)
		}
	}
}

func TestClientCAMustBeThere(t *testing.T) {
	f := newFixture(t)
	f.ClientCA = filepath.Join(t.TempDir(), "ca.pem")
	for _, text := range []string{"-", "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		if text != "-" {
			if err := os.WriteFile(f.ClientCA, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Load(f.Options); err == nil || !strings.Contains(err.Error(), "tls.client_ca") {
			t.Errorf("%q: %v", text, err)
		}
		if err := Check(f.Options); err == nil || !strings.Contains(err.Error(), "tls.client_ca") {
			t.Errorf("%q: check: %v", text, err)
		}
	}
}

func TestClientName(t *testing.T) {
	leaf := &x509.Certificate{Subject: pkix.Name{CommonName: "Ann"}, EmailAddresses: []string{"ann@example.org", "b@example.org"}, DNSNames: []string{"ann.example.org"}}
	for kind, want := range map[conf.CertificateName]string{
		conf.CertificateEmail: "ann@example.org", conf.CertificateDNS: "ann.example.org", conf.CertificateCommonName: "Ann", "": "",
	} {
		if got, err := ClientName(leaf, kind); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", kind, got, err)
		}
		if got, err := ClientName(&x509.Certificate{}, kind); err == nil {
			t.Errorf("%s of nobody: %q", kind, got)
		}
	}
	for _, name := range []string{strings.Repeat("a", 256), "a\x00b", "a\nb", "a\xff"} {
		if got, err := ClientName(&x509.Certificate{Subject: pkix.Name{CommonName: name}}, conf.CertificateCommonName); err == nil {
			t.Errorf("%q: %q", name, got)
		}
	}
}

// The binding is of the certificate that this client was shown.
func TestEndPointOfShown(t *testing.T) {
	f := newFixture(t)
	f.Directory = t.TempDir()
	f.in(t, "a", newECDSA(t), "a.example.org")
	s, err := Load(f.Options)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string][]byte)
	for _, name := range []string{"a.example.org", "mail.example.org"} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			var leaf *x509.Certificate
			v, err := meet(t, s, s.Config(), &tls.Config{InsecureSkipVerify: true, ServerName: name, MaxVersion: version, VerifyConnection: func(state tls.ConnectionState) error {
				leaf = state.PeerCertificates[0]
				return nil
			}})
			if err != nil || v.noEnd != nil {
				t.Fatal(err, v.noEnd)
			}
			if want, err := EndPoint(leaf); err != nil || !slices.Equal(v.endPoint, want) || leaf.VerifyHostname(name) != nil {
				t.Errorf("%s: %x, want %x, %v", name, v.endPoint, want, err)
			}
			seen[name] = v.endPoint
		}
	}
	if slices.Equal(seen["a.example.org"], seen["mail.example.org"]) {
		t.Error("two certificates have one binding")
	}
	if _, err := new(Conn).EndPoint(tls.ConnectionState{}); err == nil {
		t.Error("a binding before the handshake")
	}
}
