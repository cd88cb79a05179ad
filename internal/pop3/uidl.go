package pop3

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
