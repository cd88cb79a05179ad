package deliver

import (
	"errors"
	"syscall"

	"fantail/internal/daemon/conf"
	"fantail/internal/deliver/lmtp"
	"fantail/internal/store"
)

// Exit statuses of sysexits. Postfix and Exim return a message to its sender on nearly
// every other one, even on those that name an I/O error.
const (
	OK       = 0
	Usage    = 64 // the command line is wrong
	NoUser   = 67 // there is no such account
	TempFail = 75 // keep the message and try again
	NoPerm   = 77 // the message is refused for good
)

// Outcome is what an MTA is told of a delivery.
type Outcome struct {
	Exit  int        // the status of a program
	Reply lmtp.Reply // that of LMTP; its text names nothing of this machine
}

// Permanent reports whether the MTA shall not try again.
func (o *Outcome) Permanent() bool { return o.Reply.Code/100 == 5 }

// Expected reports whether nothing is wrong with this machine.
func (o *Outcome) Expected() bool { return o.Permanent() || o.Reply.Status == full.Reply.Status }

// Line is what a program says first, and Postfix takes for the cause: the enhanced status
// code and a sentence (pipe(8)).
func (o *Outcome) Line() string { return o.Reply.Status.String() + " " + o.Reply.Text }

// status is an enhanced status code.
func status(class, subject, detail uint16) lmtp.Status {
	return lmtp.Status{Class: class, Subject: subject, Detail: detail}
}

// The outcomes, with the codes of RFC 3463 section 3 and of RFC 5321 section 4.2.3.
var (
	Delivered = Outcome{OK, lmtp.Reply{Code: 250, Status: status(2, 1, 5), Text: "Delivered."}}

	Misused       = Outcome{Usage, lmtp.Reply{Code: 451, Status: status(4, 3, 5), Text: "The command line of the delivery agent is wrong."}}
	Misconfigured = Outcome{TempFail, lmtp.Reply{Code: 451, Status: status(4, 3, 5), Text: "Delivery is not configured correctly."}}
	NoAccounts    = Outcome{TempFail, lmtp.Reply{Code: 451, Status: status(4, 3, 0), Text: "It cannot be found out whose mail this is."}}
	Broken        = Outcome{TempFail, lmtp.Reply{Code: 451, Status: status(4, 3, 0), Text: "The delivery agent has a fault."}}
	UnknownUser   = Outcome{NoUser, lmtp.Reply{Code: 550, Status: status(5, 1, 1), Text: "There is no such account."}}

	loop       = Outcome{NoPerm, lmtp.Reply{Code: 554, Status: status(5, 4, 6), Text: "Mail loop: the message has been delivered to this address before."}}
	full       = Outcome{TempFail, lmtp.Reply{Code: 452, Status: status(4, 2, 2), Text: "The mailbox is full."}}
	fullForBad = Outcome{NoPerm, lmtp.Reply{Code: 552, Status: status(5, 2, 2), Text: "The mailbox is full."}}
	diskFull   = Outcome{TempFail, lmtp.Reply{Code: 452, Status: status(4, 3, 1), Text: "There is no space on the disk of the mailbox."}}
	denied     = Outcome{TempFail, lmtp.Reply{Code: 451, Status: status(4, 3, 5), Text: "The mailbox cannot be written by who delivers."}}
	busy       = Outcome{TempFail, lmtp.Reply{Code: 451, Status: status(4, 2, 0), Text: "The mailbox is in use."}}
	damaged    = Outcome{TempFail, lmtp.Reply{Code: 451, Status: status(4, 2, 0), Text: "The mailbox is damaged."}}
	empty      = Outcome{TempFail, lmtp.Reply{Code: 451, Status: status(4, 3, 0), Text: "There is no message."}}
	failed     = Outcome{TempFail, lmtp.Reply{Code: 451, Status: status(4, 3, 0), Text: "The message cannot be delivered now."}}
)

// kinds are the outcomes by what the store says. Whatever is not here can be mended, too.
var kinds = map[store.Kind]*Outcome{
	store.OverQuota: &full,
	store.Denied:    &denied,
	store.InUse:     &busy,
	store.Corrupt:   &damaged,
}

// Outcome returns what an MTA is told of an error of Deliver.
func (a *Agent) Outcome(err error) Outcome {
	switch o := kinds[store.KindOf(err)]; {
	case err == nil:
		return Delivered
	case errors.Is(err, ErrLoop):
		return loop
	case errors.Is(err, ErrEmpty):
		return empty
	case errors.Is(err, syscall.ENOSPC): // before quotas, as it is nobody's
		return diskFull
	case o == &full && a.Settings.QuotaFull == conf.QuotaPermanent:
		return fullForBad
	case o != nil:
		return *o
	}
	return failed
}
