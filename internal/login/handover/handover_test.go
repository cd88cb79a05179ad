package handover_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/handover"
	"fantail/internal/login/session/sessiontest"
)

func start(t *testing.T, serve func(*handover.Client)) *sessiontest.Starter {
	t.Helper()
	return startWith(t, func(_ context.Context, _ handover.Account, conn *handover.Client) { serve(conn) })
}

func startWith(t *testing.T, serve func(context.Context, handover.Account, *handover.Client)) *sessiontest.Starter {
	t.Helper()
	return sessiontest.Run(t, func(ctx context.Context, control *os.File) error {
		return handover.Receive(ctx, control, func(ctx context.Context, of handover.Account, p handover.Passage) {
			_, conn, err := handover.Accept(p)
			if err != nil {
				t.Error(err)
				return
			}
			serve(ctx, of, conn)
			conn.Close() // it may have done it
		})
	})
}

// echo is a session.
func echo(conn *handover.Client) { io.Copy(conn, struct{ io.Reader }{conn}) }

// ended waits for the end of the program, which has to be want.
func ended(s *sessiontest.Starter, want error) {
	s.Helper()
	if err := s.Wait(); !errors.Is(err, want) {
		s.Errorf("%v, want %v", err, want)
	}
}

func talk(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := fmt.Fprintln(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "hello\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// The starter passes no more: what there is goes on to its end.
func TestParting(t *testing.T) {
	s := start(t, echo)
	a, b := s.Pass(), s.Pass()
	s.Hears(handover.Taken, 1, 2)
	talk(t, b)
	a.Close()
	s.Hears(handover.Ended, 1)
	c := s.Pass()
	if err := s.Control.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	s.Hears(handover.Taken, 3) // it was passed before
	talk(t, b)
	b.Close()
	s.Hears(handover.Ended, 2)
	talk(t, c)
	if !s.Goes() {
		t.Error("it ended with a connection")
	}
	c.Close()
	s.Hears(handover.Ended, 3)
	ended(s, nil)
}

// After the last connection the starter can still end each, and no more come.
func TestLast(t *testing.T) {
	s := startWith(t, func(ctx context.Context, _ handover.Account, conn *handover.Client) {
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		echo(conn)
	})
	say := func(m handover.Message) {
		t.Helper()
		if err := s.Control.Send(m.Append(nil), nil); err != nil {
			t.Fatal(err)
		}
	}
	a, b := s.Pass(), s.Pass()
	s.Hears(handover.Taken, 1, 2)
	say(handover.Message{Kind: handover.Last})
	talk(t, a)
	say(handover.Message{Kind: handover.Stop, Conn: 1})
	s.Hears(handover.Ended, 1)
	talk(t, b)
	if !s.Goes() {
		t.Error("it ended with a connection")
	}
	b.Close()
	s.Hears(handover.Ended, 2)
	ended(s, nil)

	s = start(t, echo)
	a = s.Pass()
	s.Hears(handover.Taken, 1)
	say(handover.Message{Kind: handover.Last})
	s.Pass()
	a.Close()
	if err := s.Wait(); !errors.Is(err, handover.ErrMessage) {
		t.Errorf("one more after the last: %v", err)
	}
}

// The program is told whose a connection is.
func TestAccount(t *testing.T) {
	got := make(chan handover.Account, 1)
	s := startWith(t, func(_ context.Context, a handover.Account, conn *handover.Client) { got <- a })
	want := handover.Account{Name: strings.Repeat("n", 255), Mail: "/" + strings.Repeat("m", 4094), Quota: strings.Repeat("q", 64)}
	s.PassFor(want, handover.Introduction{Hello: sessiontest.Someone})
	s.Hears(handover.Taken, 1)
	if a := <-got; a != want {
		t.Errorf("%+v", a)
	}
	for _, bad := range []handover.Account{{Name: "ann"}, {Mail: "/m"}, {Name: "a\x00b", Mail: "/m"}, {Name: "ann", Mail: "m"}, {Name: want.Name + "n", Mail: "/m"}, {Name: "ann", Mail: want.Mail + "m"}, {Name: "ann", Mail: "/m", Quota: want.Quota + "q"}, {Name: "ann", Mail: "/m", Quota: "1\x00B"}, {Quota: "1B"}} {
		if bad.Check() == nil {
			t.Errorf("%+v is one", bad)
		}
	}
}

// The program has to go: what it took goes on until serve returns, and what was
// passed later was not taken.
func TestStopping(t *testing.T) {
	s := start(t, echo)
	a := s.Pass()
	s.Hears(handover.Taken, 1)
	s.Stop()
	if _, _, err := s.Control.Receive(make([]byte, handover.MessageSize)); err != io.EOF {
		t.Errorf("the starter is not told: %v", err)
	}
	talk(t, a)
	a.Close()
	ended(s, nil)
}

// A connection that is to end does, and no other.
func TestStop(t *testing.T) {
	s := startWith(t, func(ctx context.Context, _ handover.Account, conn *handover.Client) {
		defer context.AfterFunc(ctx, func() { fmt.Fprintln(conn, "bye"); conn.Close() })()
		echo(conn)
	})
	a, b := s.Pass(), s.Pass()
	s.Hears(handover.Taken, 1, 2)
	stop := func(n uint32) {
		t.Helper()
		if err := s.Control.Send(handover.Message{Kind: handover.Stop, Conn: n}.Append(nil), nil); err != nil {
			t.Fatal(err)
		}
	}
	stop(7) // there is none
	stop(1)
	s.Hears(handover.Ended, 1)
	if said, err := io.ReadAll(a); string(said) != "bye\n" || err != nil {
		t.Errorf("%q, %v", said, err)
	}
	stop(1) // not any more
	talk(t, b)
	b.Close()
	s.Hears(handover.Ended, 2)
	s.Control.Close()
	ended(s, nil)
}

// A starter that is gone takes no session with it.
func TestStarterGone(t *testing.T) {
	s := start(t, echo)
	a := s.Pass()
	s.Hears(handover.Taken, 1)
	s.Control.Close()
	talk(t, a)
	a.Close()
	ended(s, nil)
}

// The front is gone as well: a session that has its client's socket goes on.
func TestFrontGone(t *testing.T) {
	result := make(chan error, 1)
	s := start(t, func(c *handover.Client) {
		_, err := io.Copy(c, struct{ io.Reader }{c})
		result <- errors.Join(err, c.Close())
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	socket, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := sessiontest.Descriptor(socket.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	front := s.PassFor(handover.Account{}, handover.Introduction{Hello: sessiontest.Someone, Socket: fd})
	s.Hears(handover.Taken, 1)
	talk(t, client)
	socket.Close()
	front.Close()
	s.Control.Close()
	talk(t, client)
	client.Close()
	if err := <-result; err != nil {
		t.Error(err)
	}
	ended(s, nil)
}

// What cannot be told to be taken is not served, for the starter is going to give it to
// another program; unless there is no starter.
func TestNotTaken(t *testing.T) {
	served := make(chan bool, 1)
	run := func(before func(s *sessiontest.Starter)) {
		t.Helper()
		gate := make(chan struct{})
		s := sessiontest.Run(t, func(ctx context.Context, control *os.File) error {
			<-gate
			return handover.Receive(ctx, control, func(_ context.Context, _ handover.Account, p handover.Passage) {
				served <- true
				p.Close()
			})
		})
		channel := s.Pass()
		before(s)
		close(gate)
		ended(s, nil)
		if _, err := channel.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the connection is open: %v", err)
		}
	}
	run(func(s *sessiontest.Starter) { s.Stop() })
	if len(served) > 0 {
		t.Error("a program that was to go served a connection that it had not told to have")
	}
	run(func(s *sessiontest.Starter) { s.Control.Close() })
	if len(served) == 0 {
		t.Error("the last starter's connection was not served")
	}
}

func TestNonsense(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	fd, err := sessiontest.Descriptor(null)
	if err != nil {
		t.Fatal(err)
	}
	one := fdpass.Descriptors{fd}
	message := func(m handover.Message) []byte { return m.Append(nil) }
	for name, tc := range map[string]struct {
		message []byte
		fds     fdpass.Descriptors
	}{
		"no descriptor":            {message(handover.Message{Kind: handover.Pass, Conn: 1, Record: "r"}), nil},
		"three descriptors":        {message(handover.Message{Kind: handover.Pass, Conn: 1, Record: "r"}), fdpass.Descriptors{fd, fd, fd}},
		"another kind":             {message(handover.Message{Kind: handover.Taken, Conn: 1}), one},
		"another without":          {message(handover.Message{Kind: handover.Taken, Conn: 1}), nil},
		"no kind":                  {[]byte("X1234"), one},
		"short":                    {[]byte("P"), one},
		"no length":                {[]byte("P0001\x00"), one},
		"no record":                {[]byte("P0001\x00\x00"), one},
		"half a record":            {[]byte("P0001\x00\x02r"), one},
		"a long record":            {message(handover.Message{Kind: handover.Pass, Record: strings.Repeat("r", handover.MaxHello+1)}), one},
		"no mail":                  {[]byte("P0001\x00\x01rann"), one},
		"no path":                  {[]byte("P0001\x00\x01rann\x00Maildir\x00"), one},
		"no name":                  {[]byte("P0001\x00\x01r\x00/mail\x00"), one},
		"nothing":                  {[]byte("P0001\x00\x01r\x00\x00"), one},
		"two quotas":               {[]byte("P0001\x00\x01rann\x00/mail\x00none\x00none"), one},
		"no quota":                 {[]byte("P0001\x00\x01rann\x00/mail"), one},
		"a Stop's":                 {[]byte("S0001ann\x00/mail\x00"), nil},
		"a Stop with a descriptor": {message(handover.Message{Kind: handover.Stop, Conn: 1}), one},
		"a crossing of ours":       {message(handover.Message{Kind: handover.Crossed, Account: handover.Account{Name: "ann"}}), nil},
		"a last with a descriptor": {message(handover.Message{Kind: handover.Last}), one},
	} {
		s := start(t, echo)
		if err := s.Control.Send(tc.message, tc.fds); err != nil {
			t.Fatal(err)
		}
		if err := s.Wait(); !errors.Is(err, handover.ErrMessage) && !errors.Is(err, fdpass.ErrMessage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	for _, m := range []handover.Message{
		{Kind: handover.Pass, Conn: 1, Record: "fantail\n"}, {Kind: handover.Taken, Conn: 1 << 31}, {Kind: handover.Ended}, {Kind: handover.Last},
		{Kind: handover.Pass, Conn: 2, Record: "\x00", Account: handover.Account{Name: "ann", Mail: "/home/ann/Maildir"}},
	} {
		f.Add(m.Append(nil))
	}
	f.Add(handover.Message{Kind: handover.Crossed, Account: handover.Account{Name: "ann"}}.Append(nil))
	f.Add([]byte("X1234"))
	f.Add([]byte("Q0000ann"))
	f.Add([]byte("Q\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := handover.ParseMessage(b)
		if m.Kind == handover.Crossed {
			m.Account.Mail = "/" // which it has not
		}
		if err == nil && (!bytes.Equal(m.Append(nil), b) || m.Account.Check() != nil || len(b) > handover.MaxMessage) {
			t.Errorf("%q became %v", b, m)
		}
		if err != nil && !errors.Is(err, handover.ErrMessage) {
			t.Error(err)
		}
	})
}
