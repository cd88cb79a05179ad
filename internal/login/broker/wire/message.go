package wire

import (
	"errors"
	"fmt"
	"net/netip"

	"fantail/internal/login/handover"
)

// Kind tells a message's type.
type Kind byte

// The kinds. Capitals ask, small letters answer.
const (
	KindBegin    Kind = 'B'
	KindContinue Kind = 'C'
	KindCancel   Kind = 'X'

	KindOffer     Kind = 'o'
	KindChallenge Kind = 'c'
	KindSuccess   Kind = 's'
	KindFailure   Kind = 'f'

	KindStart   Kind = 'H'
	KindStarted Kind = 'h'
	KindRefused Kind = 'r'
	KindLeave   Kind = 'L'

	KindRedeem  Kind = 'R'
	KindAccount Kind = 'a'
	KindDenied  Kind = 'd'
)

// Limits of fields, in octets unless it is said.
const (
	// MaxResponse is for a bearer token, which is the longest thing that a client
	// says at login.
	MaxResponse = 12 << 10
	// MaxChallenge is for what authd says of a bearer token that it refuses.
	MaxChallenge = 2 << 10

	maxName      = 255 // userdb.MaxName
	maxMechanism = 20  // RFC 4422 section 3.1
	maxSID       = 64
	maxBinding   = 64 // of SHA-512
	maxPath      = 4095
	maxWithout   = 512
	maxExpire    = 16
	maxQuota     = 64
	maxGroups    = 1024 // in number
	maxOffered   = 32   // in number
)

// MaxMessage is the length of the longest message, in octets.
const MaxMessage = 16 << 10

// Service is what a client wants to log in to.
type Service uint8

// The services.
const (
	IMAP Service = 1 + iota
	POP3
	Webmail
	SMTP // for another server, which brings no session about
	LMTP // mail comes in: nobody logs in to it
	// Security is to change how the account logs in (Manage). It has no sessions, and app
	// passwords are not for it.
	Security

	lastService = Security
)

var serviceNames = [...]string{IMAP: "imap", POP3: "pop3", Webmail: "webmail", SMTP: "smtp", LMTP: "lmtp", Security: "security"}

// String returns the service's name in logs and in the configuration.
func (s Service) String() string {
	if s == 0 || s > lastService {
		return fmt.Sprintf("service %d", uint8(s))
	}
	return serviceNames[s]
}

// Codes reports whether who logs in can be asked for a code besides a password.
func (s Service) Codes() bool { return s == Webmail || s == Security }

// ServiceOf returns the service of that name.
func ServiceOf(name string) (Service, bool) {
	for s := Service(1); s <= lastService; s++ {
		if serviceNames[s] == name {
			return s, true
		}
	}
	return 0, false
}

// Reason is why a login failed or a session was not started.
type Reason uint8

// The reasons. What is told of an account by them is told to somebody who knew the
// password.
const (
	Wrong       Reason = 1 + iota // name and password, token or proof do not belong together
	Unavailable                   // it could not be found out now
	Malformed                     // the client broke the rules of the mechanism
	Mechanism                     // there is no such mechanism, or not on this connection
	Expired                       // the password was right, and is too old (RFC 5530 section 3: EXPIRED)
	Disabled                      // the account may not use this service now (CONTACTADMIN)
	Busy                          // too many questions at once
	NoTicket                      // the ticket is not one, or not any more, or another's
	Unknown                       // there is no such account; said to who delivers mail, and to nobody else
	Unsure                        // a session may have the connection, or get it (handover.ErrUnsure)

	lastReason = Unsure
)

// Ticket is the right to one session, once.
type Ticket [16]byte

// Message is one of the types of this package.
type Message interface {
	Kind() Kind
	// fields does something to each field, in the order of the declaration.
	fields(walker)
}

