package keyd

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/daemon/tlsconf"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/session/sessiontest"
)

// house is a keyd with its files, and a front's way to it.
type house struct {
	*testing.T
	options tlsconf.Options // of both sides, but for Sign
	keys    *broker.Keys
	log     sessiontest.Log

	mu    sync.Mutex
	now   time.Time
	conns []*fdpass.Conn
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// later lets so much time pass that everybody looks at his files.
func (h *house) later() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(2 * time.Second)
}

// build makes one. The files of the front's certificates are beside a directory with keys
// that it is never told of.
func build(t *testing.T) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{T: t, now: time.Now()}
	h.options = tlsconf.Options{
		Certificate: filepath.Join(dir, "own.pem"), Key: filepath.Join(dir, "own.key"), Directory: filepath.Join(dir, "more"),
		Host: "mail.example.org", Clock: h.clock, Log: h.log.Logger(),
	}
	if err := os.Mkdir(h.options.Directory, 0o755); err != nil {
		t.Fatal(err)
	}
	return h
}

// start starts the keyd.
func (h *house) start() {
	h.Helper()
	keys, err := tlsconf.LoadKeys(h.options, broker.KeyID)
	if err != nil {
		h.Fatal(err)
	}
	s := NewServer(keys, 2, h.log.Logger())
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	h.Cleanup(func() { cancel(); running.Wait() })
	h.keys = broker.NewKeys(func(context.Context) (*fdpass.Conn, error) {
		ours, f, err := fdpass.Pair()
		if err != nil {
			return nil, err
		}
		defer f.Close()
		theirs, err := fdpass.Open(f)
		if err != nil {
			return nil, err
		}
		h.mu.Lock()
		h.conns = append(h.conns, theirs)
		h.mu.Unlock()
		running.Go(func() {
			if err := s.Serve(ctx, theirs); err != nil {
				h.log.Logger().Warn("sent away", "err", err)
			}
		})
		return ours, nil
	}, h.log.Logger())
	h.Cleanup(func() { h.keys.Close() })
}

// front is what a front has: certificates, and the way to keyd.
func (h *house) front() *tlsconf.Server {
	h.Helper()
	o := h.options
	o.Sign = h.keys.Signer
	o.Key = filepath.Join(filepath.Dir(o.Key), "none") // nothing reads it
	s, err := tlsconf.Load(o)
	if err != nil {
		h.Fatal(err)
	}
	return s
}

// write makes a self-signed pair.
func (h *house) write(certificate, key string, signer crypto.Signer, names ...string) *x509.Certificate {
	h.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotAfter: time.Now().Add(90 * 24 * time.Hour), DNSNames: names}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		h.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		h.Fatal(err)
	}
	h.put(key, "PRIVATE KEY", pkcs8(h, signer))
	h.put(certificate, "CERTIFICATE", der)
	return leaf
}

func pkcs8(h *house, signer crypto.Signer) []byte {
	h.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		h.Fatal(err)
	}
	return der
}

// put replaces a file.
func (h *house) put(path, kind string, der []byte) {
	h.Helper()
	err := os.WriteFile(path+".new", pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
	if err := errors.Join(err, os.Rename(path+".new", path)); err != nil {
		h.Fatal(err)
	}
}

func (h *house) more(name string) string { return filepath.Join(h.options.Directory, name) }

// meet has a client connect and returns the certificate that it has got.
func meet(t testing.TB, s *tlsconf.Server, client *tls.Config) (*x509.Certificate, error) {
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
	if err := errors.Join(err, serverErr); err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0], nil
}

// signers are keys of each kind that certificates have.
func signers(h *house) map[string]crypto.Signer {
	h.Helper()
	list := make(map[string]crypto.Signer)
	for name, curve := range map[string]elliptic.Curve{"p256": elliptic.P256(), "p384": elliptic.P384(), "p521": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			h.Fatal(err)
		}
		list[name] = key
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		h.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		h.Fatal(err)
	}
	list["rsa"], list["ed25519"] = key, edwards
	return list
}

