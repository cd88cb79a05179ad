package handover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"fantail/internal/daemon/fdpass"
)

// Receive is the program's side. It calls serve in a goroutine of its own for each
// connection that is passed over control, closes the connection afterwards, and
// returns when the starter passes no more, or ctx has ended, and every connection
// has ended as well. The context of a connection ends with ctx, or when the starter
// wants that one to end. serve must not panic.
func Receive(ctx context.Context, control *os.File, serve func(context.Context, Account, *net.UnixConn)) error {
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
		m, conn, err := take(c, buf)
		switch {
		case errors.Is(err, io.EOF) || ctx.Err() != nil || last && errors.Is(err, net.ErrClosed):
			if conn != nil {
				conn.Close() // not told to be taken: the starter gives it to another
			}
			return nil
		case err != nil:
			return fmt.Errorf("take connection: %w", err)
		case m.Kind == Stop:
			served.end(m.Conn)
			continue
		case last:
			return errors.Join(fmt.Errorf("%w: after the last", ErrMessage), closed(conn))
		case m.Kind == Last:
			last = true
			go func() {
				served.running.Wait()
				c.Close() // which ends the wait for a Stop
			}()
			continue
		}
		tell(c, Taken, m.Conn)
		ctx := served.begin(ctx, m.Conn)
		served.running.Go(func() {
			serve(ctx, m.Account, conn)
			conn.Close()
			served.end(m.Conn)
			tell(c, Ended, m.Conn)
		})
	}
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

// closed closes a connection, if there is one.
func closed(conn *net.UnixConn) error {
	if conn == nil {
		return nil
	}
	return conn.Close()
}

// take waits for the next message: a Stop, a Last, or a Pass with its connection.
func take(c *fdpass.Conn, buf []byte) (Message, *net.UnixConn, error) {
	b, f, err := c.Receive(buf)
	if err != nil {
		return Message{}, nil, err
	}
	m, err := ParseMessage(b)
	if f == nil {
		if err == nil && m.Kind != Stop && m.Kind != Last {
			err = fmt.Errorf("%w: no descriptor", ErrMessage)
		}
		return m, nil, err
	}
	defer f.Close()
	if err == nil && m.Kind != Pass {
		err = fmt.Errorf("%w: unexpected kind", ErrMessage)
	}
	if err != nil {
		return Message{}, nil, err
	}
	conn, err := net.FileConn(f)
	if err != nil {
		return Message{}, nil, err
	}
	channel, ok := conn.(*net.UnixConn)
	if !ok {
		return Message{}, nil, errors.Join(fmt.Errorf("%w: a socket of another kind", ErrMessage), conn.Close())
	}
	return m, channel, nil
}

// tell tells the starter of a connection. A starter that is gone need not know.
func tell(c *fdpass.Conn, k Kind, n uint32) {
	_ = c.Send(Message{Kind: k, Conn: n}.Append(nil), nil)
}
