package scheme

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"strings"
	"time"

	xcrypt "github.com/go-crypt/x/crypt"
)

// same compares in a time that depends on the lengths only.
func same[T string | []byte](a, b T) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// md5crypt is $1$salt$hash, with at most eight characters of salt.
func md5crypt(text string) (Hash, error) {
	parts, err := fields(text, 3)
	if err != nil {
		return Hash{}, err
	}
	salt, want := parts[1], parts[2]
	if len(salt) > 8 {
		return Hash{}, errSalt
	}
	if len(want) != 22 || !digits64(want) {
		return Hash{}, errHash
	}
	return Hash{cost: rounds(1000, md5Time), match: func(password string) bool {
		return same(string(xcrypt.KeyMD5Crypt([]byte(password), []byte(salt))), want)
	}}, nil
}

// shacrypt is $5$ or $6$, perhaps rounds=number$, salt$hash, with at most 16
// characters of salt. crypt(3) takes no fewer than 1,000 rounds.
func shacrypt(function func() hash.Hash, each time.Duration) func(string) (Hash, error) {
	size := (function().Size()*8 + 5) / 6
	return func(text string) (Hash, error) {
		parts := strings.Split(text, "$")[2:]
		count := uint32(5000)
		if digits, ok := strings.CutPrefix(parts[0], "rounds="); ok {
			var err error
			if count, err = number(digits); err != nil {
				return Hash{}, err
			}
			parts = parts[1:]
		}
		if len(parts) != 2 || count < 1000 {
			return Hash{}, errHash
		}
		salt, want := parts[0], parts[1]
		if len(salt) > 16 {
			return Hash{}, errSalt
		}
		if len(want) != size || !digits64(want) {
			return Hash{}, errHash
		}
		cost := rounds(count, each)
		return Hash{cost: cost, match: func(password string) bool {
			return same(string(xcrypt.KeySHACrypt(function, []byte(password), []byte(salt), int(count))), want)
		}}, cost.check()
	}
}

// sha1crypt is $sha1$rounds$salt$hash, NetBSD's.
func sha1crypt(text string) (Hash, error) {
	parts, err := fields(text, 4)
	if err != nil {
		return Hash{}, err
	}
	salt, want := parts[2], parts[3]
	count, err := number(parts[1])
	if err != nil {
		return Hash{}, err
	}
	if salt == "" || len(want) != 28 || !digits64(want) {
		return Hash{}, errHash
	}
	cost := rounds(count, sha1Time)
	return Hash{cost: cost, match: func(password string) bool {
		return same(string(xcrypt.KeySHA1Crypt([]byte(password), []byte(salt), count)), want)
	}}, cost.check()
}

// sunMD5 is $md5,rounds=number$salt$$hash or $md5$salt$$hash, Solaris's. The form
// with one "$" before the hash means something else and nobody writes it.
func sunMD5(text string) (Hash, error) {
	parts, err := fields(text, 4)
	if err != nil {
		return Hash{}, err
	}
	var count uint32 // on top of 4096
	if digits, ok := strings.CutPrefix(parts[0], "md5,rounds="); ok {
		if count, err = number(digits); err != nil {
			return Hash{}, err
		}
	} else if parts[0] != "md5" {
		return Hash{}, errHash
	}
	salt, want := parts[1], parts[3]
	if parts[2] != "" || len(want) != 22 || !digits64(want) {
		return Hash{}, errHash
	}
	cost := Cost{Time: (4096 + time.Duration(count)) * sunTime}
	return Hash{cost: cost, match: func(password string) bool {
		return same(string(xcrypt.KeyMD5CryptSun([]byte(password), []byte(salt), count)), want)
	}}, cost.check()
}

// pbkdf2Dovecot is $1$salt$rounds$hex with HMAC-SHA-1, where the salt stands for
// itself. OpenLDAP uses the same name for its own format.
func pbkdf2Dovecot(text string) (Hash, error) {
	if !strings.HasPrefix(text, "$") {
		return pbkdf2Adapted(sha1.New, sha1Time)(text)
	}
	parts, err := fields(text, 4)
	if err != nil || parts[0] != "1" {
		return Hash{}, errHash
	}
	want, err := hex.DecodeString(parts[3])
	if err != nil {
		return Hash{}, errHash
	}
	count, err := number(parts[2])
	if err != nil {
		return Hash{}, err
	}
	return pbkdf2Hash(sha1.New, sha1Time, []byte(parts[1]), count, want)
}

// pbkdf2Adapted is rounds$salt$hash, both in base64 with "." for "+" and without
// padding.
func pbkdf2Adapted(function func() hash.Hash, each time.Duration) func(string) (Hash, error) {
	return func(text string) (Hash, error) {
		parts := strings.Split(text, "$")
		if len(parts) != 3 {
			return Hash{}, errHash
		}
		count, err := number(parts[0])
		if err != nil {
			return Hash{}, err
		}
		salt, err := decodeBase64(strings.ReplaceAll(parts[1], ".", "+"))
		if err != nil {
			return Hash{}, errHash
		}
		want, err := decodeBase64(strings.ReplaceAll(parts[2], ".", "+"))
		if err != nil {
			return Hash{}, errHash
		}
		return pbkdf2Hash(function, each, []byte(salt), count, []byte(want))
	}
}

// pbkdf2Modular is the same after "$pbkdf2-...$".
func pbkdf2Modular(function func() hash.Hash, each time.Duration) func(string) (Hash, error) {
	read := pbkdf2Adapted(function, each)
	return func(text string) (Hash, error) {
		return read(strings.SplitN(text, "$", 3)[2])
	}
}

// pbkdf2Hash is RFC 8018 section 5.2 with one block.
func pbkdf2Hash(function func() hash.Hash, each time.Duration, salt []byte, count uint32, want []byte) (Hash, error) {
	size := function().Size()
	if len(want) != size {
		return Hash{}, errHash
	}
	cost := rounds(count, each)
	return Hash{cost: cost, match: func(password string) bool {
		got, err := pbkdf2.Key(function, password, salt, int(count), size)
		return err == nil && same(got, want)
	}}, cost.check()
}
