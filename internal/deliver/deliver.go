// Package deliver is the local delivery agent: it puts a message into the mailboxes of
// those whom it is for, durably, and says what to tell the MTA.
//
//	cmd/deliver       one message on a pipe, one recipient ──╮
//	deliver/deliverd  messages of LMTP, many recipients ─────┴► Agent.Deliver
//
//	head.go        the fields at the top are read: is it a loop? what id has it?
//	filter.go      the recipient's Filter says which mailbox
//	target.go      that mailbox is opened, or made, or is INBOX after all
//	copy.go        written once, to tmp of the first; others share the file
//	duplicates.go  has the account got it already?
//	               fsync, rename, fsync of the directory, in each
//	outcome.go     what became of it, in the words of an MTA
//
// # Responsibility
//
// An MTA that is told that a message is delivered forgets it. So there are two rules: a
// nil error means that the message survives a power cut, and no fault of this machine may
// look permanent, because the MTA would return a message that could be delivered a
// minute later. What is permanent are a loop, and, if an administrator wants that, an
// account without room. A message that has not come as a whole is delivered to nobody.
//
// A delivery takes no lock and gives no UID; it only writes, syncs and renames. (Only
// where duplicates are looked for, deliveries of one account wait for each other.)
//
// # What changes in a message
//
// Fields are added at the top: Return-Path, if the sender is known, in place of all there
// are (RFC 5321 section 4.4), and Delivered-To, if there is one recipient, whose address
// is known, unless the MTA has just added it. (Where the first line of a message would
// continue them, it has no header: an empty line comes before it.) A line of an mbox at
// the beginning goes.
// A message whose first line ends in CRLF is one as it is on the wire, and its line ends
// are stored as those of this system, LF, as readers of a Maildir expect. Everything else
// stays as it is, octet by octet: in a message with LF a CR is data.
//
// # Loops
//
// A loop is a message that has been delivered to this address and came back: a field
// Delivered-To with it that is older than the topmost Received field, as what stands
// above that was added on this machine, for this delivery (RFC 5321 section 6.3 asks
// for some such provision). Received fields are not counted: the MTA has done so, and
// here the way of a message ends.
package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/store"
)

// Envelope is what the MTA says of a message besides its octets.
type Envelope struct {
	Sender *string // return path, "" for a bounce; nil if nobody said
	// Top are fields that whoever brings the message adds to it, with LF line ends.
	Top string
	// Stored says that the message is as it will be stored: its line ends are LF, and no
	// line of an mbox comes before it.
	Stored bool
}

// Recipient is somebody whom a message is for.
type Recipient struct {
	Account  *store.Account
	Address  string // to which it is delivered, for Delivered-To; "" if unknown
	Original string // to which it was sent, before aliases; "" if unknown
	Mailbox  string // where to; "" is that of Detail, or INBOX
	Detail   string // of the address (RFC 5233 section 4), or ""
	Filter   Filter // nil: Kept
	Log      *slog.Logger
	// Delivered, if it is not nil, is told where the message is, in place of the log.
	Delivered func(mailbox string)
}

// Agent delivers messages as the settings say. It is safe for many goroutines.
type Agent struct {
	Settings conf.DeliverSettings
	Clock    func() time.Time // nil: time.Now

	buffers  sync.Pool     // of *[]byte with bufferSize octets
	patience time.Duration // with other deliveries of an account; 0: seenPatience
}

// ErrEmpty reports that there was no message to deliver. An MTA always has one:
// it died or was misconfigured, and should try again.
var ErrEmpty = errors.New("there is no message")

// ErrLoop reports that the message has been delivered to the address before.
var ErrLoop = errors.New("mail loop")

// Deliver reads a message from in until its end and puts it into the mailbox of each
// recipient. Of each the error says whether he has it: nil means that it is there and
// survives a power cut, otherwise it is not there; Outcome says what that means to an MTA.
// If in fails that is the error of all. The message is one file with several names where
// the file system can do that.
func (a *Agent) Deliver(ctx context.Context, env Envelope, to []Recipient, in io.Reader) []error {
	letters := make([]letter, len(to))
	for i := range to {
		letters[i].to = &to[i]
	}
	first, second := a.buffer(), a.buffer()
	defer a.buffers.Put(first)
	defer a.buffers.Put(second)
	m, err := read(in, env, *first)
	if err == nil {
		for i := range letters {
			l := &letters[i]
			l.err = a.open(ctx, l, m)
			defer l.close()
		}
		err = write(letters, m, a.top(m, to), *second)
	}
	if err == nil {
		share(letters)
		a.commit(ctx, letters, m)
	}
	outcomes := make([]error, len(to))
	for i := range letters {
		letters[i].err = errors.Join(letters[i].err, err)
		outcomes[i] = letters[i].err
	}
	return outcomes
}

