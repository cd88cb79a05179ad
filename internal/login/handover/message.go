package handover

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Kind is what a message on a control socket says of a connection.
type Kind byte

// The messages. Pass and Stop go from the starter to the program, and only Pass has a
// descriptor.
const (
	Pass  Kind = 'P' // here is a connection
	Stop  Kind = 'S' // take leave of its client and end it
	Taken Kind = 'T' // it is the program's now
	Ended Kind = 'E' // it is closed
)

// Message is one message. On the wire it is five octets: the kind, and the number
// in network byte order.
type Message struct {
	Kind Kind
	Conn uint32 // the connection's number, which the starter gives; each only once
}

// ErrMessage says that something is not a message.
var ErrMessage = errors.New("malformed control message")

// MessageSize is the length of a message, in octets.
const MessageSize = 5

// Append appends the message to b.
func (m Message) Append(b []byte) []byte {
	return binary.BigEndian.AppendUint32(append(b, byte(m.Kind)), m.Conn)
}

// ParseMessage is the inverse of Append.
func ParseMessage(b []byte) (Message, error) {
	if len(b) != MessageSize {
		return Message{}, fmt.Errorf("%w: %d octets", ErrMessage, len(b))
	}
	m := Message{Kind(b[0]), binary.BigEndian.Uint32(b[1:])}
	switch m.Kind {
	case Pass, Stop, Taken, Ended:
		return m, nil
	}
	return Message{}, fmt.Errorf("%w: of no kind", ErrMessage)
}
