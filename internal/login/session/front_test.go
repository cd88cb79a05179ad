package session

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/handover"
	"fantail/internal/store"
)

// handed is a session program behind a front, in this process.
type handed struct {
	testing.TB
	control *fdpass.Conn
	ended   chan error
	stop    context.CancelFunc
	log     *syncLog
	last    uint32
}

// syncLog is a log that several goroutines may write.
type syncLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *syncLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *syncLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func behindFront(t *testing.T, maildir string, serve func(context.Context, *Session) error) *handed {
	t.Helper()
	control, theirs, err := fdpass.Pair()
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := conf.Load(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h := &handed{TB: t, control: control, ended: make(chan error, 1), stop: cancel, log: &syncLog{}}
	log := slog.New(slog.NewTextHandler(h.log, nil))
	m := &mail{maildir: maildir, settings: cfg.Mail, log: log}
	go func() {
		err := Program{Serve: serve}.serveFront(ctx, theirs, Session{User: "jane", Log: log, mail: m})
		h.ended <- errors.Join(err, m.close())
	}()
	t.Cleanup(func() {
		cancel()
		control.Close()
	})
	return h
}

func (h *handed) connect(sid string) net.Conn {
	h.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		h.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	defer ours.Close()
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { conn.Close() })
	h.last++
	_, err = handover.Hello{SID: sid, Remote: "192.0.2.7", Tag: "a"}.WriteTo(conn)
	err = errors.Join(err, conn.SetDeadline(time.Now().Add(30*time.Second)), h.control.Send(handover.Message{Kind: handover.Pass, Conn: h.last}.Append(nil), theirs))
	if err != nil {
		h.Fatal(err)
	}
	return conn
}

func (h *handed) end() {
	h.Helper()
	h.control.CloseWrite()
	select {
	case err := <-h.ended:
		if err != nil {
			h.Error(err)
		}
	case <-time.After(30 * time.Second):
		h.Fatal("it goes on")
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
		t.Errorf("log: %s", h.log)
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
		t.Errorf("log: %s", h.log)
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
	h.stop()
	for _, c := range conns {
		if got := line(t, c); got != "bye\n" {
			t.Errorf("%q", got)
		}
	}
	h.end()
}