// bufferSize is for most messages as a whole: they are read by one system call, and
// written by one.
const bufferSize = 64 << 10

func (a *Agent) buffer() *[]byte {
	if b, ok := a.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, bufferSize)
	return &b
}

// Fits reports whether there is room for a message of so many octets where it would be
// delivered. Where a filter would put it is not known before there is a message.
func (a *Agent) Fits(ctx context.Context, to *Recipient, octets int64) (err error) {
	box, err := a.target(ctx, to, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, box.Close()) }()
	return box.FitsDelivery(ctx, octets)
}

// letter is a message on its way to one recipient.
type letter struct {
	to  *Recipient
	box *store.Mailbox
	d   *store.Delivery
	err error // the first; then it is not delivered
}

// open finds out where a message goes.
func (a *Agent) open(ctx context.Context, l *letter, m *message) error {
	if a.Settings.DeliveredTo && m.loops(l.to.Address) {
		return fmt.Errorf("%w: the message has been delivered to %s before", ErrLoop, l.to.Address)
	}
	mailbox, err := l.to.filter(ctx, m)
	if err == nil {
		l.box, err = a.target(ctx, l.to, mailbox)
	}
	return err
}

// close gives up what a letter holds. What is not delivered is removed.
func (l *letter) close() {
	if l.d != nil && l.err != nil {
		if err := l.d.Abort(); err != nil { // there it is no message, and is removed some day
			l.to.Log.Warn("message stays in tmp", "err", err)
		}
	}
	if l.box != nil {
		if err := l.box.Close(); err != nil {
			l.to.Log.Warn("close mailbox", "err", err)
		}
	}
}

// top are the fields that come before the message.
func (a *Agent) top(m *message, to []Recipient) string {
	var b strings.Builder
	if m.sender != nil {
		b.WriteString("Return-Path: <" + *m.sender + ">\n")
	}
	if a.Settings.DeliveredTo && len(to) == 1 && to[0].Address != "" && !m.fresh(to[0].Address) {
		b.WriteString("Delivered-To: " + to[0].Address + "\n")
	}
	b.WriteString(m.env.Top)
	if b.Len() > 0 && m.continues() {
		b.WriteByte('\n')
	}
	return b.String()
}

// mostCommits are under way at once: their fsyncs become one of the file system's.
const mostCommits = 16

// commit makes the message part of each mailbox.
func (a *Agent) commit(ctx context.Context, letters []letter, m *message) {
	one := func(l *letter) {
		if l.err == nil {
			l.err = a.commitOne(ctx, l, m)
		}
	}
	if len(letters) == 1 {
		one(&letters[0])
		return
	}
	var wg sync.WaitGroup
	room := make(chan struct{}, mostCommits)
	for i := range letters {
		room <- struct{}{}
		wg.Go(func() {
			one(&letters[i])
			<-room
		})
	}
	wg.Wait()
}

func (a *Agent) commitOne(ctx context.Context, l *letter, m *message) error {
	log := l.to.Log.With("mailbox", l.box.Name(), "size", m.written)
	if a.Settings.Duplicates > 0 && m.id != "" {
		seen := a.lockSeen(l.to, m.id)
		defer seen.close()
		if seen.has() {
			log.Info("duplicate dropped", "id", m.id)
			if err := l.d.Abort(); err != nil {
				log.Warn("message stays in tmp", "err", err)
			}
			return nil
		}
		if err := l.d.Commit(ctx); err != nil {
			return err
		}
		seen.add()
	} else if err := l.d.Commit(ctx); err != nil {
		return err
	}
	if l.to.Delivered != nil {
		l.to.Delivered(l.box.Name())
	} else {
		log.Info("delivered")
	}
	return nil
}
