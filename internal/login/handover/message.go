package handover

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Kind is what a message on a control socket says of a connection.
type Kind byte

// The messages. Pass, Stop and Last go from the starter to the program, and only Pass
// has descriptors.
const (
	Pass  Kind = 'P' // here is a connection
	Stop  Kind = 'S' // take leave of its client and end it
	Last  Kind = 'L' // there will be no Pass any more; Conn is 0
	Taken Kind = 'T' // it is the program's now
	Ended Kind = 'E' // it is closed
	Due   Kind = 'D' // its account has something to be sent (package outbox)
	// Crossed is of the program, not of a connection; Conn is 0: the account of that name
	// has crossed a percentage of its limits (package quota).
	Crossed Kind = 'Q'
)

// Account is whose mail a connection is for, and where that is. The zero Account is the
// one that the program belongs to.
type Account struct {
	Name  string
	Mail  string // path of the Maildir
	Quota string // in place of mail.quota, as conf.ParseAccountQuota returns it; "": it does not say
}

// Message is one message. On the wire it is the kind and the number in four octets in
// network byte order; in a Crossed then the account's name; in a Pass then the length of the record in two, and the record; and
// if the program serves several accounts the account's name, NUL, the path of its mail,
// NUL, and its quota.
type Message struct {
	Kind    Kind
	Conn    uint32  // the connection's number, which the starter gives; each only once
	Record  string  // of a Pass: see Passage
	Account Account // of a Pass; of a Crossed the name, and nothing else
}

// ErrMessage says that something is not a message.
var ErrMessage = errors.New("malformed control message")

const (
	// MessageSize is the length of a message that is neither a Pass nor a Crossed, in octets.
	MessageSize = 5
	// MaxTold is that of the longest one that a program says.
	MaxTold = MessageSize + maxAccount
	// MaxMessage is that of the longest one.
	MaxMessage = MessageSize + 2 + MaxHello + maxAccount + 1 + maxMail + 1 + maxQuota

	maxAccount = 255
	maxMail    = 4095 // PATH_MAX without its NUL
	maxQuota   = 64
)

// Append appends the message to b. Its record and its account must be such as
// Passage.Check and Account.Check permit.
func (m Message) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, byte(m.Kind)), m.Conn)
	if m.Kind == Crossed {
		return append(b, m.Account.Name...)
	}
	if m.Kind != Pass {
		return b
	}
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(m.Record))), m.Record...)
	if m.Account != (Account{}) {
		b = append(b, m.Account.Name...)
		b = append(b, 0)
		b = append(b, m.Account.Mail...)
		b = append(b, 0)
		b = append(b, m.Account.Quota...)
	}
	return b
}

// Check reports why an account cannot stand in a message.
func (a Account) Check() error {
	switch {
	case a == Account{}:
		return nil
	case !isName(a.Name):
		return fmt.Errorf("%w: name", ErrMessage)
	case len(a.Mail) > maxMail || !strings.HasPrefix(a.Mail, "/") || strings.ContainsRune(a.Mail, 0):
		return fmt.Errorf("%w: mail", ErrMessage)
	case len(a.Quota) > maxQuota || strings.ContainsRune(a.Quota, 0):
		return fmt.Errorf("%w: quota", ErrMessage)
	}
	return nil
}

func isName(s string) bool { return s != "" && len(s) <= maxAccount && !strings.ContainsRune(s, 0) }

// ParseMessage is the inverse of Append.
func ParseMessage(b []byte) (Message, error) {
	if len(b) < MessageSize {
		return Message{}, fmt.Errorf("%w: %d octets", ErrMessage, len(b))
	}
	m := Message{Kind: Kind(b[0]), Conn: binary.BigEndian.Uint32(b[1:])}
	switch m.Kind {
	case Pass, Stop, Last, Taken, Ended, Due, Crossed:
	default:
		return Message{}, fmt.Errorf("%w: of no kind", ErrMessage)
	}
	rest := string(b[MessageSize:])
	if m.Kind == Crossed {
		if m.Conn != 0 || !isName(rest) {
			return Message{}, fmt.Errorf("%w: name", ErrMessage)
		}
		m.Account.Name = rest
		return m, nil
	}
	if m.Kind != Pass {
		if rest != "" {
			return Message{}, fmt.Errorf("%w: %d octets", ErrMessage, len(b))
		}
		return m, nil
	}
	if len(rest) < 2 {
		return Message{}, fmt.Errorf("%w: no record", ErrMessage)
	}
	n := int(binary.BigEndian.Uint16(b[MessageSize:]))
	if rest = rest[2:]; n == 0 || n > MaxHello || n > len(rest) {
		return Message{}, fmt.Errorf("%w: a record of %d octets", ErrMessage, n)
	}
	m.Record, rest = rest[:n], rest[n:]
	if rest == "" {
		return m, nil
	}
	name, rest, ok := strings.Cut(rest, "\x00")
	mail, quota, more := strings.Cut(rest, "\x00")
	if !ok || !more {
		return Message{}, fmt.Errorf("%w: half an account", ErrMessage)
	}
	m.Account = Account{name, mail, quota}
	if m.Account == (Account{}) {
		return Message{}, fmt.Errorf("%w: name", ErrMessage)
	}
	if err := m.Account.Check(); err != nil {
		return Message{}, err
	}
	return m, nil
}
