package scheme

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strings"

	xcrypt "github.com/go-crypt/x/crypt"
	"github.com/go-crypt/x/yescrypt"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// Default is what Make makes when nobody says otherwise: the method of Debian's and
// Fedora's own passwd, which every crypt(3) there reads. A guess costs 16 MiB, so
// that a graphics card tries few at once; Argon2 as strong wants four times as much
// of a server on which many log in at the same moment.
const Default = "YESCRYPT"

// What new hashes cost, so that a check takes between 10 and 200 ms.
const (
	yescryptSetting = "$y$j9T$"        // N 2^12, r 32: libxcrypt's default
	scryptSetting   = "$7$CU..../...." // N 2^14, r 32, p 1: libxcrypt's default
	argon2Memory    = 64 << 10         // KiB; this and the passes as RFC 9106 section 4
	argon2Passes    = 3
	bcryptCost      = 10
	sha256Rounds    = 100_000
	sha512Rounds    = 50_000
	pbkdf2Rounds    = 200_000
)

var makers = map[string]func(password string) (string, error){
	"YESCRYPT":      makeYescrypt,
	"SCRYPT":        makeScrypt,
	"ARGON2I":       makeArgon2("argon2i", argon2.Key),
	"ARGON2ID":      makeArgon2("argon2id", argon2.IDKey),
	"BLF-CRYPT":     makeBcrypt,
	"SHA256-CRYPT":  makeSHACrypt("5", sha256.New, sha256Rounds),
	"SHA512-CRYPT":  makeSHACrypt("6", sha512.New, sha512Rounds),
	"PBKDF2":        makePBKDF2,
	"SCRAM-SHA-1":   makeSCRAM("SCRAM-SHA-1"),
	"SCRAM-SHA-256": makeSCRAM("SCRAM-SHA-256"),
	"SSHA256":       makeSalted(sha256.New),
	"SSHA512":       makeSalted(sha512.New),
	"PLAIN":         makePlain,
}

// prefixes are the names that Make puts in the braces where they differ from its
// own.
var prefixes = map[string]string{"YESCRYPT": "CRYPT", "SCRYPT": "CRYPT"}

// Names lists what Make makes, sorted.
func Names() []string { return slices.Sorted(maps.Keys(makers)) }

// Make hashes a password with a new salt. The field has no ":" and no white space,
// so it fits a passwd-file. The name is one of Names, in any case; there are schemes
// that are checked but too weak to be made. Make takes as long as Verify.
func Make(name, password string) (field string, err error) {
	name = strings.ToUpper(name)
	maker, ok := makers[name]
	if !ok {
		return "", fmt.Errorf("no hash is made of scheme %.20q; there are %s", name, strings.Join(Names(), " "))
	}
	switch {
	case password == "":
		return "", errors.New("the password is empty")
	case len(password) > MaxPassword:
		return "", fmt.Errorf("the password is longer than %d octets", MaxPassword)
	case !usable(password):
		return "", errors.New("the password has a NUL in it")
	}
	text, err := maker(password)
	if err != nil {
		return "", fmt.Errorf("make a hash of scheme %s: %w", name, err)
	}
	if prefix, ok := prefixes[name]; ok {
		name = prefix
	}
	if name == "PLAIN" && text != password {
		name = "PLAIN.b64"
	}
	return "{" + name + "}" + text, nil
}

// salt returns n random octets. crypto/rand does not fail.
func salt(n int) []byte {
	octets := make([]byte, n)
	rand.Read(octets)
	return octets
}

// salt64 returns n random digits of base 64, six bits each.
func salt64(n int) string {
	octets := salt(n)
	for i, octet := range octets {
		octets[i] = alphabet64[octet&63]
	}
	return string(octets)
}

func makeYescrypt(password string) (string, error) {
	setting := yescryptSetting + string(yescrypt.Encode64(salt(16)))
	text, err := yescrypt.Hash([]byte(password), []byte(setting))
	return string(text), err
}

func makeScrypt(password string) (string, error) {
	text := salt64(22)
	key, err := scrypt.Key([]byte(password), []byte(text), 1<<14, 32, 1, 32)
	return scryptSetting + text + "$" + string(yescrypt.Encode64(key)), err
}

func makeArgon2(id string, key func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte) func(string) (string, error) {
	return func(password string) (string, error) {
		salt := salt(16)
		hash := key([]byte(password), salt, argon2Passes, argon2Memory, 1, 32)
		encode := base64.RawStdEncoding.EncodeToString
		return fmt.Sprintf("$%s$v=19$m=%d,t=%d,p=1$%s$%s", id, argon2Memory, argon2Passes, encode(salt), encode(hash)), nil
	}
}

func makeBcrypt(password string) (string, error) {
	octets := []byte(password[:min(len(password), maxBcrypt)])
	text, err := bcrypt.GenerateFromPassword(octets, bcryptCost)
	if err != nil {
		return "", err
	}
	return strings.Replace(string(text), "$2a$", "$2y$", 1), nil // the name without a history
}

func makeSHACrypt(id string, function func() hash.Hash, rounds int) func(string) (string, error) {
	return func(password string) (string, error) {
		salt := salt64(16)
		key := xcrypt.KeySHACrypt(function, []byte(password), []byte(salt), rounds)
		return fmt.Sprintf("$%s$rounds=%d$%s$%s", id, rounds, salt, key), nil
	}
}

func makePBKDF2(password string) (string, error) {
	salt := salt64(16)
	key, err := pbkdf2.Key(sha1.New, password, []byte(salt), pbkdf2Rounds, sha1.Size)
	return fmt.Sprintf("$1$%s$%d$%s", salt, pbkdf2Rounds, hex.EncodeToString(key)), err
}

func makeSCRAM(mechanism string) func(string) (string, error) {
	return func(password string) (string, error) {
		keys, err := DeriveKeys(mechanism, password, salt(SCRAMSalt), SCRAMIterations)
		encode := base64.StdEncoding.EncodeToString
		return fmt.Sprintf("%d,%s,%s,%s", keys.Iterations, encode(keys.Salt), encode(keys.StoredKey), encode(keys.ServerKey)), err
	}
}

func makeSalted(function func() hash.Hash) func(string) (string, error) {
	return func(password string) (string, error) {
		salt := salt(16)
		h := function()
		h.Write([]byte(password))
		h.Write(salt)
		return base64.StdEncoding.EncodeToString(append(h.Sum(nil), salt...)), nil
	}
}

// makePlain leaves a password as it is if a passwd-file takes it so.
func makePlain(password string) (string, error) {
	plain := func(r rune) bool { return r > ' ' && r < 0x7f && r != ':' }
	if strings.TrimFunc(password, plain) == "" {
		return password, nil
	}
	return base64.StdEncoding.EncodeToString([]byte(password)), nil
}