// Clients shake hands as they do where the front has the keys, with every kind of them
// and in both versions.
func TestHandshakes(t *testing.T) {
	h := build(t)
	h.write(h.options.Certificate, h.options.Key, signers(h)["p256"], "mail.example.org")
	leaves := make(map[string]*x509.Certificate)
	for kind, signer := range signers(h) {
		leaves[kind] = h.write(h.more(kind+".pem"), h.more(kind+".key"), signer, kind+".example.org")
	}
	h.start()
	s := h.front()
	for kind, leaf := range leaves {
		roots := x509.NewCertPool()
		roots.AddCert(leaf)
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			got, err := meet(t, s, &tls.Config{RootCAs: roots, ServerName: kind + ".example.org", MinVersion: version, MaxVersion: version})
			if err != nil || !got.Equal(leaf) {
				t.Errorf("%s with %s: %v", kind, tls.VersionName(version), err)
			}
		}
	}
}

// Who starts first makes the self-signed pair, and a front without a certificate says so.
func TestSelfSigned(t *testing.T) {
	h := build(t)
	h.start()
	if _, err := meet(t, h.front(), &tls.Config{InsecureSkipVerify: true}); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(h.options.Key); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.Remove(h.options.Certificate); err != nil {
		t.Fatal(err)
	}
	o := h.options
	o.Sign = h.keys.Signer
	if _, err := tlsconf.Load(o); err == nil || !strings.Contains(err.Error(), "tls.certificate") {
		t.Errorf("%v", err)
	}
}

// Keys are renewed with their certificates, in either order; a certificate whose key is
// not there does not replace one that works, and is told once.
func TestRenewed(t *testing.T) {
	h := build(t)
	key := signers(h)
	old := h.write(h.options.Certificate, h.options.Key, key["p256"], "mail.example.org")
	h.start()
	s := h.front()
	shows := func(what string, want *x509.Certificate) {
		t.Helper()
		h.later()
		if got, err := meet(t, s, &tls.Config{InsecureSkipVerify: true}); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", what, got != nil && got.Equal(old), err)
		}
	}
	shows("at first", old)
	fresh := h.write(h.options.Certificate, filepath.Join(t.TempDir(), "later"), key["rsa"], "mail.example.org")
	shows("before its key", old)
	shows("still before its key", old)
	if n := strings.Count(h.log.String(), "certificate not changed"); n != 1 {
		t.Errorf("%d complaints: %s", n, &h.log)
	}
	h.put(h.options.Key, "PRIVATE KEY", pkcs8(h, key["rsa"]))
	shows("with its key", fresh)
	// And the key first: the old one is good until the front has the certificate.
	h.put(h.options.Key, "RSA PRIVATE KEY", []byte("no key"))
	shows("with a bad key", fresh)
	for range 2 {
		if _, err := h.keys.Signer(key["p384"].Public()); err == nil {
			t.Error("files are looked at more than once a second")
		}
		h.put(h.options.Key, "PRIVATE KEY", pkcs8(h, key["p384"]))
	}
	h.later()
	if _, err := h.keys.Signer(key["p384"].Public()); err != nil {
		t.Error(err)
	}
	shows("with the key of the next one", fresh)
	last := h.write(h.options.Certificate, h.options.Key, key["p384"], "mail.example.org")
	shows("with that", last)
}

