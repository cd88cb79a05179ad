package webauthn

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Flags of an authenticator's data (section 6.1).
const (
	flagPresent  = 1 << 0 // somebody touched it
	flagVerified = 1 << 2 // and it knows who, by a PIN or a finger
	flagEligible = 1 << 3 // the key may be copied to other devices
	flagCopied   = 1 << 4 // and was
	flagKey      = 1 << 6 // a new key follows
	flagExtra    = 1 << 7 // extensions follow
)

// authenticator is what an authenticator says.
type authenticator struct {
	party [sha256.Size]byte
	flags byte
	count uint32

	// Of a new key:
	model [16]byte // AAGUID
	id    []byte
	key   []byte // COSE_Key
	made  *publicKey
}

// decoder reads CBOR (RFC 8949) within narrow limits: what an authenticator says is flat.
var decoder = func() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		MaxNestedLevels: 8, MaxArrayElements: 64, MaxMapPairs: 64,
	}.DecMode()
	if err != nil {
		panic(fmt.Sprintf("webauthn: %v", err)) // the options are ours
	}
	return mode
}()

func parseAuthenticator(b []byte) (*authenticator, error) {
	const head = sha256.Size + 1 + 4
	if len(b) < head {
		return nil, refuse("the authenticator's data end early")
	}
	a := &authenticator{party: [sha256.Size]byte(b), flags: b[sha256.Size], count: binary.BigEndian.Uint32(b[sha256.Size+1:])}
	b = b[head:]
	var err error
	if a.flags&flagKey != 0 {
		if b, err = a.parseKey(b); err != nil {
			return nil, err
		}
	}
	if a.flags&flagExtra != 0 {
		var extensions map[string]cbor.RawMessage // none of which is asked for
		if b, err = decoder.UnmarshalFirst(b, &extensions); err != nil {
			return nil, refuse("the extensions: %v", err)
		}
	}
	if len(b) > 0 {
		return nil, refuse("%d octets follow the authenticator's data", len(b))
	}
	return a, nil
}

// parseKey reads a new key (section 6.5.2) and returns what follows.
func (a *authenticator) parseKey(b []byte) ([]byte, error) {
	const head = 16 + 2
	if len(b) < head {
		return nil, refuse("the new key ends early")
	}
	a.model = [16]byte(b)
	n := int(binary.BigEndian.Uint16(b[16:]))
	if b = b[head:]; n == 0 || n > MaxID || n > len(b) {
		return nil, refuse("the name of the new key has %d octets", n)
	}
	a.id, b = bytes.Clone(b[:n]), b[n:]
	key, rest, err := parseKey(b)
	if err != nil {
		return nil, err
	}
	a.made, a.key = key, bytes.Clone(b[:len(b)-len(rest)])
	return rest, nil
}

// check checks what holds for new keys and for answers.
func (a *authenticator) check(party string) error {
	switch {
	case a.party != sha256.Sum256([]byte(party)):
		return refuse("it is for another host")
	case a.flags&flagPresent == 0:
		return refuse("nobody was there")
	case a.flags&flagCopied != 0 && a.flags&flagEligible == 0:
		return refuse("a key that cannot be copied was")
	}
	return nil
}

// attestation is an attestation object (section 6.5).
type attestation struct {
	Format    string          `cbor:"fmt"`
	AuthData  []byte          `cbor:"authData"`
	Statement cbor.RawMessage `cbor:"attStmt"`
}

func parseAttestation(b []byte) (*attestation, error) {
	var a attestation
	if err := decoder.Unmarshal(b, &a); err != nil {
		return nil, refuse("the attestation: %v", err)
	}
	return &a, nil
}

// statement is an attestation statement of the format "packed" (section 8.2).
type statement struct {
	Algorithm int64           `cbor:"alg"`
	Signature []byte          `cbor:"sig"`
	Chain     cbor.RawMessage `cbor:"x5c"`
}

// verify checks an attestation: none (section 8.7), or the signature by the new key itself,
// which browsers leave there although nobody has asked for it.
func (a *attestation) verify(data *authenticator, client [sha256.Size]byte) error {
	switch a.Format {
	case "none":
		if !bytes.Equal(a.Statement, []byte{0xa0}) { // an empty map
			return refuse("an attestation that is none says something")
		}
		return nil
	case "packed":
		var s statement
		if err := decoder.Unmarshal(a.Statement, &s); err != nil {
			return refuse("the attestation's statement: %v", err)
		}
		if s.Chain != nil || s.Algorithm != data.made.algorithm {
			return refuse("an attestation that nobody asked for")
		}
		if !data.made.verify(append(bytes.Clone(a.AuthData), client[:]...), s.Signature) {
			return refuse("the new key's own signature is wrong")
		}
		return nil
	}
	return refuse("an attestation %.40q that nobody asked for", a.Format)
}
