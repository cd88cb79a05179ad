package passdb

import (
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/md5crypt"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"github.com/go-crypt/crypt/algorithm/sha1crypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// matcher compares a password with what follows {SCHEME}. Its error means that
// this hash can match no password.
type matcher func(hash, password string) (bool, error)

// schemes is the table of names that may stand in braces. A hash without
// braces is CRYPT, as for Dovecot's passwd-file.
var schemes = map[string]matcher{
	"PLAIN":     plain,
	"CLEAR":     plain,
	"CLEARTEXT": plain,

	// crypt(3): what follows tells its own method by "$id$".
	"CRYPT":        modular,
	"MD5-CRYPT":    modular,
	"MD5":          modular,
	"BLF-CRYPT":    modular,
	"SHA256-CRYPT": modular,
	"SHA512-CRYPT": modular,
	"ARGON2I":      modular,
	"ARGON2ID":     modular,

	"PBKDF2": pbkdf2SHA1,

	// One round, for accounts that come from elsewhere.
	"SHA":       digest(sha1.New),
	"SHA1":      digest(sha1.New),
	"SHA256":    digest(sha256.New),
	"SHA512":    digest(sha512.New),
	"PLAIN-MD5": digest(md5.New),
	"LDAP-MD5":  digest(md5.New),
	"SSHA":      digest(sha1.New),
	"SSHA256":   digest(sha256.New),
	"SSHA512":   digest(sha512.New),
	"SMD5":      digest(md5.New),
}

// matchField compares a password with the password field of a passwd-file.
// Errors hold nothing of the field but the name of its scheme.
func matchField(field, password string) (bool, error) {
	scheme, hash := "CRYPT", field
	if rest, ok := strings.CutPrefix(field, "{"); ok {
		if scheme, hash, ok = strings.Cut(rest, "}"); !ok {
			return false, errors.New("the scheme has no closing brace")
		}
	}
	match, ok := schemes[strings.ToUpper(scheme)]
	if !ok {
		return false, fmt.Errorf("the scheme {%.20q} is not supported", scheme)
	}
	ok, err := match(hash, password)
	if err != nil {
		return false, fmt.Errorf("{%s}: %w", scheme, err)
	}
	return ok, nil
}

// errHash says that a hash is not what its scheme wants. The cause is left out:
// it may quote the hash.
var errHash = errors.New("the hash cannot be read")

func plain(hash, password string) (bool, error) {
	if hash == "" {
		return false, errHash
	}
	a, b := sha256.Sum256([]byte(hash)), sha256.Sum256([]byte(password)) // equal lengths
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1, nil
}

// methods of crypt(3) by "$id$". The plain text and PBKDF2 formats of the
// library are not among them: nothing else writes those.
var methods = map[string]algorithm.DecodeFunc{
	"1":        md5crypt.Decode,
	"sha1":     sha1crypt.Decode,
	"2a":       bcrypt.Decode,
	"2b":       bcrypt.Decode,
	"2y":       bcrypt.Decode,
	"5":        shacrypt.Decode,
	"6":        shacrypt.Decode,
	"y":        scrypt.Decode, // yescrypt
	"argon2i":  argon2.Decode,
	"argon2id": argon2.Decode,
}

func modular(hash, password string) (bool, error) {
	parts := strings.SplitN(hash, "$", 3)
	if len(parts) != 3 || parts[0] != "" {
		return false, errHash
	}
	decode, ok := methods[parts[1]]
	if !ok {
		return false, fmt.Errorf("the method $%.20q$ is not supported", parts[1])
	}
	d, err := decode(hash)
	if err != nil {
		return false, errHash
	}
	// An error here is about this password, such as one too long for bcrypt.
	ok, err = d.MatchAdvanced(password)
	return ok && err == nil, nil
}

// digest is one round of a hash function: base64 or hex of the digest, in
// base64 followed by the salt.
func digest(function func() hash.Hash) matcher {
	return func(text, password string) (bool, error) {
		h := function()
		var want []byte
		var err error
		if len(text) == hex.EncodedLen(h.Size()) {
			want, err = hex.DecodeString(text)
		} else {
			want, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
		}
		if err != nil || len(want) < h.Size() {
			return false, errHash
		}
		h.Write([]byte(password))
		h.Write(want[h.Size():])
		return subtle.ConstantTimeCompare(h.Sum(nil), want[:h.Size()]) == 1, nil
	}
}

// pbkdf2SHA1 is Dovecot's own format: $1$salt$rounds$hex.
func pbkdf2SHA1(text, password string) (bool, error) {
	const mostRounds = 10_000_000
	parts := strings.Split(text, "$")
	if len(parts) != 5 || parts[0] != "" || parts[1] != "1" {
		return false, errHash
	}
	rounds, err := strconv.Atoi(parts[3])
	if err != nil || rounds < 1 || rounds > mostRounds {
		return false, errHash
	}
	want, err := hex.DecodeString(parts[4])
	if err != nil || len(want) != sha1.Size {
		return false, errHash
	}
	got, err := pbkdf2.Key(sha1.New, password, []byte(parts[2]), rounds, sha1.Size)
	if err != nil {
		return false, errHash
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}
