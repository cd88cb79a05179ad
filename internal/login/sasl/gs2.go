package sasl

import (
	"fmt"
	"strings"
)

// errNameEncoding is a name whose commas and equals signs are not encoded.
var errNameEncoding = fmt.Errorf("%w: = in a name without 2C or 3D", ErrMalformed)

// gs2Header is what SCRAM and OAUTHBEARER begin with (RFC 5801 section 4).
type gs2Header struct {
	text    string // all of it, with the comma at its end
	flag    byte   // of channel binding: 'n' cannot, 'y' could but was not offered, 'p' does
	binding string // with 'p': its type
	authzid string // the identity to act as; may be empty
}

// scanGS2 reads a GS2 header and returns what follows.
//
//	gs2-header     = gs2-cbind-flag "," [ "a=" saslname ] ","
//	gs2-cbind-flag = ("p=" cb-name) / "n" / "y"
func scanGS2(message string) (h gs2Header, rest string, err error) {
	flag, afterFlag, ok1 := strings.Cut(message, ",")
	authzid, rest, ok2 := strings.Cut(afterFlag, ",")
	if !ok1 || !ok2 {
		return gs2Header{}, "", fmt.Errorf("%w: no GS2 header", ErrMalformed)
	}
	h.text = message[:len(message)-len(rest)]
	binding, bound := strings.CutPrefix(flag, "p=")
	switch {
	case flag == "n" || flag == "y":
		h.flag = flag[0]
	case bound && isBindingName(binding):
		h.flag, h.binding = 'p', binding
	default:
		return gs2Header{}, "", fmt.Errorf("%w: channel binding flag", ErrMalformed)
	}
	if authzid == "" {
		return h, rest, nil
	}
	name, ok := strings.CutPrefix(authzid, "a=")
	if !ok {
		return gs2Header{}, "", fmt.Errorf("%w: not an identity to act as", ErrMalformed)
	}
	if h.authzid, err = decodeName(name); err != nil {
		return gs2Header{}, "", err
	}
	return h, rest, nil
}

// isBindingName is the rule cb-name of RFC 5802 section 7.
func isBindingName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlpha(c) && (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return s != ""
}

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// decodeName is the rule saslname of RFC 5802 section 7: "=2C" is a comma, "=3D"
// an equals sign, and any other "=" is an error.
func decodeName(s string) (string, error) {
	if s == "" {
		return "", fmt.Errorf("%w: empty name", ErrMalformed)
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "=")
		b.WriteString(before)
		switch {
		case !found:
			return b.String(), nil
		case strings.HasPrefix(after, "2C"):
			b.WriteByte(',')
		case strings.HasPrefix(after, "3D"):
			b.WriteByte('=')
		default:
			return "", errNameEncoding
		}
		s = after[len("2C"):]
	}
}
