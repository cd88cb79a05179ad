package webauthn

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
)

// Algorithms of signatures (RFC 9053 section 2, RFC 8812 section 2), which are those that
// every authenticator has one of.
const (
	es256 = -7
	edDSA = -8
	rs256 = -257
)

// algorithms in the order in which authenticators are asked for them.
var algorithms = []int64{es256, edDSA, rs256}

// coseKey is a COSE_Key (RFC 9052 section 7, RFC 9053 section 7, RFC 8230 section 4). What
// the labels -1 to -3 mean depends on the type.
type coseKey struct {
	Type      int64  `cbor:"1,keyasint"`
	Algorithm int64  `cbor:"3,keyasint"`
	Minus1    any    `cbor:"-1,keyasint"` // the curve, or the modulus
	Minus2    []byte `cbor:"-2,keyasint"` // x, or the exponent
	Minus3    []byte `cbor:"-3,keyasint"` // y
}

// The types of keys and curves.
const (
	typeOKP      = 1
	typeEC2      = 2
	typeRSA      = 3
	curveP256    = 1
	curveEd25519 = 6
)

// publicKey is a public key with its algorithm.
type publicKey struct {
	algorithm int64
	key       any
}

// parseKey reads a key and returns what follows it.
func parseKey(b []byte) (*publicKey, []byte, error) {
	var k coseKey
	rest, err := decoder.UnmarshalFirst(b, &k)
	if err != nil {
		return nil, nil, refuse("the key: %v", err)
	}
	curve, _ := k.Minus1.(uint64)
	modulus, _ := k.Minus1.([]byte)
	p := &publicKey{algorithm: k.Algorithm}
	switch {
	case k.Algorithm == es256 && k.Type == typeEC2 && curve == curveP256 && len(k.Minus2) == 32 && len(k.Minus3) == 32:
		point := append(append([]byte{4}, k.Minus2...), k.Minus3...)
		if p.key, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point); err != nil {
			return nil, nil, refuse("the key: %v", err)
		}
	case k.Algorithm == edDSA && k.Type == typeOKP && curve == curveEd25519 && len(k.Minus2) == ed25519.PublicKeySize:
		p.key = ed25519.PublicKey(k.Minus2)
	case k.Algorithm == rs256 && k.Type == typeRSA && len(modulus) >= 256 && len(modulus) <= 512 && modulus[0] != 0 && len(k.Minus2) > 0 && len(k.Minus2) <= 4:
		e := new(big.Int).SetBytes(k.Minus2).Int64()
		if e < 3 || e&1 == 0 || e > 1<<31-1 {
			return nil, nil, refuse("an RSA key with the exponent %d", e)
		}
		p.key = &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(e)}
	default:
		return nil, nil, refuse("a key of the type %d with the algorithm %d", k.Type, k.Algorithm)
	}
	return p, rest, nil
}

// verify reports whether a signature of a message is by the key (section 6.5.5).
func (p *publicKey) verify(message, signature []byte) bool {
	hash := sha256.Sum256(message)
	switch key := p.key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, hash[:], signature)
	case ed25519.PublicKey:
		return ed25519.Verify(key, message, signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, hash[:], signature) == nil
	}
	panic("webauthn: a key that cannot be")
}
