package wire

// KindFactorWanted is authd's answer to a right password that is not enough.
const KindFactorWanted Kind = 'y'

// maxOptions is what pages are given that ask for a security key, in octets.
const maxOptions = 15 << 10

// FactorWanted says that the client's proof was right, and that a second factor is wanted as
// well: a code or a security key. The client answers with Continue, which has what it
// typed, or the JSON of a security key's answer, which begins with "{" as no code does.
type FactorWanted struct {
	Again   bool   // what came last was wrong
	App     bool   // codes are those of an app, too, and not only recovery codes
	Options []byte // JSON for security keys (webauthn.Request); empty: there are none
}

// Kind implements Message.
func (*FactorWanted) Kind() Kind { return KindFactorWanted }

func (m *FactorWanted) fields(w walker) {
	w.flag(&m.Again)
	w.flag(&m.App)
	w.octets(&m.Options, maxOptions)
}