// Begin begins an exchange. The answer is a Challenge, Success or Failure.
type Begin struct {
	Service   Service
	TLS       bool
	Clear     bool       // although there is no TLS, a password may travel
	Remote    netip.Addr // of the client; the zero Addr if it has none
	SID       string     // names the connection in logs
	Mechanism string     // in capitals

	// Initial is the initial response, if HasInitial: one that is empty is not
	// the same as none.
	HasInitial bool
	Initial    []byte

	// Exporter and Endpoint are the channel bindings tls-exporter (RFC 9266) and
	// tls-server-end-point (RFC 5929 section 4) of the connection, or empty.
	Exporter, Endpoint []byte
	// Certificate is the name in a verified certificate of the client, or "".
	Certificate string
}

// Continue is the client's response to a Challenge.
type Continue struct{ Response []byte }

// Cancel ends an exchange: the client gave it up, or is gone. It has no answer.
type Cancel struct{}

// Offer says which mechanisms are enabled; which of them a client is offered depends
// on its connection (package sasl). It is the first message of authd on a connection,
// and comes again when that has changed. Its number is 0.
type Offer struct{ Mechanisms []string }

// Challenge is for the client, who answers with Continue.
type Challenge struct{ Data []byte }

// Success is the end of an exchange. The client's proof was right.
type Success struct {
	Ticket  Ticket
	Account string // as its source spells it
	Without string // IMAP capabilities that it is not offered, with commas between them
	Expire  string // for how many days POP3 leaves mail, or "never"; "": it does not say
}

// Failure is the end of an exchange.
type Failure struct {
	Reason Reason
	Name   string // whom the client said to be, for logs; "" if it did not
}

// Start passes a connection to a session program. Its descriptors come with the message.
// Leave is for those that the front carries.
type Start struct {
	Service Service
	Account string
	Ticket  Ticket
	Remote  netip.Addr // of the client, for Sessions; the zero Addr if it has none
	Passage handover.Passage
}

// Started says that the program has taken the connection.
type Started struct{}

// Refused says that there is no session.
type Refused struct{ Reason Reason }

// Leave says that the front ends: the sessions that it has started on this connection
// and carries shall take leave of their clients. It has no answer.
type Leave struct{}

// Redeem asks what a ticket is good for, and uses it up. PID and UID are those of the
// front that showed it, as the kernel tells them.
type Redeem struct {
	Service Service
	Account string
	Ticket  Ticket
	PID     uint32
	UID     uint32
}

// Account is who a ticket is for.
type Account struct {
	Name     string
	UID, GID uint32
	Groups   []uint32 // further ones
	Home     string   // absolute, or ""
	Mail     string   // absolute path of the Maildir
	Quota    string   // in place of mail.quota, as conf.ParseAccountQuota returns it; "": it does not say
}

// Denied says that a ticket is good for nothing.
type Denied struct{}

func (*Begin) Kind() Kind     { return KindBegin }
func (*Continue) Kind() Kind  { return KindContinue }
func (*Cancel) Kind() Kind    { return KindCancel }
func (*Offer) Kind() Kind     { return KindOffer }
func (*Challenge) Kind() Kind { return KindChallenge }
func (*Success) Kind() Kind   { return KindSuccess }
func (*Failure) Kind() Kind   { return KindFailure }
func (*Start) Kind() Kind     { return KindStart }
func (*Started) Kind() Kind   { return KindStarted }
func (*Refused) Kind() Kind   { return KindRefused }
func (*Leave) Kind() Kind     { return KindLeave }
func (*Redeem) Kind() Kind    { return KindRedeem }
func (*Account) Kind() Kind   { return KindAccount }
func (*Denied) Kind() Kind    { return KindDenied }

func (m *Begin) fields(w walker) {
	service(w, &m.Service)
	w.flag(&m.TLS)
	w.flag(&m.Clear)
	w.addr(&m.Remote)
	w.text(&m.SID, maxSID)
	w.text(&m.Mechanism, maxMechanism)
	w.flag(&m.HasInitial)
	w.octets(&m.Initial, MaxResponse)
	w.octets(&m.Exporter, maxBinding)
	w.octets(&m.Endpoint, maxBinding)
	w.text(&m.Certificate, maxName)
	if !m.HasInitial && len(m.Initial) > 0 {
		w.fail("an initial response that is none")
	}
}

