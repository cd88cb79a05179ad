package wire

// What fronts ask keyd.
const (
	KindSign   Kind = 'N'
	KindSigned Kind = 'n'
)

// Limits of what is signed, in octets.
const (
	// MaxSigned is for Ed25519, which signs a message whole: the randoms and parameters
	// of a key exchange (RFC 8422 section 5.4), or what TLS 1.3 signs (RFC 8446 section
	// 4.4.3). All others sign a hash.
	MaxSigned = 512
	// MaxSignature is that of RSA with 8192 bits.
	MaxSignature = 1024
)

// Sign asks for a signature of a handshake. The answer is Signed or Refused.
type Sign struct {
	Key    [32]byte // the SHA-256 hash of the SubjectPublicKeyInfo of the key's public part
	Scheme uint32   // a SignatureScheme of RFC 8446 section 4.2.3
	Data   []byte   // the hash, or the message
}

// Signed is a signature.
type Signed struct{ Signature []byte }

func (*Sign) Kind() Kind   { return KindSign }
func (*Signed) Kind() Kind { return KindSigned }

func (m *Sign) fields(w walker) {
	w.fixed(m.Key[:])
	w.number(&m.Scheme)
	w.octets(&m.Data, MaxSigned)
}

func (m *Signed) fields(w walker) { w.octets(&m.Signature, MaxSignature) }
