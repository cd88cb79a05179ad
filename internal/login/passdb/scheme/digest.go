package scheme

import (
	"bytes"
	"crypto/md5"
	"encoding"
	"encoding/hex"
	"hash"
	"slices"
	"strings"

	"golang.org/x/crypto/md4" //lint:ignore SA1019 the hashes are there, and are only read
)

// plain is the password itself.
func plain(text string) (Hash, error) {
	if text == "" {
		return Hash{}, errHash
	}
	return Hash{
		match: func(password string) bool { return samePassword(text, password) },
		keys: func(mechanism string, salt []byte) (Keys, bool) {
			keys, err := DeriveKeys(mechanism, text, salt, SCRAMIterations)
			return keys, err == nil
		},
	}, nil
}

// bare is a digest without a salt.
func bare(function func() hash.Hash) func(string) (Hash, error) {
	size := function().Size()
	return func(octets string) (Hash, error) {
		if len(octets) != size {
			return Hash{}, errHash
		}
		return digest(function, octets, ""), nil
	}
}

// salted is a digest of password and salt, followed by the salt.
func salted(function func() hash.Hash) func(string) (Hash, error) {
	size := function().Size()
	return func(octets string) (Hash, error) {
		if len(octets) <= size {
			return Hash{}, errHash
		}
		return digest(function, octets[:size], octets[size:]), nil
	}
}

func digest(function func() hash.Hash, want, salt string) Hash {
	return Hash{cost: rounds(1, sha512Time), match: func(password string) bool {
		h := function()
		h.Write([]byte(password))
		h.Write([]byte(salt))
		return same(string(h.Sum(nil)), want)
	}}
}

// decodeDigest takes a digest of size octets in hex or in base64. Only the digests
// without a salt may be in either: the length tells.
func decodeDigest(size int) func(string) (string, error) {
	return func(text string) (string, error) {
		if len(text) == hex.EncodedLen(size) {
			return decodeHex(text)
		}
		return decodeBase64(text)
	}
}

// md5Any is {MD5}: Dovecot means md5crypt by it or a digest, OpenLDAP a digest.
func md5Any(text string) (Hash, error) {
	if strings.HasPrefix(text, "$") {
		return crypt(text)
	}
	octets, err := decodeDigest(md5.Size)(text)
	if err != nil {
		return Hash{}, errHash
	}
	return bare(md5.New)(octets)
}

// ntHash is $3$$hex: the MD4 that Windows keeps of a password in UTF-16. crypt(3)
// makes that of the octets one by one, whatever their charset.
func ntHash(text string) (Hash, error) {
	parts, err := fields(text, 3)
	if err != nil || parts[1] != "" {
		return Hash{}, errHash
	}
	want, err := hex.DecodeString(parts[2])
	if err != nil || len(want) != md4.Size {
		return Hash{}, errHash
	}
	return Hash{cost: rounds(1, md5Time), match: func(password string) bool {
		h := md4.New()
		for _, octet := range []byte(password) {
			h.Write([]byte{octet, 0})
		}
		return same(h.Sum(nil), want)
	}}, nil
}

// cramSize is the length of what cramMD5 reads, in octets.
const cramSize = 2 * md5.Size

// cramMD5 is what a server of CRAM-MD5 keeps: the states of MD5 after the outer
// and the inner key block of HMAC (RFC 2104). The mechanism is not offered, but
// the password can be checked.
func cramMD5(octets string) (Hash, error) {
	if len(octets) != cramSize {
		return Hash{}, errHash
	}
	return Hash{cost: rounds(2, md5Time), match: func(password string) bool {
		key := []byte(password)
		if len(key) > md5.BlockSize {
			sum := md5.Sum(key)
			key = sum[:]
		}
		got := append(md5State(key, 0x5c), md5State(key, 0x36)...)
		return same(string(got), octets)
	}}, nil
}

// md5State is the state of MD5 after one block, the key xored with pad: four words,
// least octet first.
func md5State(key []byte, pad byte) []byte {
	block := bytes.Repeat([]byte{pad}, md5.BlockSize)
	for i, octet := range key {
		block[i] ^= octet
	}
	h := md5.New()
	h.Write(block)
	saved, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	const magic = "md5\x01" // before the words, greatest octet first
	if err != nil || len(saved) < len(magic)+md5.Size || string(saved[:len(magic)]) != magic {
		panic("scheme: crypto/md5 keeps its state in another form")
	}
	state := saved[len(magic) : len(magic)+md5.Size]
	for at := 0; at < len(state); at += 4 {
		slices.Reverse(state[at : at+4])
	}
	return state
}
