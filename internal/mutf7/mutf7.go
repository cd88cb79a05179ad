// Package mutf7 implements modified UTF-7, the encoding of mailbox names in
// IMAP4rev1 (RFC 3501 section 5.1.3) and in the directory names of Maildir++.
//
// Decode is strict: it accepts only what Encode would have written, so that a
// name has exactly one encoding and an odd one can never alias another mailbox.
package mutf7

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrInvalid reports a string that is not the modified UTF-7 of any name.
var ErrInvalid = errors.New("invalid modified UTF-7")

// base is base64 with "," in place of "/" and no padding.
var base = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").
	WithPadding(base64.NoPadding).Strict()

// Encode returns name, which is UTF-8, in modified UTF-7. Octets that are not
// UTF-8 come out as U+FFFD.
func Encode(name string) string {
	if direct(name) {
		return name
	}
	var b strings.Builder
	for len(name) > 0 {
		c := name[0]
		switch {
		case c == '&':
			b.WriteString("&-")
			name = name[1:]
		case printable(c):
			b.WriteByte(c)
			name = name[1:]
		default:
			name = shift(&b, name)
		}
	}
	return b.String()
}

// shift writes the run of non-printable characters at the start of name as one
// base64 sequence and returns what follows it.
func shift(b *strings.Builder, name string) string {
	var units []byte
	for len(name) > 0 && !printable(name[0]) {
		r, n := utf8.DecodeRuneInString(name)
		for _, u := range utf16.AppendRune(nil, r) {
			units = append(units, byte(u>>8), byte(u))
		}
		name = name[n:]
	}
	b.WriteByte('&')
	b.WriteString(base.EncodeToString(units))
	b.WriteByte('-')
	return name
}

// Decode returns the UTF-8 name that s encodes, or ErrInvalid if s is not
// exactly what Encode writes for some name.
func Decode(s string) (string, error) {
	if direct(s) {
		return s, nil
	}
	var b strings.Builder
	shifted := false // the previous element was a base64 sequence
	for i := 0; i < len(s); {
		c := s[i]
		if !printable(c) {
			return "", ErrInvalid
		}
		if c != '&' {
			b.WriteByte(c)
			i++
			shifted = false
			continue
		}
		end := strings.IndexByte(s[i:], '-')
		if end < 0 {
			return "", ErrInvalid
		}
		seq := s[i+1 : i+end]
		i += end + 1
		if seq == "" {
			b.WriteByte('&')
			shifted = false
			continue
		}
		if shifted { // two sequences in a row: not the shortest form
			return "", ErrInvalid
		}
		if err := unshift(&b, seq); err != nil {
			return "", err
		}
		shifted = true
	}
	return b.String(), nil
}

// unshift decodes the base64 sequence seq, refusing characters that Encode
// writes as themselves and lone surrogates.
func unshift(b *strings.Builder, seq string) error {
	raw, err := base.DecodeString(seq)
	if err != nil || len(raw) == 0 || len(raw)%2 != 0 {
		return ErrInvalid
	}
	for i := 0; i < len(raw); i += 2 {
		r := rune(raw[i])<<8 | rune(raw[i+1])
		if utf16.IsSurrogate(r) {
			if i+3 >= len(raw) {
				return ErrInvalid
			}
			i += 2
			r = utf16.DecodeRune(r, rune(raw[i])<<8|rune(raw[i+1]))
			if r == utf8.RuneError {
				return ErrInvalid
			}
		}
		if r < utf8.RuneSelf && printable(byte(r)) {
			return ErrInvalid
		}
		b.WriteRune(r)
	}
	return nil
}

func printable(c byte) bool { return c >= 0x20 && c <= 0x7e }

// direct reports whether s is the same in both encodings.
func direct(s string) bool {
	for i := range len(s) {
		if !printable(s[i]) || s[i] == '&' {
			return false
		}
	}
	return true
}
