package lmtpfront

import (
	"crypto/tls"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"fantail/internal/daemon/metrics"
	"fantail/internal/deliver/lmtp"
)

func ok(code int, detail lmtp.Status, text string) *lmtp.Reply {
	return &lmtp.Reply{Code: code, Status: detail, Text: text}
}

// lhlo is LHLO. It ends a transaction (RFC 5321 section 4.1.4).
func (c *client) lhlo(args string) error {
	name, err := lmtp.ScanDomain(args)
	if err != nil {
		return err
	}
	c.reset()
	c.greeted = true
	if c.origin.proto == "" {
		c.origin.hello = name
	}
	lines := []string{
		c.server.o.Host, "PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "CHUNKING",
		strings.TrimSpace("SIZE " + sizeText(c.server.o.Size)),
	}
	if !c.secure() && c.server.o.TLS != nil {
		lines = append(lines, "STARTTLS")
	}
	if c.mayXClient() {
		lines = append(lines, "XCLIENT "+lmtp.XClientAttributes)
	}
	c.say(&lmtp.Reply{Code: 250, Text: strings.Join(lines, "\n")})
	return nil
}

// sizeText is the argument of SIZE: 0 says that there is no limit (RFC 1870 section 4).
func sizeText(n int64) string { return strconv.FormatInt(n, 10) }

func (c *client) noop(string) error {
	c.say(ok(250, lmtp.Status{Class: 2}, "Here."))
	return nil
}

func (c *client) help(string) error {
	c.say(ok(214, lmtp.Status{Class: 2}, "See RFC 2033."))
	return nil
}

// vrfy is VRFY, to which there is one answer: RFC 5321 section 3.5.3 has 252 for it.
func (c *client) vrfy(args string) error {
	if args == "" {
		return &lmtp.Reply{Code: 501, Status: lmtp.Status{Class: 5, Subject: 5, Detail: 4}, Text: "VRFY whom?"}
	}
	c.say(ok(252, lmtp.Status{Class: 2, Subject: 5, Detail: 0}, "RCPT will tell."))
	return nil
}

func (c *client) quitCommand(args string) error {
	if err := lmtp.ScanNone(args); err != nil {
		return err
	}
	c.say(ok(221, lmtp.Status{Class: 2}, "Good-bye."))
	c.quit = true
	return nil
}

// starttls is STARTTLS. Octets behind it came in the clear, from somebody on the way
// perhaps: they end the connection (RFC 3207 section 4.2 and 6).
func (c *client) starttls(args string) error {
	if err := lmtp.ScanNone(args); err != nil {
		return err
	}
	switch {
	case c.secure():
		return &lmtp.Reply{Code: 503, Status: lmtp.Status{Class: 5, Subject: 5, Detail: 1}, Text: "TLS is on already."}
	case c.server.o.TLS == nil:
		return &lmtp.Reply{Code: 454, Status: lmtp.Status{Class: 4, Subject: 7, Detail: 0}, Text: "There is no TLS now."}
	}
	if err := c.nothingBehind(); err != nil {
		return err
	}
	c.say(ok(220, lmtp.Status{Class: 2}, "Begin TLS."))
	if err := c.flush(); err != nil {
		return err
	}
	conn := tls.Server(c.raw, c.server.o.TLS)
	if err := c.raw.SetDeadline(time.Now().Add(c.server.limit.handshake)); err != nil {
		return err
	}
	if err := conn.Handshake(); err != nil {
		c.server.o.Metrics.Inc(metrics.HandshakeFailures)
		c.log.Debug("no TLS", "err", err)
		return errClosed
	}
	c.server.o.Metrics.Inc(metrics.Handshakes, metrics.TLSVersion(conn.ConnectionState().Version))
	c.conn = conn
	c.forget()
	return nil
}

// nothingBehind ends the connection of a client that has said more than it may.
func (c *client) nothingBehind() error {
	if c.in.Buffered() == 0 {
		return nil
	}
	c.log.Warn("input behind a command that must be the last")
	c.say(&lmtp.Reply{Code: 421, Status: lmtp.Status{Class: 4, Subject: 5, Detail: 0}, Text: "Nothing may follow that command."})
	return errClosed
}

func (c *client) mayXClient() bool {
	for _, p := range c.server.o.XClient {
		if p.Contains(c.addr) {
			return true
		}
	}
	return false
}

// xclient is XCLIENT, which a proxy says of its client. The conversation begins again.
func (c *client) xclient(args string) error {
	if !c.mayXClient() {
		c.log.Warn("XCLIENT from who may not say it")
		return &lmtp.Reply{Code: 550, Status: lmtp.Status{Class: 5, Subject: 7, Detail: 0}, Text: "You may not say that."}
	}
	x, err := lmtp.ScanXCLIENT(args)
	if err != nil {
		return err
	}
	if c.mail != nil {
		return errTwice
	}
	if err := c.nothingBehind(); err != nil {
		return err
	}
	o := c.origin
	if o.proto == "" {
		o = origin{proto: "LMTP"} // of itself the proxy is no origin
	}
	take(&o.name, x.Name)
	take(&o.hello, x.HELO)
	take(&o.proto, x.Proto)
	if x.Addr != nil {
		o.addr = *x.Addr
	}
	c.greeted = false
	c.origin = o
	c.name()
	c.log.Info("relayed", "by", c.addr.String())
	c.say(c.server.greeting())
	return nil
}

// take takes a text that was said, if it can stand in a trace field.
func take(field, said *string) {
	if said == nil {
		return
	}
	*field = ""
	if name, err := lmtp.ScanDomain(*said); err == nil {
		*field = name
	} else if a, err := netip.ParseAddr(*said); err == nil {
		*field = a.String()
	}
}
