// Package webauthn checks what security keys and passkeys say: the relying party's side of
// Web Authentication Level 3 (W3C), as far as a second factor needs it. It keeps nothing
// and draws nothing; who uses it keeps Credentials, and shows a Challenge to a browser
// once.
//
//	Register  clientDataJSON + attestationObject        a Credential, to be kept (section 7.1)
//	Assert    clientDataJSON + authenticatorData        is it that Credential, now? (section 7.2)
//	          + signature
//
//	client.go         the JSON that pages send, and what browsers say in it
//	authenticator.go  what authenticators say: flags, counter, the new key
//	cose.go           public keys, and signatures by them
//	options.go        the JSON that pages are given
//
// A Credential is bound to the origin on which it was made. The browser tells the origin,
// the authenticator signs the hash of its host: a page on another host gets nothing that
// is good here. Whose authenticator it is, by make and model, nobody asks: attestation is
// "none", or the key's own signature, which is checked.
//
// The verification of attestations of makers, and the libraries that know them, with TPM,
// JWT and certificates of telephones, are left out on purpose: authd has the passwords.
package webauthn

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Errors. All that is refused wraps ErrRefused, and says why for the log.
var (
	ErrRefused = errors.New("not the answer of a security key")
	// ErrOrigin says that there can be no credentials for an origin.
	ErrOrigin = errors.New("no origin that can have security keys")
)

func refuse(format string, values ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrRefused}, values...)...)
}

const (
	// MaxResponse is the longest JSON that is read, in octets.
	MaxResponse = 12 << 10
	// MaxID is the longest name of a credential, in octets (section 4).
	MaxID = 1023
)

// Challenge is what an authenticator signs, and nobody can know before. It is good once.
type Challenge [32]byte

// NewChallenge returns one.
func NewChallenge() (c Challenge) {
	rand.Read(c[:]) // never fails
	return c
}

// Party is the site that credentials are for (section 4: relying party): its host has no
// port, its origin may have one.
type Party struct{ ID, Origin string }

// PartyOf returns the party of an origin, such as "https://mail.example.org:8443". Hosts are
// names: browsers have no credentials for numeric addresses. The error is ErrOrigin.
func PartyOf(origin string) (Party, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" || len(origin) > maxOrigin {
		return Party{}, ErrOrigin
	}
	host, port := u.Hostname(), u.Port()
	if _, err := netip.ParseAddr(host); err == nil || host == "" || host != strings.ToLower(host) || strings.ContainsFunc(host, notHost) {
		return Party{}, ErrOrigin
	}
	if port == "443" {
		port = "" // as browsers write it (RFC 6454 section 6.2)
	}
	whole := "https://" + host
	if port != "" {
		whole = "https://" + net.JoinHostPort(host, port)
	}
	return Party{ID: host, Origin: whole}, nil
}

// maxOrigin is more than a host's name and a port have, in octets.
const maxOrigin = 270

func notHost(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.'
}

// Credential is a key pair of an authenticator's, of which this is the public half.
type Credential struct {
	ID       []byte
	Key      []byte // COSE_Key
	Count    uint32 // of signatures, as it said last; 0: it does not count
	Eligible bool   // it may be copied to other devices: a passkey
	Origin   string
	// Transports are the ways to it, as the browser calls them.
	Transports []string
}

// Register checks the answer to a new key that was asked for with Creation, and returns
// it. Whether the account has it already is for the caller.
func Register(response []byte, c Challenge, p Party) (Credential, error) {
	r, err := parseResponse(response)
	if err != nil {
		return Credential{}, err
	}
	if err := r.client.check("webauthn.create", c, p.Origin); err != nil {
		return Credential{}, err
	}
	a, err := parseAttestation(r.Response.AttestationObject)
	if err != nil {
		return Credential{}, err
	}
	data, err := parseAuthenticator(a.AuthData)
	if err != nil {
		return Credential{}, err
	}
	if err := data.check(p.ID); err != nil {
		return Credential{}, err
	}
	switch {
	case data.id == nil:
		return Credential{}, refuse("it has no new key")
	case !bytes.Equal(data.id, r.RawID):
		return Credential{}, refuse("the browser and the authenticator name different keys")
	}
	if err := a.verify(data, r.clientHash()); err != nil {
		return Credential{}, err
	}
	return Credential{
		ID: data.id, Key: data.key, Count: data.count, Eligible: data.flags&flagEligible != 0,
		Origin: p.Origin, Transports: r.transports(),
	}, nil
}

// Answers returns the name of the credential that an answer is of.
func Answers(response []byte) ([]byte, error) {
	r, err := parseResponse(response)
	if err != nil {
		return nil, err
	}
	return r.RawID, nil
}

// Assert checks the answer of a credential to a challenge, and returns what is to be kept
// of the credential from now on. A counter that does not grow is refused: there are two
// authenticators with this key (section 6.1.1).
func (c Credential) Assert(response []byte, challenge Challenge) (Credential, error) {
	r, err := parseResponse(response)
	if err != nil {
		return c, err
	}
	p, err := PartyOf(c.Origin)
	if err != nil {
		return c, fmt.Errorf("a credential of %q: %w", c.Origin, err)
	}
	if !bytes.Equal(r.RawID, c.ID) {
		return c, refuse("it is another key")
	}
	if err := r.client.check("webauthn.get", challenge, p.Origin); err != nil {
		return c, err
	}
	data, err := parseAuthenticator(r.Response.AuthenticatorData)
	if err != nil {
		return c, err
	}
	if err := data.check(p.ID); err != nil {
		return c, err
	}
	if (data.flags&flagEligible != 0) != c.Eligible {
		return c, refuse("whether the key can be copied has changed")
	}
	key, _, err := parseKey(c.Key)
	if err != nil {
		return c, fmt.Errorf("a credential that is kept: %w", err)
	}
	hash := r.clientHash()
	if !key.verify(append(bytes.Clone(r.Response.AuthenticatorData), hash[:]...), r.Response.Signature) {
		return c, refuse("the signature is wrong")
	}
	if (data.count != 0 || c.Count != 0) && data.count <= c.Count {
		return c, refuse("the counter does not grow: %d after %d", data.count, c.Count)
	}
	c.Count = data.count
	return c, nil
}

// clientHash is what an authenticator signs in place of the browser's words.
func (r *response) clientHash() [sha256.Size]byte { return sha256.Sum256(r.Response.ClientData) }
