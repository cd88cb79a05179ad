package roster

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/handover"
)

// connection is one that a process is given.
type connection struct {
	process *process
	number  uint32
	account string
	owner   any        // who wanted it, for StopFor
	mail    string     // where its mail is, if the process is shared
	quota   string     // and its limits
	remote  netip.Addr // of the client; the zero Addr if nobody says it
	since   time.Time
	due     func()                    // see Wanted; or nil
	crossed func(account string) bool // see Wanted; or nil
	taken   bool                      // the process has said so; the roster's lock guards it
	closed  bool                      // its front has closed it, or it has ended; the lock guards it too
	answer  chan error                // receives once: nil when it is taken
}

// register makes a connection, of which the process is told by pass; the lock is
// held.
func (p *process) register(w Wanted) *connection {
	p.last++
	c := &connection{
		process: p, number: p.last, answer: make(chan error, 1),
		account: w.Account, owner: w.Owner, remote: w.Remote, since: time.Now(), due: w.Due, crossed: w.Crossed,
	}
	if w.Shared != "" {
		c.mail, c.quota = w.Mail, w.Quota
	}
	p.conns[c.number] = c
	if !p.key.alone() {
		p.names[w.Account] = struct{}{}
	}
	p.sending++
	p.open++
	p.settle()
	return c
}

// sendTimeout is how long a process may leave its socket full of connections.
const sendTimeout = 10 * time.Second

// pass passes the connection, and returns when the process has taken it. The error is
// ErrUnsure if it may still do so.
func (c *connection) pass(ctx context.Context, p handover.Passage) error {
	err := c.send(p)
	c.sent(err)
	if err != nil {
		return err
	}
	select {
	case err = <-c.answer:
	case <-ctx.Done():
		err = fmt.Errorf("%w: %w", handover.ErrUnsure, context.Cause(ctx))
	}
	if err != nil {
		c.close()
	}
	return err
}

// send sends the message.
func (c *connection) send(p handover.Passage) error {
	m := handover.Message{Kind: handover.Pass, Conn: c.number, Record: p.Record}
	if c.process.key.shared != "" {
		m.Account = handover.Account{Name: c.account, Mail: c.mail, Quota: c.quota}
	}
	if err := errors.Join(p.Check(), m.Account.Check()); err != nil {
		return err
	}
	err := c.process.tell(m, p.Files)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		err = errGone // the ways in which a socket says it are many
	}
	if err != nil {
		return fmt.Errorf("pass connection: %w", err)
	}
	return nil
}

// tell sends a message to the program, with descriptors if there are any.
func (p *process) tell(m handover.Message, fds fdpass.Descriptors) error {
	// One deadline for all who send now: each of them makes it later only.
	err := p.control.SetWriteDeadline(time.Now().Add(sendTimeout))
	if err == nil {
		err = p.control.Send(m.Append(nil), fds)
	}
	return err
}

// sent notes that the connection is on its way, or that it could not be sent. A process
// that hears nothing more gets no further ones; what it has said is still heard.
func (c *connection) sent(err error) {
	p := c.process
	p.roster.mu.Lock()
	defer p.roster.mu.Unlock()
	p.sending--
	if err != nil {
		c.shut()
		delete(p.conns, c.number)
	}
	if errors.Is(err, errGone) {
		p.deaf = true
		p.retire()
	}
	p.settle()
}

// close notes that the front has closed its end.
func (c *connection) close() {
	p := c.process
	p.roster.mu.Lock()
	defer p.roster.mu.Unlock()
	c.shut()
	p.settle()
}

// shut notes that the connection is not open any more; the lock is held.
func (c *connection) shut() {
	if !c.closed {
		c.closed = true
		c.process.open--
	}
}
