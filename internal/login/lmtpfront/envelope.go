package lmtpfront

import (
	"errors"
	"fmt"

	"fantail/internal/daemon/metrics"
	"fantail/internal/deliver/lmtp"
	"fantail/internal/login/broker"
	"fantail/internal/login/userdb"
)

// envelope is a transaction, from MAIL on.
type envelope struct {
	lmtp.Mail
	to   []recipient
	body *body       // from the first BDAT on
	fail *lmtp.Reply // why nobody gets it: of a chunk that was refused (RFC 3030 section 2)
}

// recipient is one that was accepted.
type recipient struct {
	path    lmtp.Path
	account string
	uid     uint32
	detail  string
}

// mostRecipients of a message: RFC 5321 section 4.5.3.1.8 asks for 100.
const mostRecipients = 10_000

// reset ends the transaction, if there is one.
func (c *client) reset() {
	if c.mail != nil && c.mail.body != nil {
		c.mail.body.close()
	}
	c.mail = nil
}

// mailFrom is MAIL.
func (c *client) mailFrom(args string) error {
	m, err := lmtp.ScanMail(args)
	switch {
	case c.mail != nil:
		return errTwice
	case err != nil:
		return err
	case c.server.o.Size > 0 && m.Size > c.server.o.Size:
		return c.server.tooLarge()
	}
	c.mail = &envelope{Mail: m}
	c.say(ok(250, lmtp.Status{Class: 2, Subject: 1, Detail: 0}, "Sender accepted."))
	return nil
}

// tooLarge is the answer to a message beyond the limit (RFC 1870 section 6.2).
func (s *Server) tooLarge() *lmtp.Reply {
	return &lmtp.Reply{Code: 552, Status: lmtp.Status{Class: 5, Subject: 3, Detail: 4}, Text: fmt.Sprintf("A message may have %d octets.", s.o.Size)}
}

var (
	replyNoAccount   = &lmtp.Reply{Code: 550, Status: lmtp.Status{Class: 5, Subject: 1, Detail: 1}, Text: "There is no such account."}
	replyDisabled    = &lmtp.Reply{Code: 550, Status: lmtp.Status{Class: 5, Subject: 2, Detail: 1}, Text: "The account takes no mail."}
	replyUnavailable = &lmtp.Reply{Code: 451, Status: lmtp.Status{Class: 4, Subject: 3, Detail: 0}, Text: "The account cannot be reached now."}
	replyMany        = &lmtp.Reply{Code: 452, Status: lmtp.Status{Class: 4, Subject: 5, Detail: 3}, Text: "Too many recipients: send the message again to the others."}
)

// rcptTo is RCPT.
func (c *client) rcptTo(args string) error {
	path, err := lmtp.ScanRcpt(args, c.mail.SMTPUTF8)
	switch {
	case err != nil:
		return err
	case c.mail.body != nil || c.mail.fail != nil:
		return errChunks
	case len(c.mail.to) >= mostRecipients:
		return replyMany
	}
	ctx, cancel := within(c.server.limit.start)
	defer cancel()
	r, err := c.server.finder.find(ctx, path)
	if err != nil {
		return c.refusal(path.Text, err)
	}
	c.server.o.Metrics.Inc(metrics.Recipients, "accepted")
	c.mail.to = append(c.mail.to, r)
	c.say(ok(250, lmtp.Status{Class: 2, Subject: 1, Detail: 5}, "Recipient accepted."))
	return nil
}

// refusal is what a client is told of an account that cannot be had.
func (c *client) refusal(address string, err error) *lmtp.Reply {
	outcome := "failed"
	if errors.Is(err, userdb.ErrUnknown) || errors.Is(err, broker.ErrDisabled) {
		outcome = "refused"
	}
	c.server.o.Metrics.Inc(metrics.Recipients, outcome)
	switch {
	case errors.Is(err, userdb.ErrUnknown):
		c.log.Info("recipient refused", "to", address, "err", err)
		return replyNoAccount
	case errors.Is(err, broker.ErrDisabled):
		c.log.Info("recipient refused", "to", address, "err", err)
		return replyDisabled
	}
	c.log.Error("recipient cannot be reached", "to", address, "err", err)
	return replyUnavailable
}

// rset is RSET.
func (c *client) rset(args string) error {
	if err := lmtp.ScanNone(args); err != nil {
		return err
	}
	c.reset()
	c.say(ok(250, lmtp.Status{Class: 2}, "Begin again."))
	return nil
}