// Keys in each form in which they are written.
func TestForms(t *testing.T) {
	h := build(t)
	key := signers(h)
	ec, err := x509.MarshalECPrivateKey(key["p384"].(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	h.write(h.options.Certificate, h.options.Key, key["p256"])
	for name, block := range map[string]*pem.Block{
		"a": {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key["rsa"].(*rsa.PrivateKey))},
		"b": {Type: "EC PRIVATE KEY", Bytes: ec},
		"c": {Type: "PRIVATE KEY", Bytes: []byte("nothing")},
		"d": {Type: "CERTIFICATE"},
	} {
		h.put(h.more(name+".pem"), "CERTIFICATE", nil)
		h.put(h.more(name+".key"), block.Type, block.Bytes)
	}
	h.start()
	for _, name := range []string{"p256", "rsa", "p384"} {
		if _, err := h.keys.Signer(key[name].Public()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := strings.Count(h.log.String(), "private key of an unknown form"); n != 1 {
		t.Errorf("%d complaints of a key that is none: %s", n, &h.log)
	}
	if err := tlsconf.CheckKeys(h.options, broker.KeyID); err == nil || !strings.Contains(err.Error(), "c.key") || !strings.Contains(err.Error(), "d.key") {
		t.Errorf("check: %v", err)
	}
}

// What a front says that lies is refused, and what is no question ends its connection.
func TestLies(t *testing.T) {
	h := build(t)
	key := signers(h)
	h.write(h.options.Certificate, h.options.Key, key["rsa"])
	h.write(h.more("ec.pem"), h.more("ec.key"), key["p256"])
	h.write(h.more("ed.pem"), h.more("ed.key"), key["ed25519"])
	h.start()
	if _, err := h.keys.Signer(key["rsa"].Public()); err != nil {
		t.Fatal(err)
	}
	id := func(name string) [32]byte {
		one, err := broker.KeyID(key[name].Public())
		if err != nil {
			t.Fatal(err)
		}
		return one
	}
	link := broker.NewLink(func(ctx context.Context) (*fdpass.Conn, error) { return h.dial(ctx) }, nil)
	defer link.Close()
	hash := sha256.Sum256([]byte("hash"))
	for name, tt := range map[string]struct {
		ask  *wire.Sign
		want wire.Reason // 0: it is signed
	}{
		"PSS":                    {&wire.Sign{Key: id("rsa"), Scheme: 0x0804, Data: hash[:]}, 0},
		"PKCS #1":                {&wire.Sign{Key: id("rsa"), Scheme: 0x0401, Data: hash[:]}, 0},
		"Ed25519":                {&wire.Sign{Key: id("ed25519"), Scheme: 0x0807, Data: bytes.Repeat([]byte(" "), wire.MaxSigned)}, 0},
		"a key of nobody":        {&wire.Sign{Key: [32]byte{1}, Scheme: 0x0804, Data: hash[:]}, wire.Unavailable},
		"a certificate's hash":   {&wire.Sign{Key: hash, Scheme: 0x0804, Data: hash[:]}, wire.Unavailable},
		"another kind of key":    {&wire.Sign{Key: id("p256"), Scheme: 0x0804, Data: hash[:]}, wire.Mechanism},
		"and the other way":      {&wire.Sign{Key: id("rsa"), Scheme: 0x0403, Data: hash[:]}, wire.Mechanism},
		"Edwards' scheme":        {&wire.Sign{Key: id("p256"), Scheme: 0x0807, Data: hash[:]}, wire.Mechanism},
		"a short hash":           {&wire.Sign{Key: id("rsa"), Scheme: 0x0804, Data: hash[1:]}, wire.Mechanism},
		"no hash":                {&wire.Sign{Key: id("rsa"), Scheme: 0x0401}, wire.Mechanism},
		"a hash of SHA-512":      {&wire.Sign{Key: id("rsa"), Scheme: 0x0804, Data: make([]byte, 64)}, wire.Mechanism},
		"SHA-1":                  {&wire.Sign{Key: id("rsa"), Scheme: 0x0201, Data: make([]byte, sha1.Size)}, wire.Mechanism},
		"nothing that TLS signs": {&wire.Sign{Key: id("rsa"), Scheme: 0xffffffff, Data: hash[:]}, wire.Mechanism},
	} {
		talk, err := link.Talk(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		m, err := talk.Ask(t.Context(), tt.ask)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r, refused := m.(*wire.Refused)
		if refused != (tt.want != 0) || refused && r.Reason != tt.want {
			t.Errorf("%s: %+v", name, m)
		}
	}
	talk, err := link.Talk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m, err := talk.Ask(t.Context(), &wire.Start{Service: wire.IMAP}); err == nil {
		t.Errorf("what is no question was answered: %+v", m)
	}
	if _, err := h.keys.Signer(key["p256"].Public()); err != nil {
		t.Errorf("another's connection: %v", err)
	}
}

// dial connects a further front to the same keyd.
func (h *house) dial(context.Context) (*fdpass.Conn, error) {
	keys, err := tlsconf.LoadKeys(h.options, broker.KeyID)
	if err != nil {
		return nil, err
	}
	ours, f, err := fdpass.Pair()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	theirs, err := fdpass.Open(f)
	if err != nil {
		return nil, err
	}
	go NewServer(keys, 1, slog.New(slog.DiscardHandler)).Serve(h.Context(), theirs)
	return ours, nil
}

// A keyd that has ended is found again, and one that has the wrong key is found out.
func TestAnother(t *testing.T) {
	h := build(t)
	key := signers(h)
	h.write(h.options.Certificate, h.options.Key, key["p256"], "mail.example.org")
	h.start()
	s := h.front()
	h.mu.Lock()
	for _, c := range h.conns {
		c.Close()
	}
	h.mu.Unlock()
	var err error
	for range 100 { // the front hears of it a moment later
		if _, err = meet(t, s, &tls.Config{InsecureSkipVerify: true}); err == nil {
			break
		}
	}
	if err != nil {
		t.Error(err)
	}
	if _, err := h.keys.Signer(key["rsa"].Public()); err == nil {
		t.Error("a key that it has not")
	}
	if strings.Contains(h.log.String(), "no TLS handshake") {
		t.Errorf("%s", &h.log)
	}
	h.keys.Close()
	for range 3 {
		if _, err := meet(t, s, &tls.Config{InsecureSkipVerify: true}); err == nil {
			t.Error("a handshake without a key")
		}
	}
	if n := strings.Count(h.log.String(), `level=ERROR msg="no TLS handshake can be signed"`); n != 1 {
		t.Errorf("%d complaints: %s", n, &h.log)
	}
	if _, err := h.keys.Signer("no key"); err == nil {
		t.Error("nothing is a key")
	}
}

func TestSchemes(t *testing.T) {
	h := build(t)
	key := signers(h)
	for _, tt := range []struct {
		key  string
		opts crypto.SignerOpts
		want uint32 // 0: none
	}{
		{"p256", crypto.SHA256, 0x0403}, {"p384", crypto.SHA384, 0x0503}, {"p521", crypto.SHA512, 0x0603},
		{"p384", crypto.SHA256, 0x0403}, {"rsa", crypto.SHA256, 0x0401}, {"ed25519", crypto.Hash(0), 0x0807},
		{"rsa", &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA384}, 0x0805},
		{"rsa", &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: crypto.SHA384}, 0},
		{"p256", &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}, 0},
		{"rsa", crypto.SHA1, 0}, {"p256", crypto.Hash(0), 0}, {"ed25519", crypto.SHA512, 0},
	} {
		got, err := broker.SchemeOf(key[tt.key].Public(), tt.opts)
		if got != tt.want || (err == nil) != (tt.want != 0) {
			t.Errorf("%s, %v: %#04x, %v", tt.key, tt.opts, got, err)
		}
	}
}

// BenchmarkSign compares a signature by keyd with one in the same process.
func BenchmarkSign(b *testing.B) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	hash := sha256.Sum256([]byte("hash"))
	for name, key := range map[string]crypto.Signer{"ecdsa": ec, "rsa": rsaKey} {
		var opts crypto.SignerOpts = crypto.SHA256
		if name == "rsa" {
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
		}
		s := NewServer(only{key}, 1, slog.New(slog.DiscardHandler))
		keys := broker.NewKeys(func(context.Context) (*fdpass.Conn, error) {
			ours, f, err := fdpass.Pair()
			if err != nil {
				return nil, err
			}
			defer f.Close()
			theirs, err := fdpass.Open(f)
			if err != nil {
				return nil, err
			}
			go s.Serve(b.Context(), theirs)
			return ours, nil
		}, slog.New(slog.DiscardHandler))
		defer keys.Close()
		remote, err := keys.Signer(key.Public())
		if err != nil {
			b.Fatal(err)
		}
		for where, signer := range map[string]crypto.Signer{"here": key, "keyd": remote} {
			b.Run(name+"/"+where, func(b *testing.B) {
				before := processorTime(b)
				for b.Loop() {
					if _, err := signer.Sign(rand.Reader, hash[:], opts); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64((processorTime(b)-before)/time.Duration(b.N)), "cpu-ns/op")
			})
		}
	}
}

// processorTime is what both sides have used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// only is one key, whatever its name.
type only struct{ key crypto.Signer }

func (o only) Find([32]byte) (crypto.Signer, bool) { return o.key, true }
