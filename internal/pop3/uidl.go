package pop3

import (
	"crypto/sha256"
	"encoding/hex"
)

// MaxUIDL is the longest unique-id (RFC 1939 section 7), in octets.
const MaxUIDL = 70

// ValidUIDL reports whether s may be sent as a unique-id: 1 to 70 characters
// in the range 0x21 to 0x7E (RFC 1939 section 7, UIDL).
func ValidUIDL[T string | []byte](s T) bool {
	if len(s) == 0 || len(s) > MaxUIDL {
		return false
	}
	for i := range len(s) {
		if !visible(s[i]) {
			return false
		}
	}
	return true
}

// LegalUIDL returns b, of which a unique-id begins at start, with one that may be sent: one
// that is too long, or has other characters, gives way to its hash.
func LegalUIDL(b []byte, start int) []byte {
	if ValidUIDL(b[start:]) {
		return b
	}
	const length = 40 // of the digits of the hash: more than enough for a mailbox
	sum := sha256.Sum256(b[start:])
	return hex.AppendEncode(b[:start], sum[:length/2])
}
