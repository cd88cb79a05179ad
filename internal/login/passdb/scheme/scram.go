package scheme

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"

	"github.com/xdg-go/stringprep"
)

// What keys have that Make makes, or that are derived from a password in plain text
// at each login. Decoys have it too, so that they look alike. RFC 7677 section 4 wants
// no fewer than 4096 iterations.
const (
	SCRAMIterations = 16_384
	SCRAMSalt       = 16 // octets
)

// Keys are what a server knows of a password for SCRAM, RFC 5802 section 3. The
// password cannot be read from them, but whoever has them can play the server.
type Keys struct {
	Salt       []byte
	Iterations int
	StoredKey  []byte
	ServerKey  []byte
}

// scramHashes are the mechanisms and their hash functions. The mechanisms with
// -PLUS have the same keys.
var scramHashes = map[string]struct {
	function func() hash.Hash
	each     time.Duration
}{
	"SCRAM-SHA-1":   {sha1.New, sha1Time},
	"SCRAM-SHA-256": {sha256.New, sha256Time},
}

// Keys returns the keys for a mechanism, SCRAM-SHA-1 or SCRAM-SHA-256, if the field
// has them or the password in plain text. Only in the latter case the salt is used:
// it should be always the same for an account, and secret until it is used, because
// accounts that are not there need one that looks alike.
func (h Hash) Keys(mechanism string, salt []byte) (Keys, bool) {
	if h.keys == nil {
		return Keys{}, false
	}
	return h.keys(mechanism, salt)
}

// DeriveKeys computes the keys of a password, RFC 5802 section 3. It is an error
// if the mechanism is not known or the count is not positive.
func DeriveKeys(mechanism, password string, salt []byte, iterations int) (Keys, error) {
	return deriveKeys(mechanism, Prepare(password), salt, iterations)
}

func deriveKeys(mechanism, prepared string, salt []byte, iterations int) (Keys, error) {
	m, ok := scramHashes[mechanism]
	if !ok || iterations < 1 {
		return Keys{}, fmt.Errorf("derive the keys of %.20q: no such mechanism, or no iterations", mechanism)
	}
	saltedPassword, err := pbkdf2.Key(m.function, prepared, salt, iterations, m.function().Size())
	if err != nil {
		return Keys{}, fmt.Errorf("derive the keys of %s: %w", mechanism, err)
	}
	keyed := func(text string) []byte {
		mac := hmac.New(m.function, saltedPassword)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	stored := m.function()
	stored.Write(keyed("Client Key"))
	return Keys{
		Salt:       salt,
		Iterations: iterations,
		StoredKey:  stored.Sum(nil),
		ServerKey:  keyed("Server Key"),
	}, nil
}

// Prepare is SASLprep, RFC 4013, for passwords. One that must not be prepared (it
// has control characters, or letters younger than Unicode 3.2) is left as it is,
// as other servers and clients do: better its octets than no login.
func Prepare(password string) string {
	prepared, err := stringprep.SASLprep.Prepare(password)
	if err != nil || prepared == "" {
		return password
	}
	return prepared
}

// samePassword compares two passwords in plain text, whatever their lengths.
func samePassword(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return same(x[:], y[:])
}

var errIterations = errors.New("fewer than 4096 iterations")

// scram is iterations,salt,StoredKey,ServerKey, the latter three in base64, as
// Dovecot writes it.
func scram(mechanism string) func(string) (Hash, error) {
	m := scramHashes[mechanism]
	size := m.function().Size()
	return func(text string) (Hash, error) {
		parts := strings.Split(text, ",")
		if len(parts) != 4 {
			return Hash{}, errHash
		}
		count, err := number(parts[0])
		if err != nil {
			return Hash{}, err
		}
		if count < 4096 {
			return Hash{}, errIterations
		}
		var octets [3][]byte
		for i, part := range parts[1:] {
			decoded, err := decodeBase64(part)
			if err != nil {
				return Hash{}, errHash
			}
			octets[i] = []byte(decoded)
		}
		stored := Keys{Salt: octets[0], Iterations: int(count), StoredKey: octets[1], ServerKey: octets[2]}
		if len(stored.Salt) == 0 || len(stored.StoredKey) != size || len(stored.ServerKey) != size {
			return Hash{}, errHash
		}
		cost := rounds(count, m.each)
		return Hash{
			cost:  cost,
			match: func(password string) bool { return stored.match(mechanism, password) },
			keys: func(wanted string, _ []byte) (Keys, bool) {
				return stored, wanted == mechanism
			},
		}, cost.check()
	}
}

// match derives the keys again. Dovecot did not prepare the password from which
// it made them, so one that preparing changes is tried as it is, too.
func (k Keys) match(mechanism, password string) bool {
	prepared := Prepare(password)
	if k.derivedFrom(mechanism, prepared) {
		return true
	}
	return prepared != password && k.derivedFrom(mechanism, password)
}

func (k Keys) derivedFrom(mechanism, prepared string) bool {
	got, err := deriveKeys(mechanism, prepared, k.Salt, k.Iterations)
	return err == nil && same(got.StoredKey, k.StoredKey) && same(got.ServerKey, k.ServerKey)
}
