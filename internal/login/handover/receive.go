package handover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
)

// Receive is the program's side. It calls serve in a goroutine of its own for each
// connection that is passed over control, which is serve's to Accept or to Close, and
// returns when the starter passes no more, or ctx has ended, and every connection
// has ended as well. The context of a connection ends with ctx, or when the starter
// wants that one to end. serve must not panic, and returns when the connection is closed.
//
// A connection is told to be taken before anything is done with it. One of which that
// cannot be told is not served, for the starter gives it to another program, unless
// there is no starter any more.
func Receive(ctx context.Context, control *os.File, serve func(context.Context, Account, Passage)) error {
	c, err := fdpass.Open(control)
	if err != nil {
		return err
	}
	if err := control.Close(); err != nil { // c has a descriptor of its own
		return errors.Join(err, c.Close())
	}
	// The starter is to see at once that nothing is taken any more.
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	defer c.Close() // after the last "ended"
	served := connections{stop: make(map[uint32]context.CancelFunc)}
	defer served.running.Wait()
	buf := make([]byte, MaxMessage)
	last := false
	for {
		m, p, err := take(c, buf)
		switch {
		case errors.Is(err, io.EOF) || ctx.Err() != nil || last && errors.Is(err, net.ErrClosed):
			return p.Close() // not told to be taken
		case err != nil:
			return fmt.Errorf("take connection: %w", err)
		case m.Kind == Stop:
			served.end(m.Conn)
			continue
		case last:
			return errors.Join(fmt.Errorf("%w: after the last", ErrMessage), p.Close())
		case m.Kind == Last:
			last = true
			go func() {
				served.running.Wait()
				c.Close() // which ends the wait for a Stop
			}()
			continue
		}
		if err := tell(c, Taken, m.Conn); err != nil && !errors.Is(err, unix.EPIPE) {
			if ctx.Err() != nil {
				err = nil
			}
			return errors.Join(err, p.Close())
		}
		ctx := context.WithValue(served.begin(ctx, m.Conn), starterKey{}, &starter{c, m.Conn})
		served.running.Go(func() {
			serve(ctx, m.Account, p)
			served.end(m.Conn)
			_ = tell(c, Ended, m.Conn) // a starter that is gone need not know
		})
	}
}

// starterKey is that of the starter in the context of a connection.
type starterKey struct{}

// starter is whom a program tells of a connection.
type starter struct {
	control *fdpass.Conn
	conn    uint32
}

// ErrNoStarter says that nobody can be told.
var ErrNoStarter = errors.New("there is no starter")

// TellDue tells the starter that the account of a connection, whose context ctx is, has
// something to be sent. It does not wait.
func TellDue(ctx context.Context) error {
	if s, ok := ctx.Value(starterKey{}).(*starter); ok {
		return tell(s.control, Due, s.conn)
	}
	return ErrNoStarter
}

// TellCrossed tells the starter of a connection, whose context ctx is, or was, that an
// account has crossed a percentage of its limits which has, or had a moment ago, a
// connection to this program. It does not wait.
func TellCrossed(ctx context.Context, account string) error {
	s, ok := ctx.Value(starterKey{}).(*starter)
	if !ok {
		return ErrNoStarter
	}
	if !isName(account) {
		return fmt.Errorf("%w: name", ErrMessage)
	}
	return s.control.Send(Message{Kind: Crossed, Account: Account{Name: account}}.Append(nil), nil)
}

// connections are those that are served.
type connections struct {
	running sync.WaitGroup

	mu   sync.Mutex // guards stop
	stop map[uint32]context.CancelFunc
}

// begin returns the context of a connection.
func (s *connections) begin(ctx context.Context, n uint32) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop[n] = cancel
	return ctx
}

// end ends it, if there is one of that number.
func (s *connections) end(n uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel, ok := s.stop[n]; ok {
		cancel()
		delete(s.stop, n)
	}
}

// take waits for the next message: a Stop, a Last, or a Pass with its connection.
func take(c *fdpass.Conn, buf []byte) (Message, Passage, error) {
	b, fds, err := c.Receive(buf)
	if err != nil {
		return Message{}, Passage{}, err
	}
	p := Passage{Files: fds}
	m, err := ParseMessage(b)
	switch {
	case err != nil:
	case m.Kind == Pass:
		p.Record = m.Record
		err = p.Check()
	case m.Kind != Stop && m.Kind != Last:
		err = fmt.Errorf("%w: unexpected kind", ErrMessage)
	case fds != nil:
		err = fmt.Errorf("%w: with a descriptor", ErrMessage)
	}
	if err != nil {
		return Message{}, Passage{}, errors.Join(err, p.Close())
	}
	return m, p, nil
}

// tell tells the starter of a connection.
func tell(c *fdpass.Conn, k Kind, n uint32) error {
	return c.Send(Message{Kind: k, Conn: n}.Append(nil), nil)
}
