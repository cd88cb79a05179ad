package handover

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
)

// starter is the other side of a Receive.
type starter struct {
	testing.TB
	control *fdpass.Conn
	stop    context.CancelFunc
	done    chan error
	last    uint32
}

func start(t *testing.T, serve func(net.Conn)) *starter {
	t.Helper()
	control, theirs, err := fdpass.Pair()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &starter{t, control, cancel, make(chan error, 1), 0}
	t.Cleanup(func() { control.Close(); cancel() })
	go func() { s.done <- Receive(ctx, theirs, serve) }()
	return s
}

// echo is a session.
func echo(conn net.Conn) { io.Copy(conn, struct{ io.Reader }{conn}) }

// pass passes one end of a pair, and returns the other.
func (s *starter) pass() net.Conn {
	s.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		s.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	defer ours.Close()
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { conn.Close() })
	s.last++
	if err := errors.Join(conn.SetDeadline(time.Now().Add(30*time.Second)), s.control.Send(Message{Pass, s.last}.Append(nil), theirs)); err != nil {
		s.Fatal(err)
	}
	return conn
}

func (s *starter) hears(want ...Message) {
	s.Helper()
	for _, w := range want {
		b, _, err := s.control.Receive(make([]byte, MessageSize))
		if err != nil {
			s.Fatal(err)
		}
		if m, err := ParseMessage(b); err != nil || m != w {
			s.Errorf("%c %d, %v; want %c %d", m.Kind, m.Conn, err, w.Kind, w.Conn)
		}
	}
}

func (s *starter) ended(want error) {
	s.Helper()
	select {
	case err := <-s.done:
		if !errors.Is(err, want) {
			s.Errorf("%v, want %v", err, want)
		}
	case <-time.After(30 * time.Second):
		s.Fatal("it goes on")
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
	a, b := s.pass(), s.pass()
	s.hears(Message{Taken, 1}, Message{Taken, 2})
	talk(t, b)
	a.Close()
	s.hears(Message{Ended, 1})
	c := s.pass()
	if err := s.control.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	s.hears(Message{Taken, 3}) // it was passed before
	talk(t, b)
	b.Close()
	s.hears(Message{Ended, 2})
	talk(t, c)
	select {
	case err := <-s.done:
		t.Errorf("it ended with a connection: %v", err)
	default:
	}
	c.Close()
	s.hears(Message{Ended, 3})
	s.ended(nil)
}

// The program has to go: what it took goes on until serve returns, and what was
// passed later was not taken.
func TestStopping(t *testing.T) {
	s := start(t, echo)
	a := s.pass()
	s.hears(Message{Taken, 1})
	s.stop()
	if _, _, err := s.control.Receive(make([]byte, MessageSize)); err != io.EOF {
		t.Errorf("the starter is not told: %v", err)
	}
	talk(t, a)
	a.Close()
	s.ended(nil)
}

// A starter that is gone takes no session with it.
func TestStarterGone(t *testing.T) {
	s := start(t, echo)
	a := s.pass()
	s.hears(Message{Taken, 1})
	s.control.Close()
	talk(t, a)
	a.Close()
	s.ended(nil)
}

func TestNonsense(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for name, tc := range map[string]struct {
		message []byte
		f       *os.File
	}{
		"no descriptor": {Message{Pass, 1}.Append(nil), nil},
		"another kind":  {Message{Taken, 1}.Append(nil), null},
		"no kind":       {[]byte("X1234"), null},
		"short":         {[]byte("P"), null},
	} {
		s := start(t, echo)
		if err := s.control.Send(tc.message, tc.f); err != nil {
			t.Fatal(err)
		}
		s.ended(ErrMessage)
		t.Log(name)
	}
	s := start(t, echo)
	if err := s.control.Send(Message{Pass, 1}.Append(nil), null); err != nil {
		t.Fatal(err)
	}
	if err := <-s.done; err == nil {
		t.Error("a file that is no socket")
	}
}

func FuzzParseMessage(f *testing.F) {
	for _, m := range []Message{{Pass, 1}, {Taken, 1 << 31}, {Ended, 0}} {
		f.Add(m.Append(nil))
	}
	f.Add([]byte("X1234"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMessage(b)
		if err == nil && !bytes.Equal(m.Append(nil), b) {
			t.Errorf("%q became %v", b, m)
		}
		if err != nil && !errors.Is(err, ErrMessage) {
			t.Error(err)
		}
	})
}
