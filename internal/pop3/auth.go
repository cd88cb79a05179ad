package pop3

import (
	"bytes"
	"encoding/base64"
)

// Initial reads the optional initial response of AUTH (RFC 5034 section 4).
// given tells whether there was one; "=" is one that is empty.
func (a *Args) Initial() (response []byte, given bool) {
	if !a.More() {
		return nil, false
	}
	word := a.Word()
	if a.err != nil || word == "=" {
		return nil, a.err == nil
	}
	response, err := decodeBase64([]byte(word))
	if err != nil {
		a.err = err
		return nil, false
	}
	return response, true
}

// DecodeResponse decodes a line that answers a challenge. A single "*" gives
// ErrCanceled, anything that is not base64 ErrBase64 (RFC 5034 section 4); an
// empty line is an empty response.
func DecodeResponse(line []byte) ([]byte, error) {
	if len(line) == 1 && line[0] == '*' {
		return nil, ErrCanceled
	}
	return decodeBase64(line)
}

// decodeBase64 refuses what RFC 5034 section 4 tells it to: any octet outside
// the alphabet (the decoder of the standard library would skip a CR), and
// padding anywhere but at the end.
func decodeBase64(text []byte) ([]byte, error) {
	if bytes.ContainsAny(text, "\r\n") {
		return nil, ErrBase64
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(out, text)
	if err != nil {
		return nil, ErrBase64
	}
	return out[:n], nil
}