func (m *Continue) fields(w walker) { w.octets(&m.Response, MaxResponse) }
func (m *Cancel) fields(walker)     {}

func (m *Offer) fields(w walker) {
	n := w.count(len(m.Mechanisms), maxOffered)
	if m.Mechanisms == nil && n > 0 {
		m.Mechanisms = make([]string, n)
	}
	for i := range m.Mechanisms {
		w.text(&m.Mechanisms[i], maxMechanism)
	}
}

func (m *Challenge) fields(w walker) { w.octets(&m.Data, MaxChallenge) }

func (m *Success) fields(w walker) {
	w.fixed(m.Ticket[:])
	w.text(&m.Account, maxName)
	w.text(&m.Without, maxWithout)
	w.text(&m.Expire, maxExpire)
}

func (m *Failure) fields(w walker) {
	reason(w, &m.Reason)
	w.text(&m.Name, maxName)
}

func (m *Start) fields(w walker) {
	service(w, &m.Service)
	w.text(&m.Account, maxName)
	w.fixed(m.Ticket[:])
	w.addr(&m.Remote)
	w.text(&m.Passage.Record, handover.MaxHello)
}

func (m *Started) fields(walker)   {}
func (m *Leave) fields(walker)     {}
func (m *Refused) fields(w walker) { reason(w, &m.Reason) }

func (m *Redeem) fields(w walker) {
	service(w, &m.Service)
	w.text(&m.Account, maxName)
	w.fixed(m.Ticket[:])
	w.number(&m.PID)
	w.number(&m.UID)
}

func (m *Account) fields(w walker) {
	w.text(&m.Name, maxName)
	w.number(&m.UID)
	w.number(&m.GID)
	n := w.count(len(m.Groups), maxGroups)
	if m.Groups == nil && n > 0 {
		m.Groups = make([]uint32, n)
	}
	for i := range m.Groups {
		w.number(&m.Groups[i])
	}
	w.text(&m.Home, maxPath)
	w.text(&m.Mail, maxPath)
	w.text(&m.Quota, maxQuota)
}

func (m *Denied) fields(walker) {}

func service(w walker, s *Service) {
	if w.octet((*uint8)(s)); *s == 0 || *s > lastService {
		w.fail("no such service")
	}
}

func reason(w walker, r *Reason) {
	if w.octet((*uint8)(r)); *r == 0 || *r > lastReason {
		w.fail("no such reason")
	}
}

// types makes a message of each kind.
var types = map[Kind]func() Message{
	KindBegin:        func() Message { return new(Begin) },
	KindContinue:     func() Message { return new(Continue) },
	KindCancel:       func() Message { return new(Cancel) },
	KindOffer:        func() Message { return new(Offer) },
	KindChallenge:    func() Message { return new(Challenge) },
	KindSuccess:      func() Message { return new(Success) },
	KindFailure:      func() Message { return new(Failure) },
	KindFactorWanted: func() Message { return new(FactorWanted) },
	KindManage:       func() Message { return new(Manage) },
	KindManaged:      func() Message { return new(Managed) },
	KindStart:        func() Message { return new(Start) },
	KindStarted:      func() Message { return new(Started) },
	KindRefused:      func() Message { return new(Refused) },
	KindLeave:        func() Message { return new(Leave) },
	KindRedeem:       func() Message { return new(Redeem) },
	KindAccount:      func() Message { return new(Account) },
	KindDenied:       func() Message { return new(Denied) },
	KindWho:          func() Message { return new(Who) },
	KindSessions:     func() Message { return new(Sessions) },
	KindKick:         func() Message { return new(Kick) },
	KindKicked:       func() Message { return new(Kicked) },
	KindSign:         func() Message { return new(Sign) },
	KindSigned:       func() Message { return new(Signed) },
	KindLocate:       func() Message { return new(Locate) },
	KindLocated:      func() Message { return new(Located) },
	KindTogether:     func() Message { return new(Together) },
}

// ErrMessage says that something is not a message.
var ErrMessage = errors.New("malformed broker message")
