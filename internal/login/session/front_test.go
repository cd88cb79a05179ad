package session

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/handover"
	"fantail/internal/login/session/sessiontest"
	"fantail/internal/store"
)

// handed is a session program behind a front, in this process.
type handed struct {
	*sessiontest.Starter
	log sessiontest.Log
}

func behindFront(t *testing.T, maildir string, serve func(context.Context, *Session) error) *handed {
	t.Helper()
	cfg, err := conf.Load(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	h := &handed{}
	log := h.log.Logger()
	m := &mail{maildir: maildir, settings: cfg.Mail, log: log, own: true, fence: &fence{entered: true}, cross: new(crossings)}
	h.Starter = sessiontest.Run(t, func(ctx context.Context, control *os.File) error {
		err := Program{Serve: serve}.serveFront(ctx, control, Session{User: "jane", Log: log, mail: m, cross: m.cross})
		return errors.Join(err, m.close())
	})
	return h
}

func (h *handed) connect(sid string) net.Conn {
	h.Helper()
	return h.PassFor(handover.Account{}, handover.Introduction{Hello: handover.Hello{SID: sid, Remote: "192.0.2.7", Tag: "a"}})
}

func (h *handed) end() {
	h.Helper()
	if err := errors.Join(h.Control.CloseWrite(), h.Wait()); err != nil {
		h.Error(err)
	}
}

func line(t *testing.T, conn net.Conn) string {
	t.Helper()
	got, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil && err != io.EOF {
		t.Error(err)
	}
	return got
}

// A session that has its client's socket has time-outs, is stopped as any other, and
// tells the front at its end how much there was.
func TestGivenSocket(t *testing.T) {
	h := behindFront(t, t.TempDir(), func(ctx context.Context, s *Session) error {
		if err := s.Conn.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			return err
		}
		if _, err := s.Conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("no time-out: %w", err)
		}
		if err := s.Conn.SetReadDeadline(time.Time{}); err != nil {
			return err
		}
		defer context.AfterFunc(ctx, func() { s.Conn.SetReadDeadline(time.Unix(1, 0)) })()
		fmt.Fprintln(s.Conn, "hello")
		if _, err := s.Conn.Read(make([]byte, 1)); ctx.Err() == nil {
			return fmt.Errorf("not stopped: %w", err)
		}
		_, err := fmt.Fprintln(s.Conn, "bye")
		return err
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
	channel := h.PassFor(handover.Account{}, handover.Introduction{Hello: handover.Hello{SID: "s1", Remote: "127.0.0.1", Tag: "a"}, Socket: fd})
	if err := errors.Join(socket.Close(), client.SetDeadline(time.Now().Add(30*time.Second))); err != nil {
		t.Fatal(err)
	}
	if got := line(t, client); got != "hello\n" {
		t.Errorf("%q", got)
	}
	h.Stop()
	if got := line(t, client); got != "bye\n" {
		t.Errorf("%q", got)
	}
	if got := handover.Await(channel); got != (handover.Counts{Out: 10}) {
		t.Errorf("%+v", got)
	}
	h.end()
	if log := h.log.String(); strings.Contains(log, "failed") {
		t.Error(log)
	}
}

func TestSessionsShareTheAccount(t *testing.T) {
	var mu sync.Mutex
	accounts := make(map[*store.Account]int)
	h := behindFront(t, filepath.Join(t.TempDir(), "Maildir"), func(_ context.Context, s *Session) error {
		a, err := s.OpenAccount()
		if err != nil {
			return err
		}
		mu.Lock()
		accounts[a]++
		mu.Unlock()
		fmt.Fprintln(s.Conn, s.User, s.Hello.SID, s.Hello.Tag)
		_, err = io.Copy(io.Discard, s.Conn)
		return err
	})
	a, b := h.connect("s1"), h.connect("s2")
	if got := line(t, a) + line(t, b); got != "jane s1 a\njane s2 a\n" {
		t.Errorf("%q", got)
	}
	a.Close()
	b.Close()
	h.end()
	if len(accounts) != 1 {
		t.Errorf("%v", accounts)
	}
}

// Mail that cannot be opened now may be for the next session.
func TestOpenedLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h := behindFront(t, dir, func(_ context.Context, s *Session) error {
		_, err := s.OpenAccount()
		fmt.Fprintln(s.Conn, err == nil)
		return err
	})
	if got := line(t, h.connect("s1")); got != "false\n" {
		t.Errorf("%q", got)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if got := line(t, h.connect("s2")); got != "true\n" {
		t.Errorf("%q", got)
	}
	h.end()
	if !strings.Contains(h.log.String(), `msg="session failed" sid=s1`) || strings.Contains(h.log.String(), "sid=s2") {
		t.Errorf("log: %s", &h.log)
	}
}

func TestPanicEndsOneSession(t *testing.T) {
	h := behindFront(t, t.TempDir(), func(_ context.Context, s *Session) error {
		if s.Hello.SID == "bad" {
			panic("a bug")
		}
		fmt.Fprintln(s.Conn, "hello")
		_, err := io.Copy(s.Conn, struct{ io.Reader }{s.Conn})
		return err
	})
	a := h.connect("good")
	if got := line(t, a); got != "hello\n" {
		t.Errorf("%q", got)
	}
	if got := line(t, h.connect("bad")); got != "" {
		t.Errorf("%q", got)
	}
	if _, err := fmt.Fprintln(a, "still here"); err != nil {
		t.Fatal(err)
	}
	if got := line(t, a); got != "still here\n" {
		t.Errorf("%q", got)
	}
	a.Close()
	h.end()
	if !strings.Contains(h.log.String(), `msg="session failed" sid=bad err="panic: a bug`) {
		t.Errorf("log: %s", &h.log)
	}
}

func TestSessionsAreStopped(t *testing.T) {
	h := behindFront(t, t.TempDir(), func(ctx context.Context, s *Session) error {
		fmt.Fprintln(s.Conn, "hello")
		<-ctx.Done()
		_, err := fmt.Fprintln(s.Conn, "bye")
		return err
	})
	conns := []net.Conn{h.connect("s1"), h.connect("s2")}
	for _, c := range conns {
		line(t, c)
	}
	h.Stop()
	for _, c := range conns {
		if got := line(t, c); got != "bye\n" {
			t.Errorf("%q", got)
		}
	}
	h.end()
}
