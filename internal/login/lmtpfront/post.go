package lmtpfront

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"fantail/internal/deliver/lmtp"
	"fantail/internal/deliver/parcel"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
	"fantail/internal/login/userdb"
)

// target are recipients whose parcels one session gets.
type target struct {
	accounts []string // in order
	to       []int    // places in the envelope
}

// What is worth one file for several accounts of a user: it needs a session of its own,
// which is to be started, and costs as much as some small files.
const (
	worthRecipients = 4
	worthSize       = 256 << 10
)

// targets divides the recipients: accounts that have one user, and so may share a file,
// go together.
func (m *envelope) targets() []target {
	byUser := make(map[uint32]map[string][]int)
	var users []uint32
	for i, r := range m.to {
		if byUser[r.uid] == nil {
			byUser[r.uid] = make(map[string][]int)
			users = append(users, r.uid)
		}
		byUser[r.uid][r.account] = append(byUser[r.uid][r.account], i)
	}
	var list []target
	for _, uid := range users {
		var accounts []string
		for a := range byUser[uid] {
			accounts = append(accounts, a)
		}
		slices.Sort(accounts) // the same ones find the same session
		size := 1
		if n := len(accounts); n >= worthRecipients || n > 1 && m.body.size >= worthSize {
			size = wire.MostTogether
		}
		for part := range slices.Chunk(accounts, size) {
			t := target{accounts: part}
			for _, a := range part {
				t.to = append(t.to, byUser[uid][a]...)
			}
			list = append(list, t)
		}
	}
	return list
}

// mostTargets get a message at once.
const mostTargets = 16

// post delivers the message to all recipients, and returns the reply for each.
func (c *client) post(m *envelope) []lmtp.Reply {
	replies := make([]lmtp.Reply, len(m.to))
	targets := m.targets()
	top := c.received(m)
	if len(targets) == 1 {
		c.postTo(m, targets[0], top, replies)
		return replies
	}
	var wg sync.WaitGroup
	room := make(chan struct{}, mostTargets)
	for _, t := range targets {
		room <- struct{}{}
		wg.Go(func() {
			c.postTo(m, t, top, replies)
			<-room
		})
	}
	wg.Wait()
	return replies
}

// postTo delivers it to one session, in one parcel or several.
func (c *client) postTo(m *envelope, t target, top string, replies []lmtp.Reply) {
	for to := range slices.Chunk(t.to, parcel.MostRecipients) {
		p := &parcel.Parcel{Sender: m.From.Text, Top: top, Size: m.body.size}
		for _, i := range to {
			r := m.to[i]
			p.Recipients = append(p.Recipients, parcel.Recipient{Account: r.account, Address: r.path.Text, Detail: r.detail})
		}
		receipt, err := c.deliver(m, t, p)
		for n, i := range to {
			if err == nil {
				replies[i] = receipt.Outcomes[n].Reply
				c.tell(m, i, receipt.Outcomes[n])
			} else {
				replies[i] = *c.undelivered(m.to[i], err)
			}
		}
	}
}

// tell logs what became of a message for one recipient. Why it was not delivered has its
// session said.
func (c *client) tell(m *envelope, i int, o parcel.Outcome) {
	to := m.to[i]
	log := c.log.With("user", to.account, "to", to.path.Text, "size", m.body.size, "status", o.Status.String())
	if o.Code/100 != 2 {
		log.Info("not delivered", "reason", o.Text)
		return
	}
	log.Info("delivered", "mailbox", o.Mailbox)
}

// undelivered is the answer for somebody to whom the session was lost, or not to be had.
func (c *client) undelivered(r recipient, err error) *lmtp.Reply {
	switch {
	case errors.Is(err, userdb.ErrUnknown): // since RCPT
		return replyNoAccount
	case errors.Is(err, broker.ErrDisabled):
		return replyDisabled
	}
	c.log.Error("no delivery", "user", r.account, "err", err)
	return replyFailed
}

// deliver has a session take a parcel. A channel that was kept, and whose session has
// ended, is replaced, as long as nothing was taken.
func (c *client) deliver(m *envelope, t target, p *parcel.Parcel) (*parcel.Receipt, error) {
	receipt, err := c.deliverBy(m, t, p, false)
	if errors.Is(err, errStale) {
		receipt, err = c.deliverBy(m, t, p, true)
	}
	return receipt, err
}

func (c *client) deliverBy(m *envelope, t target, p *parcel.Parcel, fresh bool) (*parcel.Receipt, error) {
	ctx, cancel := within(c.server.limit.start)
	defer cancel()
	channels := c.server.channels
	hello := handover.Hello{SID: c.sid, Remote: c.origin.remote(), TLS: c.secure()}
	ch, err := channels.open(ctx, t.accounts, hello, fresh)
	if err != nil {
		return nil, fmt.Errorf("reach the session: %w", err)
	}
	record, err := p.Append(nil)
	if err != nil {
		ch.Close()
		return nil, err
	}
	var rest io.Reader
	if m.body.file != nil {
		rest = m.body.reader()
	} else {
		record = append(record, m.body.mem...)
	}
	receipt, err := ch.carry(p, record, rest)
	if err != nil {
		ch.Close()
		return nil, fmt.Errorf("deliver: %w", err)
	}
	channels.give(t.accounts, ch)
	return receipt, nil
}

// received is the trace field of a message (RFC 5321 section 4.4), with a recipient if
// there is no other.
func (c *client) received(m *envelope) string {
	var b strings.Builder
	from := c.origin.hello
	if c.origin.proto != "" && from == "" {
		from = "unknown"
	}
	fmt.Fprintf(&b, "Received: from %s", from)
	switch name := c.origin.name; {
	case c.origin.addr.IsValid() && name != "":
		fmt.Fprintf(&b, " (%s [%s])", name, literal(c.origin))
	case c.origin.addr.IsValid():
		fmt.Fprintf(&b, " ([%s])", literal(c.origin))
	}
	fmt.Fprintf(&b, "\n\tby %s (Fantail) with %s id %s.%d", c.server.o.Host, c.with(m), c.sid, c.count)
	if len(m.to) == 1 {
		fmt.Fprintf(&b, "\n\tfor <%s>", m.to[0].path.Text)
	}
	fmt.Fprintf(&b, "; %s\n", c.server.o.Clock().Format(time.RFC1123Z))
	return b.String()
}

// literal is the address in an address literal (RFC 5321 section 4.1.3).
func literal(o origin) string {
	if o.addr.Is6() {
		return "IPv6:" + o.addr.String()
	}
	return o.addr.String()
}

// with is the protocol (RFC 3848 section 2, RFC 6531 section 4.3).
func (c *client) with(m *envelope) string {
	with := "LMTP"
	if m.SMTPUTF8 {
		with = "UTF8LMTP"
	}
	if c.secure() {
		with += "S"
	}
	return with
}
