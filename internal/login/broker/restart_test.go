package broker

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
)

// TestRestart: what a daemon has taken when it is to end is answered; what is asked
// afterwards, on the connection that there was, the next one answers; and a question
// that dies with a daemon is asked again.
func TestRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	first, err := fdpass.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ending, end := context.WithCancel(t.Context())
	taken, answer := make(chan struct{}), make(chan struct{})
	old := make(chan error, 1)
	go func() {
		c, err := first.Accept()
		first.Close() // and its path
		if err != nil {
			old <- err
			return
		}
		p, err := NewPeer(ending, c)
		if err != nil {
			old <- err
			return
		}
		old <- p.Serve([]wire.Kind{wire.KindContinue}, func(id uint32, m wire.Message) error {
			if string(m.(*wire.Continue).Response) == "new" { // it has not seen yet that it is to end
				return p.Send(id, &wire.Challenge{Data: []byte("too early")})
			}
			p.Go(func() {
				close(taken)
				<-answer
				p.Tell(id, &wire.Challenge{Data: []byte("old")})
			})
			return nil
		})
	}()
	l := NewLink(DialPath(path), func(wire.Message) {})
	defer l.Close()
	said := func(response string) string {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, m, err := l.Begin(ctx, &wire.Continue{Response: []byte(response)})
		if err != nil {
			return err.Error()
		}
		return string(m.(*wire.Challenge).Data)
	}
	asked := make(chan string, 1)
	go func() { asked <- said("to the old one") }()
	<-taken
	end()
	defer daemon(t, path, echo)()
	got := said("new")
	for got == "too early" {
		got = said("new")
	}
	if got != "new" {
		t.Errorf("asked while one ends: %q", got)
	}
	close(answer)
	if got := <-asked; got != "old" {
		t.Errorf("asked before: %q", got)
	}
	if err := <-old; err != nil {
		t.Error(err)
	}
}

// TestDies: a question that a daemon has taken and died with is asked again, but not for
// ever.
func TestDies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	times := make(chan struct{}, 10)
	stop := daemon(t, path, func(c *fdpass.Conn) {
		if _, _, err := c.Receive(make([]byte, wire.MaxMessage)); err == nil {
			times <- struct{}{}
		}
		c.Close()
	})
	defer stop()
	l := NewLink(DialPath(path), nil)
	defer l.Close()
	if _, m, err := l.Begin(t.Context(), &wire.Continue{}); err == nil {
		t.Errorf("answered with %v", m)
	}
	if n := len(times); n != mostTries {
		t.Errorf("asked %d times", n)
	}
}
