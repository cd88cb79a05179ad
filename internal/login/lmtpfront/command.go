package lmtpfront

import (
	"fantail/internal/deliver/lmtp"
)

// command is a row of the table.
type command struct {
	run func(c *client, args string) error // an error that is no *lmtp.Reply ends the connection
	in  state
	rfc string
}

// state is what must have been said before.
type state uint8

const (
	anytime state = iota
	ready         // LHLO
	sender        // MAIL; RCPT wants it, and DATA and BDAT want a recipient besides
)

// commands is the table. HELO and EHLO are not of LMTP (RFC 2033 section 4.1).
var commands = map[string]command{
	lmtp.LHLO:     {(*client).lhlo, anytime, "RFC 2033 section 4.1"},
	lmtp.MAIL:     {(*client).mailFrom, ready, "RFC 5321 section 4.1.1.2"},
	lmtp.RCPT:     {(*client).rcptTo, sender, "RFC 5321 section 4.1.1.3"},
	lmtp.DATA:     {(*client).data, anytime, "RFC 5321 section 4.1.1.4"},
	lmtp.BDAT:     {(*client).bdat, anytime, "RFC 3030 section 2"},
	lmtp.RSET:     {(*client).rset, anytime, "RFC 5321 section 4.1.1.5"},
	lmtp.NOOP:     {(*client).noop, anytime, "RFC 5321 section 4.1.1.9"},
	lmtp.VRFY:     {(*client).vrfy, ready, "RFC 5321 section 4.1.1.6"},
	lmtp.HELP:     {(*client).help, anytime, "RFC 5321 section 4.1.1.8"},
	lmtp.QUIT:     {(*client).quitCommand, anytime, "RFC 5321 section 4.1.1.10"},
	lmtp.STARTTLS: {(*client).starttls, ready, "RFC 3207 section 4"},
	lmtp.XCLIENT:  {(*client).xclient, anytime, "XCLIENT of Postfix"},
}

// mostWrong is how many commands in a row may be refused that are none, or come at the
// wrong time: such a client speaks another protocol.
const mostWrong = 20

var (
	errUnknown = &lmtp.Reply{Code: 500, Status: lmtp.Status{Class: 5, Subject: 5, Detail: 1}, Text: "There is no such command."}
	errSMTP    = &lmtp.Reply{Code: 500, Status: lmtp.Status{Class: 5, Subject: 5, Detail: 1}, Text: "This is LMTP: say LHLO."}
	errHello   = &lmtp.Reply{Code: 503, Status: lmtp.Status{Class: 5, Subject: 5, Detail: 1}, Text: "Say LHLO first."}
	errMail    = &lmtp.Reply{Code: 503, Status: lmtp.Status{Class: 5, Subject: 5, Detail: 1}, Text: "Say MAIL first."}
	errNobody  = &lmtp.Reply{Code: 503, Status: lmtp.Status{Class: 5, Subject: 5, Detail: 1}, Text: "There is no recipient."}
	errTwice   = &lmtp.Reply{Code: 503, Status: lmtp.Status{Class: 5, Subject: 5, Detail: 1}, Text: "There is a sender already."}
	errChunks  = &lmtp.Reply{Code: 503, Status: lmtp.Status{Class: 5, Subject: 5, Detail: 1}, Text: "A message is being sent by BDAT."}
)

// command runs one.
func (c *client) command(cmd lmtp.Command) error {
	row, ok := commands[cmd.Verb]
	var refused *lmtp.Reply
	switch {
	case !ok && (cmd.Verb == lmtp.HELO || cmd.Verb == lmtp.EHLO):
		refused = errSMTP
	case !ok:
		refused = errUnknown
	case row.in >= ready && !c.greeted:
		refused = errHello
	case row.in >= sender && c.mail == nil:
		refused = errMail
	}
	if refused == nil {
		c.wrong = 0
		return row.run(c, cmd.Args)
	}
	if c.wrong++; c.wrong >= mostWrong {
		return errMistakes
	}
	return refused
}
