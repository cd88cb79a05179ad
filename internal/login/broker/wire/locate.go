package wire

import "fantail/internal/login/handover"

// What who delivers mail asks authd, and then sessiond.
const (
	KindLocate   Kind = 'D'
	KindLocated  Kind = 'l'
	KindTogether Kind = 'M'
)

// MostTogether is how many accounts a Together can have.
const MostTogether = 50

// Locate asks for the account of a name, of whom nobody proves anything: for the service
// LMTP alone. The answer is Located or Failure.
type Locate struct {
	Name   string
	Ticket bool // a ticket is wanted, too
}

// Located is the account.
type Located struct {
	Account string // as its source spells it
	UID     uint32
	Ticket  Ticket // if one was wanted
}

// Together passes a connection to one session program of several accounts, which must
// be of one user. The descriptors and the answers are those of Start.
type Together struct {
	Service  Service
	Accounts []Holder
	Passage  handover.Passage
}

// Starts are what each of the accounts alone would be asked by.
func (m *Together) Starts() []*Start {
	list := make([]*Start, len(m.Accounts))
	for i, a := range m.Accounts {
		list[i] = &Start{Service: m.Service, Account: a.Account, Ticket: a.Ticket, Passage: m.Passage}
	}
	return list
}

// Holder is an account with a ticket for it.
type Holder struct {
	Account string
	Ticket  Ticket
}

func (*Locate) Kind() Kind   { return KindLocate }
func (*Located) Kind() Kind  { return KindLocated }
func (*Together) Kind() Kind { return KindTogether }

func (m *Locate) fields(w walker) {
	w.text(&m.Name, maxName)
	w.flag(&m.Ticket)
}

func (m *Located) fields(w walker) {
	w.text(&m.Account, maxName)
	w.number(&m.UID)
	w.fixed(m.Ticket[:])
}

func (m *Together) fields(w walker) {
	service(w, &m.Service)
	n := w.count(len(m.Accounts), MostTogether)
	if m.Accounts == nil && n > 0 {
		m.Accounts = make([]Holder, n)
	}
	for i := range m.Accounts {
		w.text(&m.Accounts[i].Account, maxName)
		w.fixed(m.Accounts[i].Ticket[:])
	}
	if n == 0 {
		w.fail("nobody together")
	}
	w.text(&m.Passage.Record, handover.MaxHello)
}
