package front

import (
	"bytes"
	"encoding/base64"
	"errors"

	"fantail/internal/login/broker"
	"fantail/internal/login/userdb"
)

// mechanismPlain is the name of the one SASL mechanism before authd.
const mechanismPlain = "PLAIN" // RFC 4616

// The errors of a PLAIN response.
var (
	errPlain   = errors.New("not a PLAIN response")
	errAuthzid = errors.New("an identity other than one's own")
)

// parsePlain reads the message of the PLAIN mechanism (RFC 4616 section 2): an
// identity to act as, which may be empty or one's own here, the name, the
// password.
func parsePlain(message []byte) (broker.Credentials, error) {
	parts := bytes.Split(message, []byte{0})
	if len(parts) != 3 || len(parts[1]) == 0 || len(parts[2]) == 0 {
		return broker.Credentials{}, errPlain
	}
	if len(parts[0]) > 0 && !bytes.Equal(parts[0], parts[1]) {
		return broker.Credentials{}, errAuthzid
	}
	return broker.Credentials{Name: string(parts[1]), Password: userdb.Secret(parts[2])}, nil
}

// decodeInitial reads an initial response of AUTHENTICATE (RFC 4959 section 3):
// base64, or "=" for one that is empty.
func decodeInitial(text string) ([]byte, error) {
	if text == "=" {
		return nil, nil
	}
	return base64.StdEncoding.Strict().DecodeString(text)
}
