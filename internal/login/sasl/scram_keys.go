package sasl

import (
	"crypto"
	"crypto/hmac"
	_ "crypto/sha1" // SCRAM-SHA-1
	"crypto/sha256"
	"errors"
	"fmt"
)

// Keys is what a server keeps of a password for SCRAM (RFC 5802 section 3). It
// is enough to check a client and to be believed by it, and not enough to log
// in elsewhere.
type Keys struct {
	Account    string // as the backend spells it
	Salt       []byte
	Iterations int
	StoredKey  []byte // H(ClientKey)
	ServerKey  []byte
}

// maxSalt is the longest salt of stored keys, in octets.
const maxSalt = 256

// check reports whether stored keys can be those of hash.
func (k Keys) check(hash crypto.Hash) error {
	if len(k.Salt) == 0 || len(k.Salt) > maxSalt || k.Iterations < 1 || len(k.StoredKey) != hash.Size() || len(k.ServerKey) != hash.Size() {
		return fmt.Errorf("%w: damaged SCRAM keys of %s", ErrUnavailable, k.Account)
	}
	return nil
}

// minIterations is what new keys have at least (RFC 5802 section 5.1, RFC 7677
// section 3); clients refuse less. Older keys are used as they are.
const minIterations = 4096

// Decoy makes the keys of accounts that have none, so that the server's first
// message does not tell who has: the same salt at each try for the same name,
// and what else it says is what most accounts have. No password fits.
type Decoy struct {
	// Secret, of 16 octets or more, is kept over restarts: the salts of
	// accounts do not change either.
	Secret     []byte
	Iterations int // of new keys
	SaltSize   int // of new keys, in octets: 8 to 32
}

// check reports why d would not deceive.
func (d Decoy) check() error {
	switch {
	case len(d.Secret) < 16:
		return errors.New("a secret of less than 16 octets")
	case d.Iterations < minIterations:
		return fmt.Errorf("an iteration count of less than %d", minIterations)
	case d.SaltSize < 8 || d.SaltSize > sha256.Size:
		return fmt.Errorf("salts of %d octets", d.SaltSize)
	}
	return nil
}

// Salt returns the salt for a name, as keys has it. A Backend that makes keys at login,
// from a password in plain text, uses it too: then a name that gets an account keeps
// the salt that it had without. It is nil if there is no secret.
func (d Decoy) Salt(hash crypto.Hash, name string) []byte {
	if len(d.Secret) == 0 {
		return nil
	}
	return d.derive("salt", hash, name)[:d.SaltSize]
}

func (d Decoy) derive(what string, hash crypto.Hash, name string) []byte {
	mac := hmac.New(sha256.New, d.Secret)
	fmt.Fprintf(mac, "%s\x00%s\x00%s", what, hash, name)
	return mac.Sum(nil)
}

// keys returns the keys for a name, which is in the form in which it would be
// looked up.
func (d Decoy) keys(hash crypto.Hash, name string) Keys {
	return Keys{
		Account:    name,
		Salt:       d.Salt(hash, name),
		Iterations: d.Iterations,
		StoredKey:  d.derive("stored key", hash, name)[:hash.Size()],
		ServerKey:  d.derive("server key", hash, name)[:hash.Size()],
	}
}
