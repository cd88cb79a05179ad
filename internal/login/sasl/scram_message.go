package sasl

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// errExtension is the attribute "m", which asks for what no server knows yet
// (RFC 5802 section 5.1).
var errExtension = fmt.Errorf("%w: mandatory extension", ErrMalformed)

// clientFirst is a client-first-message (RFC 5802 section 7).
type clientFirst struct {
	gs2   gs2Header
	bare  string // client-first-message-bare: all after the GS2 header
	name  string // decoded, not prepared
	nonce string
}

// scanClientFirst reads
//
//	gs2-header [reserved-mext ","] "n=" saslname "," "r=" nonce ["," extensions]
func scanClientFirst(message string) (m clientFirst, err error) {
	if err := checkText(message); err != nil {
		return clientFirst{}, err
	}
	if m.gs2, m.bare, err = scanGS2(message); err != nil {
		return clientFirst{}, err
	}
	name, rest, _ := strings.Cut(m.bare, ",")
	nonce, extensions, extended := strings.Cut(rest, ",")
	if name, err = attribute('n', name); err != nil {
		return clientFirst{}, err
	}
	if m.name, err = decodeName(name); err != nil {
		return clientFirst{}, err
	}
	if m.nonce, err = scanNonce(nonce); err != nil {
		return clientFirst{}, err
	}
	if extended {
		err = checkExtensions(extensions)
	}
	return m, err
}

// clientFinal is a client-final-message (RFC 5802 section 7).
type clientFinal struct {
	withoutProof string // client-final-message-without-proof
	binding      []byte // cbind-input: GS2 header and channel binding data
	nonce        string
	proof        []byte
}

// scanClientFinal reads
//
//	"c=" base64 "," "r=" nonce ["," extensions] "," "p=" base64
func scanClientFinal(message string) (m clientFinal, err error) {
	if err := checkText(message); err != nil {
		return clientFinal{}, err
	}
	last := strings.LastIndexByte(message, ',')
	if last < 0 {
		return clientFinal{}, fmt.Errorf("%w: one attribute", ErrMalformed)
	}
	m.withoutProof = message[:last]
	binding, rest, _ := strings.Cut(m.withoutProof, ",")
	nonce, extensions, extended := strings.Cut(rest, ",")
	if m.binding, err = scanBase64('c', binding); err != nil {
		return clientFinal{}, err
	}
	if m.nonce, err = scanNonce(nonce); err != nil {
		return clientFinal{}, err
	}
	if m.proof, err = scanBase64('p', message[last+1:]); err != nil {
		return clientFinal{}, err
	}
	if extended {
		err = checkExtensions(extensions)
	}
	return m, err
}

// checkText reports whether a message is of UTF-8 characters but NUL, as every
// attribute is.
func checkText(message string) error {
	if !utf8.ValidString(message) || strings.IndexByte(message, 0) >= 0 {
		return fmt.Errorf("%w: not UTF-8", ErrMalformed)
	}
	return nil
}

// attribute returns the value of text if it is the attribute called name.
func attribute(name byte, text string) (value string, err error) {
	switch {
	case len(text) > 2 && text[0] == name && text[1] == '=':
		return text[2:], nil
	case strings.HasPrefix(text, "m="):
		return "", errExtension
	}
	return "", fmt.Errorf("%w: no attribute %c in its place", ErrMalformed, name)
}

// maxNonce is the longest nonce, of both sides, in octets. Clients' parts are of
// 20 to 64.
const maxNonce = MaxChallenge / 2

func scanNonce(text string) (string, error) {
	nonce, err := attribute('r', text)
	if err == nil && (!printable(nonce, '!') || len(nonce) > maxNonce) {
		err = fmt.Errorf("%w: nonce", ErrMalformed)
	}
	return nonce, err
}

// scanBase64 reads an attribute whose value is base64: padded, with no line
// ends, which package base64 would skip, and no bits after the end.
func scanBase64(name byte, text string) ([]byte, error) {
	value, err := attribute(name, text)
	if err != nil {
		return nil, err
	}
	data, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil || !printable(value, '!') {
		return nil, fmt.Errorf("%w: base64 of attribute %c", ErrMalformed, name)
	}
	return data, nil
}

// checkExtensions reads attributes that this version of SCRAM does not define;
// they mean nothing. Those that it does define have another place.
func checkExtensions(text string) error {
	for attr := range strings.SplitSeq(text, ",") {
		switch {
		case strings.HasPrefix(attr, "m="):
			return errExtension
		case len(attr) < 3 || !isAlpha(attr[0]) || attr[1] != '=' || strings.IndexByte("anrcsipve", attr[0]) >= 0:
			return fmt.Errorf("%w: extension", ErrMalformed)
		}
	}
	return nil
}
