package sessiontest

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/handover"
)

// patience is how long a test waits for what should come at once.
const patience = 30 * time.Second

// Starter is the other side of what receives connections. Its methods fail the
// test where they cannot do what they say.
type Starter struct {
	testing.TB
	Control *fdpass.Conn
	stop    context.CancelFunc
	ended   chan error
	last    uint32
}

// Run runs receive, which stands for a program, in this process, with the other
// end of the control socket. Its context ends with Stop, or with the test.
func Run(t testing.TB, receive func(ctx context.Context, control *os.File) error) *Starter {
	t.Helper()
	control, theirs, err := fdpass.Pair()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Starter{TB: t, Control: control, stop: cancel, ended: make(chan error, 1)}
	t.Cleanup(func() {
		cancel()
		control.Close()
	})
	go func() { s.ended <- receive(ctx, theirs) }()
	return s
}

// Stop says that the program has to go.
func (s *Starter) Stop() { s.stop() }

// Pass passes a connection of Someone, and returns the front's end. The connections are
// numbered from 1.
func (s *Starter) Pass() handover.Channel {
	s.Helper()
	return s.PassFor(handover.Account{}, handover.Introduction{Hello: Someone})
}

// PassFor is Pass of a certain client, to a program of several accounts if it is of one.
func (s *Starter) PassFor(a handover.Account, in handover.Introduction) handover.Channel {
	s.Helper()
	channel, p, err := in.Open()
	if err != nil {
		s.Fatal(err)
	}
	defer p.Sent()
	s.Cleanup(func() { channel.Close() })
	s.last++
	if err := errors.Join(channel.SetDeadline(time.Now().Add(patience)), pass(s.Control, s.last, a, p)); err != nil {
		s.Fatal(err)
	}
	return channel
}

// Hears wants messages of that kind next, about these connections.
func (s *Starter) Hears(kind handover.Kind, conns ...uint32) {
	s.Helper()
	for _, conn := range conns {
		b, _, err := s.Control.Receive(make([]byte, handover.MessageSize))
		if err != nil {
			s.Fatal(err)
		}
		if m, err := handover.ParseMessage(b); err != nil || m != (handover.Message{Kind: kind, Conn: conn}) {
			s.Errorf("%c %d, %v; want %c %d", m.Kind, m.Conn, err, kind, conn)
		}
	}
}

// Goes says whether the program goes on.
func (s *Starter) Goes() bool { return len(s.ended) == 0 }

// Wait waits for the end of the program, and returns its error.
func (s *Starter) Wait() error {
	s.Helper()
	select {
	case err := <-s.ended:
		return err
	case <-time.After(patience):
		s.Fatal("it goes on")
		return nil
	}
}
