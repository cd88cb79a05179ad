package lmtpfront

import (
	"errors"
	"io"
	"time"

	"fantail/internal/crlf"
	"fantail/internal/daemon/metrics"
	"fantail/internal/deliver/lmtp"
)

// readAhead is how much is read at once of a message.
const readAhead = 16 << 10

// data is DATA.
func (c *client) data(args string) error {
	if err := c.mayData(args); err != nil {
		// The client shall have waited. What it takes for a message would be commands.
		if c.in.Buffered() > 0 {
			c.say(err)
			return c.nothingBehind()
		}
		return err
	}
	c.say(&lmtp.Reply{Code: 354, Text: "Send the message, and a dot on a line of its own."})
	b := newBody(c.server.o.Spool, c.server.o.Size)
	c.mail.body = b
	c.in.Reserve(readAhead)
	buf := pieces.Get().(*piece)
	defer pieces.Put(buf)
	if _, err := io.CopyBuffer(b, struct{ io.Reader }{crlf.NewDotReader(c.in)}, buf[:]); err != nil {
		return err
	}
	return c.arrived()
}

// mayData is the answer to a DATA that cannot be, or nil.
func (c *client) mayData(args string) *lmtp.Reply {
	err := lmtp.ScanNone(args)
	var wrong *lmtp.Reply
	switch {
	case errors.As(err, &wrong):
		return wrong
	case !c.greeted:
		return errHello
	case c.mail == nil:
		return errMail
	case c.mail.body != nil || c.mail.fail != nil:
		return errChunks
	case len(c.mail.to) == 0:
		return errNobody // RFC 2033 section 4.2
	}
	return nil
}

// bdat is BDAT. The octets of a chunk follow whatever is answered.
func (c *client) bdat(args string) error {
	chunk, err := lmtp.ScanBDAT(args)
	var wrong *lmtp.Reply
	if errors.As(err, &wrong) {
		c.say(wrong)
		return errClosed // nobody knows where the next command is
	}
	refused := c.mayChunk()
	var to io.Writer = io.Discard
	if refused == nil {
		if c.mail.body == nil {
			c.mail.body = newBody(c.server.o.Spool, c.server.o.Size)
			c.in.Reserve(readAhead)
		}
		to = c.mail.body
	}
	buf := pieces.Get().(*piece)
	defer pieces.Put(buf)
	in := io.LimitedReader{R: c.in, N: chunk.Size}
	if _, err := io.CopyBuffer(struct{ io.Writer }{to}, &in, buf[:]); err != nil {
		return err
	}
	switch {
	case in.N > 0:
		return io.ErrUnexpectedEOF
	case refused != nil:
		return refused
	case c.mail.body.over && !chunk.Last:
		c.mail.body.close()
		c.mail.body, c.mail.fail = nil, c.server.tooLarge()
		return c.mail.fail
	case chunk.Last:
		return c.arrived()
	}
	c.say(ok(250, lmtp.Status{Class: 2}, "Chunk received."))
	return nil
}

// mayChunk is the answer to a BDAT that cannot be, or nil.
func (c *client) mayChunk() *lmtp.Reply {
	switch {
	case !c.greeted:
		return errHello
	case c.mail == nil:
		return errMail
	case c.mail.fail != nil:
		return errNobody
	case len(c.mail.to) == 0:
		return errNobody
	}
	return nil
}

// arrived delivers the message and answers for each recipient.
func (c *client) arrived() error {
	m := c.mail
	c.count++
	err := m.body.finish()
	var all *lmtp.Reply
	switch {
	case m.body.over:
		all = c.server.tooLarge()
	case err != nil:
		c.log.Error("message cannot be kept", "err", err)
		all = replyFailed
	}
	if all != nil {
		for range m.to {
			c.say(all)
		}
	} else {
		began := time.Now()
		for _, r := range c.post(m) {
			c.say(&r)
			c.server.o.Metrics.Inc(metrics.Deliveries, outcomeOf(&r))
		}
		c.server.o.Metrics.Since(metrics.DeliveryTime, began)
		c.server.o.Metrics.Observe(metrics.DeliverySize, uint64(m.body.size))
	}
	c.reset()
	return nil
}

// outcomeOf is how a reply for a recipient is counted.
func outcomeOf(r *lmtp.Reply) string {
	is := func(subject, detail uint16) bool { return r.Status.Subject == subject && r.Status.Detail == detail }
	switch {
	case r.Code/100 == 2:
		return "delivered"
	case is(2, 2):
		return "quota"
	case is(4, 6):
		return "loop"
	case is(1, 1), is(2, 1):
		return "account"
	case r.Code/100 == 5:
		return "refused"
	}
	return "failed"
}

var replyFailed = &lmtp.Reply{Code: 451, Status: lmtp.Status{Class: 4, Subject: 3, Detail: 0}, Text: "The message cannot be delivered now."}
