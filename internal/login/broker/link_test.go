package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
)

// daemon listens at path and gives each connection to serve.
func daemon(t *testing.T, path string, serve func(*fdpass.Conn)) (stop func()) {
	t.Helper()
	l, err := fdpass.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []*fdpass.Conn
	var busy sync.WaitGroup
	busy.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			busy.Go(func() { serve(c) })
		}
	})
	return func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		busy.Wait()
	}
}

func send(c *fdpass.Conn, id uint32, m wire.Message, fds fdpass.Descriptors) error {
	b, err := wire.Append(nil, id, m)
	if err != nil {
		return err
	}
	return c.Send(b, fds)
}

// echo answers each Continue with its response, "late" only behind the next; what comes
// with it after a Cancel is no answer.
func echo(c *fdpass.Conn) {
	if send(c, 0, &wire.Offer{Mechanisms: []string{"PLAIN"}}, nil) != nil {
		return
	}
	buf := make([]byte, wire.MaxMessage)
	var late []uint32
	for {
		b, _, err := c.Receive(buf)
		if err != nil {
			return
		}
		id, m, err := wire.Parse(b)
		if err != nil {
			return
		}
		switch m := m.(type) {
		case *wire.Continue:
			if string(m.Response) == "late" {
				late = append(late, id)
				continue
			}
			send(c, id, &wire.Challenge{Data: m.Response}, nil)
			for _, id := range late {
				send(c, id, &wire.Challenge{Data: []byte("late")}, nil)
			}
			late = nil
		case *wire.Cancel:
			send(c, 77777, &wire.Started{}, nil) // to nothing
			c.Send([]byte("?"), nil)
		case *wire.Leave:
			send(c, id, &wire.Started{}, fdpass.Descriptors{0})
		}
	}
}

func ask(l *Link, m wire.Message) (wire.Message, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	talk, err := l.Talk(ctx)
	if err != nil {
		return nil, err
	}
	return talk.Ask(ctx, m)
}

func TestLink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	offers := make(chan wire.Message, 10)
	l := NewLink(DialPath(path), func(m wire.Message) { offers <- m })
	defer l.Close()
	if err := l.Connect(t.Context()); err == nil {
		t.Error("connected to nothing")
	}
	stop := daemon(t, path, echo)
	if err := l.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if o, ok := (<-offers).(*wire.Offer); !ok || len(o.Mechanisms) != 1 {
		t.Errorf("told %v", o)
	}
	var busy sync.WaitGroup
	for i := range 50 { // each gets its own answer
		busy.Go(func() {
			text := fmt.Sprint(i)
			if i%10 == 0 {
				text = "late"
			}
			m, err := ask(l, &wire.Continue{Response: []byte(text)})
			if c, ok := m.(*wire.Challenge); !ok || string(c.Data) != text || err != nil {
				t.Errorf("asked %s, got %v, %v", text, m, err)
			}
		})
	}
	done := make(chan struct{})
	go func() { busy.Wait(); close(done) }()
	for waiting := true; waiting; { // those that are late need somebody behind them
		if _, err := ask(l, &wire.Continue{Response: []byte("x")}); err != nil {
			t.Error(err)
		}
		select {
		case <-done:
			waiting = false
		default:
		}
	}
	if m, err := ask(l, &wire.Leave{}); !errors.Is(err, wire.ErrMessage) {
		t.Errorf("an answer with a descriptor: %v, %v", m, err)
	}

	// Whoever waits no longer gets nothing, and his answer is for nobody.
	talk, err := l.Talk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := talk.Ask(ctx, &wire.Continue{Response: []byte("late")}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if m, err := ask(l, &wire.Continue{Response: []byte("on time")}); err != nil || string(m.(*wire.Challenge).Data) != "on time" {
		t.Errorf("%v, %v", m, err)
	}

	// A daemon that lies, one that goes, and another one in its place.
	talk, err = l.Talk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := talk.Ask(t.Context(), &wire.Cancel{}); !errors.Is(err, wire.ErrMessage) {
		t.Error(err)
	}
	if _, err := talk.Ask(t.Context(), &wire.Continue{}); err == nil {
		t.Error("a talk went on with another daemon")
	}
	if _, err := ask(l, &wire.Continue{}); err != nil {
		t.Error(err)
	}
	stop()
	if _, err := ask(l, &wire.Continue{}); err == nil {
		t.Error("an answer from nobody")
	}
	stop = daemon(t, path, echo)
	defer stop()
	if _, err := ask(l, &wire.Continue{}); err != nil {
		t.Error(err)
	}
	l.Close()
	if _, err := ask(l, &wire.Continue{}); !errors.Is(err, errLinkShut) {
		t.Error(err)
	}
}

// TestLinkLost: what was asked of a daemon that ends fails at once.
func TestLinkLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	defer daemon(t, path, func(c *fdpass.Conn) {
		c.Receive(make([]byte, wire.MaxMessage))
		c.Close()
	})()
	l := NewLink(DialPath(path), nil)
	defer l.Close()
	if _, err := ask(l, &wire.Redeem{Service: wire.IMAP}); !errors.Is(err, errLost) && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
