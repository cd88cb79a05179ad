package wire

import "net/netip"

// What an admin asks sessiond.
const (
	KindWho      Kind = 'W'
	KindSessions Kind = 'w'
	KindKick     Kind = 'K'
	KindKicked   Kind = 'k'
)

// MaxSessions is how many a Sessions can have.
const MaxSessions = 50

// Who asks for the sessions of an account, or of all if it is "", that come after PID
// and Conn in their order: both 0 at first.
type Who struct {
	Account   string
	PID, Conn uint32
}

// Sessions are some, by PID and Conn.
type Sessions struct {
	List []Session
	More bool // there are others after the last
}

// Session is a connection of a client to a session program.
type Session struct {
	Service Service
	Account string
	Remote  netip.Addr // as its front has said; the zero Addr if it has none
	Since   uint32     // in seconds from 1970, UTC
	PID     uint32     // of the program
	Conn    uint32     // its number there
}

// Kick asks to end the sessions of an account.
type Kick struct{ Account string }

// Kicked says how many were told to end.
type Kicked struct{ Connections uint32 }

func (*Who) Kind() Kind      { return KindWho }
func (*Sessions) Kind() Kind { return KindSessions }
func (*Kick) Kind() Kind     { return KindKick }
func (*Kicked) Kind() Kind   { return KindKicked }

func (m *Who) fields(w walker) {
	w.text(&m.Account, maxName)
	w.number(&m.PID)
	w.number(&m.Conn)
}

func (m *Sessions) fields(w walker) {
	n := w.count(len(m.List), MaxSessions)
	if m.List == nil && n > 0 {
		m.List = make([]Session, n)
	}
	for i := range m.List {
		m.List[i].fields(w)
	}
	w.flag(&m.More)
}

func (s *Session) fields(w walker) {
	service(w, &s.Service)
	w.text(&s.Account, maxName)
	w.addr(&s.Remote)
	w.number(&s.Since)
	w.number(&s.PID)
	w.number(&s.Conn)
}

func (m *Kick) fields(w walker)   { w.text(&m.Account, maxName) }
func (m *Kicked) fields(w walker) { w.number(&m.Connections) }
