package tlsconf

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// fixture is a directory for a pair, a clock that tests move, and a log.
type fixture struct {
	Options
	now time.Time
	log bytes.Buffer
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{now: time.Now()}
	dir := filepath.Join(t.TempDir(), "tls")
	f.Options = Options{
		Certificate: filepath.Join(dir, "cert.pem"),
		Key:         filepath.Join(dir, "key.pem"),
		Host:        "mail.example.org",
		Clock:       func() time.Time { return f.now },
		Log:         slog.New(slog.NewTextHandler(&f.log, nil)),
	}
	return f
}

// handshake returns the certificate that a client gets.
func handshake(t *testing.T, s *Server, client *tls.Config) (*x509.Certificate, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			err = tls.Server(c, s.Config()).Handshake()
			c.Close()
		}
		done <- err
	}()
	c, err := tls.Dial("tcp", l.Addr().String(), client)
	serverErr := <-done
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if serverErr != nil {
		t.Fatal(serverErr)
	}
	return c.ConnectionState().PeerCertificates[0], nil
}

func TestSelfSigned(t *testing.T) {
	f := newFixture(t)
	s, err := Load(f.Options)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(f.Key)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("key: %v, %v", info.Mode(), err)
	}
	roots := x509.NewCertPool()
	data, err := os.ReadFile(f.Certificate)
	if err != nil || !roots.AppendCertsFromPEM(data) {
		t.Fatal(err)
	}
	for _, name := range []string{"mail.example.org", "localhost", "127.0.0.1", "::1"} {
		if _, err := handshake(t, s, &tls.Config{RootCAs: roots, ServerName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := handshake(t, s, &tls.Config{RootCAs: roots, ServerName: "other.example.org"}); err == nil {
		t.Error("it is for any name")
	}
	if _, err := handshake(t, s, &tls.Config{RootCAs: roots, ServerName: "localhost", MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	again, err := Load(f.Options)
	if err != nil || !bytes.Equal(again.own.inUse.Certificate[0], s.own.inUse.Certificate[0]) {
		t.Errorf("a second start made another: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(f.Key), ".new-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestLongHostName(t *testing.T) {
	f := newFixture(t)
	f.Host = strings.Repeat("a", 63) + ".example.org"
	s, err := Load(f.Options)
	if err != nil || s.own.inUse.Leaf.VerifyHostname(f.Host) != nil {
		t.Error(err)
	}
}

func TestStartedAtOnce(t *testing.T) {
	f := newFixture(t)
	f.Log = slog.New(slog.DiscardHandler)
	var wg sync.WaitGroup
	pairs := make([]*tls.Certificate, 8)
	for i := range pairs {
		wg.Go(func() {
			s, err := Load(f.Options)
			if err != nil {
				t.Error(err)
				return
			}
			pairs[i] = s.own.inUse
		})
	}
	wg.Wait()
	for _, p := range pairs {
		if p == nil || !bytes.Equal(p.Certificate[0], pairs[0].Certificate[0]) {
			t.Error("two of them made a certificate")
		}
	}
}

// replace puts the pair of another fixture in the place of f's.
func (f *fixture) replace(t *testing.T, other *fixture, what ...string) {
	t.Helper()
	for _, w := range what {
		from, to := other.Certificate, f.Certificate
		if w == "key" {
			from, to = other.Key, f.Key
		}
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+".tmp", data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(to+".tmp", to); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSwappedWithoutRestart(t *testing.T) {
	f, other := newFixture(t), newFixture(t)
	s, err := Load(f.Options)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Load(other.Options)
	if err != nil {
		t.Fatal(err)
	}
	first := s.own.inUse.Leaf
	got := func() *x509.Certificate {
		c, err := handshake(t, s, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	f.replace(t, other, "certificate")
	if !got().Equal(first) {
		t.Error("looked twice within a second")
	}
	for range 3 { // the new certificate with the old key: one complaint
		f.now = f.now.Add(time.Second)
		if !got().Equal(first) {
			t.Error("a pair that does not fit was taken")
		}
	}
	if n := strings.Count(f.log.String(), "certificate not changed"); n != 1 {
		t.Errorf("%d complaints:\n%s", n, &f.log)
	}
	f.replace(t, other, "key")
	f.now = f.now.Add(time.Second)
	if !got().Equal(o.own.inUse.Leaf) || !strings.Contains(f.log.String(), "certificate changed") {
		t.Errorf("not swapped:\n%s", &f.log)
	}
	if err := os.Remove(f.Key); err != nil {
		t.Fatal(err)
	}
	f.now = f.now.Add(time.Second)
	if !got().Equal(o.own.inUse.Leaf) {
		t.Error("lost with the file")
	}
	if err := s.Reload(); err == nil {
		t.Error("reload without a key")
	}
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(t *testing.T, f *fixture)
		want  string
	}{
		{"no key", func(t *testing.T, f *fixture) { remove(t, f.Key) }, "exists but tls.key"},
		{"no certificate", func(t *testing.T, f *fixture) { remove(t, f.Certificate) }, "exists but tls.certificate"},
		{"another key", func(t *testing.T, f *fixture) {
			other := newFixture(t)
			if _, err := Load(other.Options); err != nil {
				t.Fatal(err)
			}
			f.replace(t, other, "key")
		}, "private key does not match public key"},
		{"exchanged", func(t *testing.T, f *fixture) { f.Certificate, f.Key = f.Key, f.Certificate }, "tls.certificate " /* … */},
		{"empty", func(t *testing.T, f *fixture) {
			if err := os.Truncate(f.Key, 0); err != nil {
				t.Fatal(err)
			}
		}, "with tls.key "},
		{"endless", func(t *testing.T, f *fixture) {
			if err := os.Truncate(f.Key, 1<<30); err != nil {
				t.Fatal(err)
			}
		}, "is larger than"},
		{"a directory that cannot be", func(t *testing.T, f *fixture) { f.Key += "/x"; f.Certificate += "/y" }, "not a directory"},
	} {
		f := newFixture(t)
		if _, err := Load(f.Options); err != nil {
			t.Fatal(err)
		}
		tc.spoil(t, f)
		if _, err := Load(f.Options); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
		if err := Check(f.Options); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: check: %v, want %q", tc.name, err, tc.want)
		}
	}
}

func TestCheckMakesNothing(t *testing.T) {
	f := newFixture(t)
	if err := Check(f.Options); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(f.Key)); !os.IsNotExist(err) {
		t.Errorf("a directory was made: %v", err)
	}
	if _, err := Load(f.Options); err != nil {
		t.Fatal(err)
	}
	if err := Check(f.Options); err != nil {
		t.Error(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func TestExpiryIsLogged(t *testing.T) {
	f := newFixture(t)
	if _, err := Load(f.Options); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(f.log.String(), "expires") {
		t.Error("a new certificate expires")
	}
	f.now = f.now.Add(validity)
	if _, err := Load(f.Options); err != nil || !strings.Contains(f.log.String(), "certificate expires") {
		t.Errorf("%v\n%s", err, &f.log)
	}
}
