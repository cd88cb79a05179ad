package pop3

import (
	"bytes"
	"math"
	"strings"
	"unicode/utf8"
)

// SyntaxError is what is wrong with a command: a phrase for the client.
type SyntaxError string

func (e SyntaxError) Error() string { return string(e) }

// The errors of ParseCommand, Args and DecodeResponse.
const (
	ErrKeyword  SyntaxError = "a command begins with a keyword"
	ErrMissing  SyntaxError = "an argument is missing"
	ErrTooMany  SyntaxError = "there are too many arguments"
	ErrNumber   SyntaxError = "a number is decimal digits only"
	ErrOctet    SyntaxError = "there is an octet that no argument may have"
	ErrBase64   SyntaxError = "a response is base64"
	ErrCanceled SyntaxError = "the authentication was cancelled"
)

// Command is one command line (RFC 2449 section 3).
type Command struct {
	Keyword string // in upper case: keywords are case-insensitive
	Args    Args
}

// String returns the keyword alone, so that no password comes into a log.
func (c Command) String() string { return c.Keyword }

// ParseCommand takes a line without its line end apart. A keyword is not only
// three or four characters long, as RFC 2449 section 3 has it: an unknown one
// is unknown by its name, not by its length.
func ParseCommand(line []byte) (Command, error) {
	keyword, rest, _ := bytes.Cut(line, []byte{' '})
	if len(keyword) == 0 {
		return Command{}, ErrKeyword
	}
	for _, c := range keyword {
		if !visible(c) {
			return Command{}, ErrKeyword
		}
	}
	return Command{
		Keyword: strings.ToUpper(string(keyword)),
		Args:    Args{rest: string(rest)},
	}, nil
}

// Args are the arguments of a command, read from left to right. The first
// error is kept: after it every method returns a zero value, and End returns
// it.
type Args struct {
	rest string
	err  error
}

// More reports whether there is another argument.
func (a *Args) More() bool {
	a.spaces()
	return a.err == nil && a.rest != ""
}

// Word reads one argument of visible characters.
func (a *Args) Word() string {
	a.spaces()
	word, rest, _ := strings.Cut(a.rest, " ")
	switch {
	case a.err != nil:
		return ""
	case word == "":
		a.err = ErrMissing
		return ""
	}
	for i := range len(word) {
		if !visible(word[i]) {
			a.err = ErrOctet
			return ""
		}
	}
	a.rest = rest
	return word
}

// Number reads one argument of decimal digits. A number that no int can hold
// is given as math.MaxInt: no message has it, and no message has more lines.
func (a *Args) Number() int {
	word := a.Word()
	n := 0
	for i := range len(word) {
		d := int(word[i]) - '0'
		switch {
		case d < 0 || d > 9:
			a.err = ErrNumber
			return 0
		case n > (math.MaxInt-d)/10:
			n = math.MaxInt
		default:
			n = 10*n + d
		}
	}
	return n
}

// Name reads all that is left as the name of a mailbox: UTF-8 without control
// characters. Spaces inside it are kept, those after it are not.
func (a *Args) Name() string {
	a.spaces()
	name := strings.TrimRight(a.Secret(), " ")
	if strings.ContainsFunc(name, isControl) || !utf8.ValidString(name) {
		a.err = ErrOctet
		return ""
	}
	return name
}

// Secret reads all that is left after one SP, spaces included, as a password
// (RFC 1939 section 7, PASS). Only NUL and CR cannot be part of one.
func (a *Args) Secret() string {
	rest := a.rest
	switch {
	case a.err != nil:
		return ""
	case rest == "":
		a.err = ErrMissing
		return ""
	case strings.ContainsAny(rest, "\x00\r"):
		a.err = ErrOctet
		return ""
	}
	a.rest = ""
	return rest
}

// End returns the first error, or ErrTooMany if an argument is left.
func (a *Args) End() error {
	if a.More() {
		a.err = ErrTooMany
	}
	return a.err
}

// spaces skips more than the one SP that RFC 2449 section 3 has before an
// argument, and any after the last. Dovecot 2.3.19 skips the former as well
// ("LIST  1", "LIST "), so a client that sends them works elsewhere.
func (a *Args) spaces() { a.rest = strings.TrimLeft(a.rest, " ") }

// visible is VCHAR.
func visible(c byte) bool { return c > ' ' && c < 0x7f }

func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }
