// Package scheme verifies and makes password hashes: those of crypt(3) as Debian
// and Fedora write them, of Dovecot, of OpenLDAP, and the modular ones of
// passlib.
//
// A field is what stands for a password in a passwd-file, a directory or a
// database: a hash with the name of its scheme in braces before it ("{SSHA}..."),
// or without braces what crypt(3) reads ("$y$..."). The name may be followed by an
// encoding as with Dovecot ("{SSHA.hex}...", "{PLAIN.b64}...").
//
// Parse does all that can go wrong and nothing that takes time: it reads the
// field, knows what the hash will cost, and refuses what costs too much (MaxTime,
// MaxMemory), because a hash names its own costs and may be mistyped or hostile.
// What it returns can only match or not match. Errors hold the name of the scheme
// and nothing else of the field: they go to logs.
//
// The rooms: schemes.go has the table of names in braces, crypt.go that of crypt(3)
// methods; memory.go, rounds.go, bcrypt.go, digest.go and scram.go have the
// functions by what makes them expensive; make.go makes new hashes.
//
// Passwords are compared as octets; only SCRAM prepares them first (RFC 5802
// section 5.1).
package scheme

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// MaxPassword is the longest password that is checked or hashed, in octets. Some
// hashes take time in proportion to it.
const MaxPassword = 1024

// maxField is the longest field that is read, in octets.
const maxField = 4096

// What is wrong with a field; anything else wrong is an error without a name of
// its own.
var (
	// ErrLocked says that the field is no hash on purpose: it begins with "!" or
	// "*", as passwd -l and useradd write it.
	ErrLocked = errors.New("the password is locked")
	// ErrCost says that the hash asks for more than MaxTime or MaxMemory.
	ErrCost = errors.New("the hash costs too much time or memory")
	// ErrUnsupported says that no hash of this scheme or method is checked.
	ErrUnsupported = errors.New("not supported")
)

// errHash says that a hash is not what its scheme wants. The cause is left out:
// it may quote the hash.
var errHash = errors.New("the hash cannot be read")

// Hash is a field that has been read. It shows nothing of the field when it is
// printed. The zero Hash matches nothing. It is safe for many goroutines.
type Hash struct {
	scheme string
	cost   Cost
	match  func(password string) bool
	keys   func(mechanism string, salt []byte) (Keys, bool)
}

// Parse reads a field. Its error wraps ErrLocked, ErrCost or ErrUnsupported, or
// says that the hash cannot be read.
func Parse(field string) (Hash, error) {
	if len(field) > maxField {
		return Hash{}, errHash
	}
	if strings.HasPrefix(field, "!") || strings.HasPrefix(field, "*") {
		return Hash{}, ErrLocked
	}
	name, text := "CRYPT", field
	if rest, ok := strings.CutPrefix(field, "{"); ok {
		if name, text, ok = strings.Cut(rest, "}"); !ok {
			return Hash{}, errors.New("the scheme has no closing brace")
		}
		name = strings.ToUpper(name)
	}
	base, encoding, _ := strings.Cut(name, ".")
	row, ok := schemes[base]
	if !ok {
		return Hash{}, unknown(base)
	}
	h, err := row.parse(text, encoding)
	if err != nil {
		return Hash{}, fmt.Errorf("{%s}: %w", base, err)
	}
	h.scheme = base
	return h, nil
}

// Verify reads a field and compares it with a password. The error is that of
// Parse.
func Verify(field, password string) (bool, error) {
	h, err := Parse(field)
	if err != nil {
		return false, err
	}
	return h.Verify(password), nil
}

// Verify reports whether the hash is that of the password. It takes what Cost
// says, whatever the answer; only the empty password, one longer than MaxPassword
// and one with a NUL in it match nothing at once.
func (h Hash) Verify(password string) bool {
	if h.match == nil || !usable(password) {
		return false
	}
	return h.match(password)
}

// Scheme is the name that stood in the braces, in capitals and without an
// encoding, or CRYPT.
func (h Hash) Scheme() string { return h.scheme }

// Cost is what Verify takes.
func (h Hash) Cost() Cost { return h.cost }

func usable(password string) bool {
	return password != "" && len(password) <= MaxPassword && strings.IndexByte(password, 0) < 0
}

// A scheme is a row of the table: how its text stands for octets, and what those
// are. A row that is refused has a reason and nothing else.
type scheme struct {
	read    func(octets string) (Hash, error)
	decode  func(text string) (string, error) // nil: the text is the octets
	refused string
}

// parse reads what follows the braces. An encoding that stands in them takes the
// place of the scheme's own.
func (s scheme) parse(text, encoding string) (Hash, error) {
	if s.refused != "" {
		return Hash{}, fmt.Errorf("%w: %s", ErrUnsupported, s.refused)
	}
	decode := s.decode
	switch encoding {
	case "":
	case "B64", "BASE64":
		decode = decodeBase64
	case "HEX":
		decode = decodeHex
	default:
		return Hash{}, errors.New("the encoding after the scheme's name is not known")
	}
	if decode != nil {
		var err error
		if text, err = decode(text); err != nil {
			return Hash{}, errHash
		}
	}
	return s.read(text)
}

// decodeBase64 takes base64 with and without padding.
func decodeBase64(text string) (string, error) {
	octets, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	return string(octets), err
}

func decodeHex(text string) (string, error) {
	octets, err := hex.DecodeString(text)
	return string(octets), err
}

// unknown names the scheme if it looks like the name of one: what stands in the
// braces might be a password.
func unknown(name string) error {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
	if name == "" || len(name) > 20 || strings.Trim(name, letters) != "" {
		return fmt.Errorf("the scheme in the braces is %w", ErrUnsupported)
	}
	return fmt.Errorf("the scheme {%s} is %w", name, ErrUnsupported)
}
