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
// has ended as well. serve must not panic.
func Receive(ctx context.Context, control *os.File, serve func(*net.UnixConn)) error {
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
	var running sync.WaitGroup
	defer running.Wait()
	buf := make([]byte, MessageSize)
	for {
		n, conn, err := take(c, buf)
		switch {
		case errors.Is(err, io.EOF) || ctx.Err() != nil:
			if conn != nil {
				conn.Close() // not told to be taken: the starter gives it to another
			}
			return nil
		case err != nil:
			return fmt.Errorf("take connection: %w", err)
		}
		tell(c, Taken, n)
		running.Go(func() {
			serve(conn)
			conn.Close()
			tell(c, Ended, n)
		})
	}
}

// take waits for the next connection.
func take(c *fdpass.Conn, buf []byte) (uint32, *net.UnixConn, error) {
	b, f, err := c.Receive(buf)
	if err != nil {
		return 0, nil, err
	}
	m, err := ParseMessage(b)
	if f == nil {
		return 0, nil, errors.Join(fmt.Errorf("%w: no descriptor", ErrMessage), err)
	}
	defer f.Close()
	if err == nil && m.Kind != Pass {
		err = fmt.Errorf("%w: unexpected kind", ErrMessage)
	}
	if err != nil {
		return 0, nil, err
	}
	conn, err := net.FileConn(f)
	if err != nil {
		return 0, nil, err
	}
	channel, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, nil, errors.Join(fmt.Errorf("%w: a socket of another kind", ErrMessage), conn.Close())
	}
	return m.Conn, channel, nil
}

// tell tells the starter of a connection. A starter that is gone need not know.
func tell(c *fdpass.Conn, k Kind, n uint32) {
	_ = c.Send(Message{k, n}.Append(nil), nil)
}
