package apppw

import (
	"encoding/base32"
	"strings"
)

const (
	secretSize = 16 // octets
	secretText = 26 // letters and digits
	group      = 4  // of them stand together
)

// alphabet has no letters that are taken for digits: of 0, 1, 8 and 9 there are none.
var alphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// formatSecret writes a secret as people read and type it: abcd-efgh-....
func formatSecret(secret [secretSize]byte) string {
	text := alphabet.EncodeToString(secret[:])
	var groups []string
	for len(text) > group {
		groups, text = append(groups, text[:group]), text[group:]
	}
	return strings.Join(append(groups, text), "-")
}

// parseSecret reads one, with or without what stands between groups, in any case.
func parseSecret(text string) (secret [secretSize]byte, ok bool) {
	if len(text) > 2*secretText {
		return secret, false
	}
	text = strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(text))
	if len(text) != secretText {
		return secret, false
	}
	octets, err := alphabet.DecodeString(text)
	if err != nil || len(octets) != secretSize || alphabet.EncodeToString(octets) != text {
		return secret, false
	}
	return [secretSize]byte(octets), true
}
