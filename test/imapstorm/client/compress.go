package client

import (
	"bufio"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// compressed is a connection after COMPRESS (RFC 4978). What arrives is inflated by a
// goroutine of its own, so that a deadline for reading takes nothing from the stream: a
// flate.Reader that has once met an error gives it for ever.
type compressed struct {
	net.Conn
	plain  net.Conn // what was inflated
	failed <-chan error
	out    *flate.Writer
	packet *bufio.Writer // so that what ends a flush does not come after the server's end
	pieces func(n int) int
}

// Compress makes a connection compressed from here on. r may hold what was read of it
// already. Each Write is sent in pieces, each with a flush behind it; pieces says how
// many of n octets the next one has.
func Compress(nc net.Conn, r *bufio.Reader, level int, pieces func(n int) int) (net.Conn, error) {
	packet := bufio.NewWriter(nc)
	out, err := flate.NewWriter(packet, level)
	if err != nil {
		return nil, err
	}
	// Deadlines are those of the pipe from now on: none is to be left here.
	if err := nc.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	failed := make(chan error, 1)
	go func() {
		_, err := io.Copy(far, flate.NewReader(r))
		failed <- err // before the end is seen
		_ = far.Close()
	}()
	return &compressed{nc, near, failed, out, packet, pieces}, nil
}

func (c *compressed) Read(p []byte) (int, error) {
	n, err := c.plain.Read(p)
	if n > 0 || !errors.Is(err, io.EOF) {
		return n, err
	}
	select {
	case failed := <-c.failed:
		// The stream has no end of its own: it breaks off where the connection ends.
		if failed != nil && !errors.Is(failed, io.ErrUnexpectedEOF) {
			return 0, fmt.Errorf("inflate: %w", failed)
		}
	default:
	}
	return 0, io.EOF
}

func (c *compressed) Write(p []byte) (n int, err error) {
	for n < len(p) {
		next := min(max(c.pieces(len(p)-n), 1), len(p)-n)
		if _, err := c.out.Write(p[n : n+next]); err != nil {
			return n, err
		}
		if err := errors.Join(c.out.Flush(), c.packet.Flush()); err != nil {
			return n, err
		}
		n += next
	}
	return n, nil
}

// SetReadDeadline does nothing where nothing will come any more, of which Read tells why.
func (c *compressed) SetReadDeadline(t time.Time) error {
	if err := c.plain.SetReadDeadline(t); !errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	return nil
}

func (c *compressed) Close() error { return errors.Join(c.Conn.Close(), c.plain.Close()) }
