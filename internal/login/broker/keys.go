package broker

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
)

// Keys is the way to keyd, which has the private keys of the certificates. It is safe for
// many goroutines.
type Keys struct {
	link *Link
	log  *slog.Logger

	mu   sync.Mutex // guards what follows
	said time.Time  // when it was last logged that nothing can be signed
}

// NewKeys returns the way to a keyd that dial connects to.
func NewKeys(dial func(context.Context) (*fdpass.Conn, error), log *slog.Logger) *Keys {
	return &Keys{link: NewLink(dial, nil), log: log}
}

// Close ends the connection to keyd.
func (k *Keys) Close() error { return k.link.Close() }

// Ready waits until keyd answers: then it has its keys, and has made those that were
// missing.
func (k *Keys) Ready(ctx context.Context) error {
	m, err := k.ask(ctx, &wire.Sign{}) // which is no key's name
	if err == nil && m.Kind() != wire.KindRefused {
		err = fmt.Errorf("it said %q", m.Kind())
	}
	if err != nil {
		return fmt.Errorf("reach keyd: %w", err)
	}
	return nil
}

// ask asks keyd.
func (k *Keys) ask(ctx context.Context, q *wire.Sign) (wire.Message, error) {
	talk, err := k.link.Talk(ctx)
	if err != nil {
		return nil, err
	}
	return talk.Ask(ctx, q)
}

// Signer returns the private key of a public one, which has been tried.
func (k *Keys) Signer(public crypto.PublicKey) (crypto.Signer, error) {
	id, err := KeyID(public)
	if err != nil {
		return nil, err
	}
	s := &signer{keys: k, public: public, id: id}
	if err := s.try(); err != nil {
		return nil, fmt.Errorf("use the key by keyd: %w", err)
	}
	return s, nil
}

// KeyID is the name of a key: the SHA-256 hash of its SubjectPublicKeyInfo.
func KeyID(public crypto.PublicKey) ([32]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return [32]byte{}, fmt.Errorf("name a key: %w", err)
	}
	return sha256.Sum256(der), nil
}

// signer is a crypto.Signer whose key keyd has.
type signer struct {
	keys   *Keys
	public crypto.PublicKey
	id     [32]byte
}

// Public implements crypto.Signer.
func (s *signer) Public() crypto.PublicKey { return s.public }

// signTime is how long keyd may take: clients wait.
const signTime = 5 * time.Second

// Sign implements crypto.Signer, for what TLS signs. That it cannot is logged here:
// package tls makes of the error one like those of broken clients, which nobody reads.
func (s *signer) Sign(_ io.Reader, data []byte, opts crypto.SignerOpts) ([]byte, error) {
	signature, err := s.sign(data, opts)
	if err != nil {
		s.keys.complain(err)
	}
	return signature, err
}

// sayEvery is how often it is logged that nothing can be signed.
const sayEvery = 10 * time.Second

func (k *Keys) complain(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := time.Now(); now.Sub(k.said) >= sayEvery {
		k.said = now
		k.log.Error("no TLS handshake can be signed", "err", err)
	}
}

func (s *signer) sign(data []byte, opts crypto.SignerOpts) ([]byte, error) {
	scheme, err := SchemeOf(s.public, opts)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), signTime)
	defer cancel()
	m, err := s.keys.ask(ctx, &wire.Sign{Key: s.id, Scheme: scheme, Data: data})
	if err != nil {
		return nil, fmt.Errorf("ask keyd: %w", err)
	}
	switch m := m.(type) {
	case *wire.Signed:
		return m.Signature, nil
	case *wire.Refused:
		return nil, fmt.Errorf("keyd refuses: %w", failures[m.Reason])
	}
	return nil, fmt.Errorf("keyd said %q", m.Kind())
}

// try has something signed, and verifies it.
func (s *signer) try() error {
	text := make([]byte, 32)
	rand.Read(text) // never fails
	hash := sha256.Sum256(text)
	var signature []byte
	var err error
	good := false
	switch public := s.public.(type) {
	case *ecdsa.PublicKey:
		signature, err = s.sign(hash[:], crypto.SHA256)
		good = err == nil && ecdsa.VerifyASN1(public, hash[:], signature)
	case *rsa.PublicKey:
		o := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
		signature, err = s.sign(hash[:], o)
		good = err == nil && rsa.VerifyPSS(public, crypto.SHA256, hash[:], signature, o) == nil
	case ed25519.PublicKey:
		signature, err = s.sign(text, crypto.Hash(0))
		good = err == nil && ed25519.Verify(public, text, signature)
	default:
		return fmt.Errorf("no kind of key for TLS: %T", public)
	}
	if err == nil && !good {
		err = errors.New("a wrong signature")
	}
	return err
}

// kind is a kind of key with what it signs.
type kind uint8

const (
	kindECDSA kind = iota
	kindRSA        // PKCS #1 version 1.5, in TLS 1.2
	kindPSS
	kindEdwards
)

// schemes are the rows of RFC 8446 section 4.2.3 that TLS 1.2 and later sign with. In TLS
// 1.2 those of ECDSA name no curve.
var schemes = []struct {
	id   uint32
	kind kind
	hash crypto.Hash
}{
	{0x0403, kindECDSA, crypto.SHA256},
	{0x0503, kindECDSA, crypto.SHA384},
	{0x0603, kindECDSA, crypto.SHA512},
	{0x0804, kindPSS, crypto.SHA256},
	{0x0805, kindPSS, crypto.SHA384},
	{0x0806, kindPSS, crypto.SHA512},
	{0x0401, kindRSA, crypto.SHA256},
	{0x0501, kindRSA, crypto.SHA384},
	{0x0601, kindRSA, crypto.SHA512},
	{0x0807, kindEdwards, 0},
}

var errScheme = errors.New("not a way in which TLS signs")

// SchemeOf returns the scheme in which a key signs with these options.
func SchemeOf(public crypto.PublicKey, opts crypto.SignerOpts) (uint32, error) {
	var k kind
	pss, isPSS := opts.(*rsa.PSSOptions)
	switch public.(type) {
	case *ecdsa.PublicKey:
		k = kindECDSA
	case *rsa.PublicKey:
		if k = kindRSA; isPSS {
			k = kindPSS
		}
	case ed25519.PublicKey:
		k = kindEdwards
	default:
		return 0, errScheme
	}
	if isPSS && (k != kindPSS || pss.SaltLength != rsa.PSSSaltLengthEqualsHash) {
		return 0, errScheme
	}
	for _, s := range schemes {
		if s.kind == k && s.hash == opts.HashFunc() {
			return s.id, nil
		}
	}
	return 0, errScheme
}

// SignerOpts returns the options with which a key signs n octets of data in a scheme. It
// is an error if that is no scheme of the key, or not as much as it signs.
func SignerOpts(public crypto.PublicKey, scheme uint32, n int) (crypto.SignerOpts, error) {
	for _, s := range schemes {
		if s.id != scheme {
			continue
		}
		var opts crypto.SignerOpts = s.hash
		if s.kind == kindPSS {
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.hash}
		}
		if again, err := SchemeOf(public, opts); err != nil || again != scheme || s.hash != 0 && n != s.hash.Size() {
			return nil, errScheme
		}
		return opts, nil
	}
	return nil, errScheme
}
