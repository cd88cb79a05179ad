// Package parcel is what the front of LMTP and a deliver-session say to each other: a
// message with its envelope, and what became of it for each recipient.
//
//	front ── Parcel, then Parcel.Size octets of the message ──► deliver-session
//	front ◄─ Receipt, with a reply for each recipient, in order ─ deliver-session
//
// A Parcel can also be a question, with no message behind it: whether each recipient has
// room for one of that size.
//
// They speak on a channel of package handover, behind its Hello. One parcel is under way
// at a time; a front that wants more has more channels. A session that gets only part of
// a parcel delivers nothing. A Receipt comes when what it says of each recipient is so:
// a reply of class 2 means that the message survives a power cut. A channel that ends
// without one leaves the client of LMTP in doubt, who tries again.
//
// On the wire a record is its length in four octets, in network byte order, and its
// fields: numbers of two or eight octets, texts with their length in four octets before
// them, lists with the number of their elements in four. Invariants: what is longer than
// MaxRecord, or longer or shorter than its fields, is an error; nothing is allocated by
// a number that the other side says before that much of it has come.
package parcel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"fantail/internal/deliver/lmtp"
)

// Parcel is a message for accounts of one session program.
type Parcel struct {
	Sender     string // the path of MAIL, "" for the null path
	Top        string // header fields that the front adds, with LF line ends, or ""
	Size       int64  // of the message without Top, in octets
	Question   bool   // no message comes: would there be room? Class 2 says yes
	Recipients []Recipient
}

// Recipient is one of RCPT.
type Recipient struct {
	Account string // whose mail it is
	Address string // the path of RCPT
	Detail  string // what follows the delimiter in its local part, or ""
}

// Receipt says what became of a Parcel.
type Receipt struct{ Outcomes []Outcome } // in the order of Parcel.Recipients

// Usage is what a deliver-session says of an account that is asked how full it is
// (deliver-session(8), -usage). A limit of 0 is none.
type Usage struct {
	Octets        int64 `json:"octets"`
	OctetsLimit   int64 `json:"octets_limit"`
	Messages      int64 `json:"messages"`
	MessagesLimit int64 `json:"messages_limit"`
}

// Outcome is what became of it for one recipient.
type Outcome struct {
	lmtp.Reply
	Mailbox string // where it is; "" if it is in none
}

const (
	// MostRecipients is how many a Parcel can have.
	MostRecipients = 100
	// MaxRecord is the length of the longest record, in octets.
	MaxRecord = 1 << 20

	lengthSize = 4
)

// ErrRecord says that something is not a record of this package.
var ErrRecord = errors.New("malformed parcel")

// Append appends a record to b, behind which the message comes. It is an error if it
// would be too long.
func (p *Parcel) Append(b []byte) ([]byte, error) {
	return record(b, func(w *writer) {
		w.text(p.Sender)
		w.text(p.Top)
		w.number(uint64(p.Size))
		w.truth(p.Question)
		w.count(len(p.Recipients), MostRecipients)
		for _, r := range p.Recipients {
			w.text(r.Account)
			w.text(r.Address)
			w.text(r.Detail)
		}
	})
}

// Read reads a record, and nothing behind it. The error is io.EOF if the channel ends
// before it.
func Read(in io.Reader) (*Parcel, error) {
	r, err := receive(in)
	if err != nil {
		return nil, err
	}
	p := &Parcel{Sender: r.text(), Top: r.text(), Size: int64(r.number()), Question: r.truth()}
	n := r.count(MostRecipients)
	p.Recipients = make([]Recipient, n)
	for i := range p.Recipients {
		p.Recipients[i] = Recipient{Account: r.text(), Address: r.text(), Detail: r.text()}
	}
	if p.Size < 0 || n == 0 {
		r.bad = true
	}
	return p, r.end()
}

// Append appends a record to b.
func (r *Receipt) Append(b []byte) ([]byte, error) {
	return record(b, func(w *writer) {
		w.count(len(r.Outcomes), MostRecipients)
		for _, reply := range r.Outcomes {
			w.short(uint16(reply.Code))
			w.short(reply.Status.Class)
			w.short(reply.Status.Subject)
			w.short(reply.Status.Detail)
			w.text(reply.Text)
			w.text(reply.Mailbox)
		}
	})
}

// ReadReceipt reads the answer to a Parcel.
func ReadReceipt(in io.Reader, p *Parcel) (*Receipt, error) {
	r, err := receive(in)
	if err != nil {
		return nil, err
	}
	receipt := &Receipt{Outcomes: make([]Outcome, r.count(MostRecipients))}
	for i := range receipt.Outcomes {
		reply := &receipt.Outcomes[i]
		reply.Code = int(r.short())
		reply.Status = lmtp.Status{Class: r.short(), Subject: r.short(), Detail: r.short()}
		reply.Text, reply.Mailbox = r.text(), r.text()
		if reply.Code < 200 || reply.Code > 599 || reply.Code/100 == 3 {
			r.bad = true
		}
	}
	if len(receipt.Outcomes) != len(p.Recipients) {
		r.bad = true
	}
	return receipt, r.end()
}

// record appends what fill writes, with its length before it.
func record(b []byte, fill func(*writer)) ([]byte, error) {
	w := writer{b: append(b, 0, 0, 0, 0)}
	fill(&w)
	n := len(w.b) - len(b) - lengthSize
	if w.bad || n > MaxRecord {
		return b, fmt.Errorf("%w: too long", ErrRecord)
	}
	binary.BigEndian.PutUint32(w.b[len(b):], uint32(n))
	return w.b, nil
}

// writer appends fields.
type writer struct {
	b   []byte
	bad bool // a list is too long
}

func (w *writer) short(n uint16)  { w.b = binary.BigEndian.AppendUint16(w.b, n) }
func (w *writer) number(n uint64) { w.b = binary.BigEndian.AppendUint64(w.b, n) }

func (w *writer) truth(t bool) {
	if t {
		w.short(1)
	} else {
		w.short(0)
	}
}

func (w *writer) text(s string) {
	w.b = binary.BigEndian.AppendUint32(w.b, uint32(len(s)))
	w.b = append(w.b, s...)
}

func (w *writer) count(n, most int) {
	w.bad = w.bad || n > most
	w.b = binary.BigEndian.AppendUint32(w.b, uint32(n))
}

// receive reads a record.
func receive(in io.Reader) (*reader, error) {
	var length [lengthSize]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > MaxRecord {
		return nil, fmt.Errorf("%w: %d octets", ErrRecord, n)
	}
	// As it comes, in pieces that double.
	b := make([]byte, 0, min(n, 4<<10))
	for len(b) < int(n) {
		have := len(b)
		b = append(b, make([]byte, min(int(n)-have, max(have, 4<<10)))...)
		if _, err := io.ReadFull(in, b[have:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return &reader{b: b}, nil
}

// reader takes fields from b. After a mistake all are zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) short() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) truth() bool {
	n := r.short()
	r.bad = r.bad || n > 1
	return n == 1
}

func (r *reader) number() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) text() string { return string(r.take(r.count(MaxRecord))) }

// count is a length: at most so much, and at most what follows.
func (r *reader) count(most int) int {
	b := r.take(4)
	if b == nil {
		return 0
	}
	n := binary.BigEndian.Uint32(b)
	if n > uint32(most) || n > uint32(len(r.b)) {
		r.bad = true
		return 0
	}
	return int(n)
}

// end is the error of all that was read.
func (r *reader) end() error {
	if r.bad || len(r.b) > 0 {
		return ErrRecord
	}
	return nil
}
