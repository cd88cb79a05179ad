package userdb

import (
	"errors"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest login name, in octets.
const MaxName = 255

// errName says that a name cannot be one of any account. It does not repeat the
// name: it may be anything.
var errName = errors.New("not a login name")

// CheckName reports whether name may be looked up at all: 1 to MaxName octets
// of UTF-8 without control characters, line separators, ":" and "/". So a name
// can stand in a log line, a passwd-file and an argument of a program.
func CheckName(name string) error {
	if name == "" || len(name) > MaxName || !utf8.ValidString(name) {
		return errName
	}
	for _, r := range name {
		if r == ':' || r == '/' || unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return errName
		}
	}
	return nil
}
