package pop3d

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// RFC 1939 section 3: after at least ten minutes without a command the
// connection is closed, without a response, and nothing is removed.
func TestAutologout(t *testing.T) {
	if autologout < 10*time.Minute {
		t.Fatalf("autologout after %v", autologout)
	}
	synctest.Test(t, func(t *testing.T) {
		b := newFake(t, msg1)
		conn, wait := live(t, b)
		c := newClient(t, conn)
		c.expect("+OK Logged in.")
		time.Sleep(autologout - time.Second)
		c.send("DELE 1") // starts the time anew
		c.expect("+OK Marked to be deleted.")
		time.Sleep(autologout - time.Second)
		c.send("NOOP")
		c.expect("+OK")
		begin := time.Now()
		c.end(wait)
		if d := time.Since(begin); d != autologout {
			t.Errorf("logged out after %v", d)
		}
		if len(b.left()) != 1 {
			t.Error("the message was removed")
		}
	})
}

// The time is for a whole command: octet by octet does not make it longer.
func TestAutologoutInsideCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake(t, msg1)
		conn, wait := live(t, b)
		c := newClient(t, conn)
		c.expect("+OK Logged in.")
		begin := time.Now()
		for {
			time.Sleep(time.Minute)
			if _, err := io.WriteString(conn, "x"); err != nil {
				break
			}
		}
		if d := time.Since(begin); d > autologout+time.Minute {
			t.Errorf("alive for %v", d)
		}
		c.end(wait)
	})
}

// A client that does not read its message holds nothing for ever.
func TestWriteStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake(t, "Subject: big\n\n"+strings.Repeat("y", 10*outputBuffer))
		conn, wait := live(t, b)
		c := newClient(t, conn)
		c.expect("+OK Logged in.")
		begin := time.Now()
		c.send("RETR 1")
		if err := wait(); err != nil {
			t.Error(err)
		}
		if d := time.Since(begin); d != writeStall {
			t.Errorf("gave up after %v", d)
		}
		if len(b.seen()) != 0 {
			t.Error("the message counts as seen")
		}
	})
}

// A shutdown ends a session that waits, and one that is just answering, as if
// the client had gone.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFake(t, msg1)
		ctx, cancel := context.WithCancel(t.Context())
		in, far := io.Pipe()
		conn := &deadlineConn{recorder: recorder{in: in}, late: make(chan struct{})}
		done := make(chan error)
		go func() { done <- Serve(ctx, conn, b.open, testOptions(io.Discard)) }()
		if _, err := io.WriteString(far, "DELE 1\r\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := conn.out.String(); got != "+OK Logged in.\r\n+OK Marked to be deleted.\r\n" || len(b.left()) != 1 {
			t.Errorf("told %q, left %v", got, b.left())
		}
		if err := Serve(ctx, conn, b.open, testOptions(io.Discard)); err != nil {
			t.Error(err)
		}
		if err := far.Close(); err != nil {
			t.Error(err)
		}
	})
}

// deadlineConn fails its read when a deadline in the past is set.
type deadlineConn struct {
	recorder
	late chan struct{}
}

func (c *deadlineConn) Read(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	read := make(chan result, 1)
	go func() {
		n, err := c.in.Read(p)
		read <- result{n, err}
	}()
	select {
	case r := <-read:
		return r.n, r.err
	case <-c.late:
		return 0, os.ErrDeadlineExceeded
	}
}

func (c *deadlineConn) SetReadDeadline(d time.Time) error {
	if d.Before(time.Now()) {
		select {
		case <-c.late:
		default:
			close(c.late)
		}
	}
	return nil
}

func TestDisconnected(t *testing.T) {
	for _, err := range gone {
		if got := disconnected(writeError{err}); got != nil {
			t.Errorf("%v: got %v", err, got)
		}
	}
	other := errors.New("input/output error")
	if got := disconnected(other); !errors.Is(got, other) {
		t.Errorf("got %v", got)
	}
}
