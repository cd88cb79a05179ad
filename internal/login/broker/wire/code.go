package wire

// KindCodeWanted is authd's answer to a right password that is not enough.
const KindCodeWanted Kind = 't'

// CodeWanted says that the client's proof was right, and that a code of its authenticator
// app is wanted as well. The client answers with Continue, which has what it typed.
type CodeWanted struct {
	Again bool // the last code was wrong
}

// Kind implements Message.
func (*CodeWanted) Kind() Kind { return KindCodeWanted }

func (m *CodeWanted) fields(w walker) { w.flag(&m.Again) }
