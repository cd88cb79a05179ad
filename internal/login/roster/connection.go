package roster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

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
	taken   bool       // the process has said so; the roster's lock guards it
	given   bool       // our end is in another process; the lock guards it too
	answer  chan error // receives once: nil when it is taken
}

// register makes a connection, of which the process is told by pass; the lock is
// held.
func (p *process) register(w Wanted) *connection {
	p.last++
	c := &connection{
		process: p, number: p.last, answer: make(chan error, 1),
		account: w.Account, owner: w.Owner, remote: w.Remote, since: time.Now(),
	}
	if w.Shared != "" {
		c.mail, c.quota = w.Mail, w.Quota
	}
	p.conns[c.number] = c
	p.sending++
	p.open++
	p.settle()
	return c
}

// sendTimeout is how long a process may leave its socket full of connections.
const sendTimeout = 10 * time.Second

// pass passes the connection, and returns our end when the process has taken its
// own.
func (c *connection) pass(ctx context.Context) (*os.File, error) {
	ours, err := c.send()
	c.sent(err)
	if err != nil {
		if errors.Is(err, errGone) {
			c.process.end(err) // we are the first who noticed
		}
		return nil, err
	}
	select {
	case err = <-c.answer:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		ours.Close() // nothing was sent
		c.closed()
		return nil, err
	}
	return ours, nil
}

// send makes the two ends and sends one of them.
func (c *connection) send() (*os.File, error) {
	ours, theirs, err := handover.Ends()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	m := handover.Message{Kind: handover.Pass, Conn: c.number}
	if c.process.key.shared != "" {
		m.Account = handover.Account{Name: c.account, Mail: c.mail, Quota: c.quota}
	}
	if err := m.Account.Check(); err != nil {
		ours.Close()
		return nil, err
	}
	if err := c.process.tell(m, theirs); err != nil {
		ours.Close()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			err = errGone // the ways in which a socket says it are many
		}
		return nil, fmt.Errorf("pass connection: %w", err)
	}
	return ours, nil
}

// tell sends a message to the program, with a descriptor unless f is nil.
func (p *process) tell(m handover.Message, f *os.File) error {
	// One deadline for all who send now: each of them makes it later only.
	err := p.control.SetWriteDeadline(time.Now().Add(sendTimeout))
	if err == nil {
		err = p.control.Send(m.Append(nil), f)
	}
	return err
}

// sent notes that the connection is on its way, or that it could not be sent.
func (c *connection) sent(err error) {
	p := c.process
	p.roster.mu.Lock()
	defer p.roster.mu.Unlock()
	p.sending--
	if err != nil {
		p.open--
		delete(p.conns, c.number)
	}
	p.settle()
}

// closed notes that our end is closed.
func (c *connection) closed() {
	p := c.process
	p.roster.mu.Lock()
	defer p.roster.mu.Unlock()
	p.open--
	p.settle()
}

// give notes that our end is another process's now.
func (c *connection) give() {
	p := c.process
	p.roster.mu.Lock()
	_, open := p.conns[c.number]
	c.given = open
	p.roster.mu.Unlock()
	if !open { // it has ended already
		c.closed()
	}
}

// sessionConn is our end of a connection.
type sessionConn struct {
	*net.UnixConn
	connection *connection
	closed     func()
}

func (c *sessionConn) Close() error {
	err := c.UnixConn.Close()
	c.closed()
	return err
}
