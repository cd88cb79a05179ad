package broker

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
)

// deed is what a sessiond does with a Start; false: it dies.
type deed func(c *fdpass.Conn, id uint32, m *wire.Start) bool

// TestStart: what a front knows of its client's connection when sessiond has answered, or
// has died over it.
func TestStart(t *testing.T) {
	var mu sync.Mutex
	var times int
	var sessions fdpass.Descriptors // what sessions have
	defer func() { sessions.Close() }()
	answer := func(m wire.Message) deed {
		return func(c *fdpass.Conn, id uint32, _ *wire.Start) bool { return send(c, id, m, nil) == nil }
	}
	die := func(*fdpass.Conn, uint32, *wire.Start) bool { return false }
	pass := func(_ *fdpass.Conn, _ uint32, m *wire.Start) bool {
		fd, err := unix.FcntlInt(uintptr(m.Passage.Files[0]), unix.F_DUPFD_CLOEXEC, 3)
		if err == nil {
			sessions = append(sessions, fd)
		}
		return false
	}
	slow := func(*fdpass.Conn, uint32, *wire.Start) bool { return true }
	for _, c := range []struct {
		name   string
		does   []deed // with each try
		err    error
		unsure bool
	}{
		{"starts", []deed{answer(&wire.Started{})}, nil, false},
		{"refuses", []deed{answer(&wire.Refused{Reason: wire.NoTicket})}, ErrUnavailable, false},
		{"does not know", []deed{answer(&wire.Refused{Reason: wire.Unsure})}, ErrUnavailable, true},
		{"lies", []deed{answer(&wire.Kicked{})}, ErrUnavailable, true},
		{"does not answer", []deed{slow}, ErrUnavailable, true},
		{"dies, and another one starts", []deed{die, die, answer(&wire.Started{})}, nil, false},
		{"dies each time", []deed{die, die, die}, ErrUnavailable, false},
		{"dies when a session has it", []deed{die, pass}, nil, false},
	} {
		path := filepath.Join(t.TempDir(), "session")
		times = 0
		stop := daemon(t, path, func(conn *fdpass.Conn) {
			defer conn.Close()
			buf := make([]byte, wire.MaxMessage)
			for goes := true; goes; {
				b, fds, err := conn.Receive(buf)
				if err != nil {
					return
				}
				id, m, err := wire.ParseWith(b, fds)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				goes = c.does[times](conn, id, m.(*wire.Start))
				times++
				mu.Unlock()
				wire.Attached(m).Close()
			}
		})
		s := NewSessiond(DialPath(path))
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		if c.err == nil {
			ctx = t.Context()
		}
		in := handover.Introduction{Hello: handover.Hello{SID: "s", Remote: "192.0.2.7"}, Ahead: []byte("ahead")}
		channel, err := s.Start(ctx, &Grant{Service: wire.IMAP, Account: "ann"}, in)
		if !errors.Is(err, c.err) || errors.Is(err, handover.ErrUnsure) != c.unsure || (channel == nil) != (err != nil) {
			t.Errorf("%s: %v, %v", c.name, channel, err)
		}
		mu.Lock()
		if times != len(c.does) {
			t.Errorf("%s: asked %d times", c.name, times)
		}
		if len(sessions) > 0 {
			b := make([]byte, 10)
			n, err := unix.Read(sessions[0], b)
			if string(b[:max(n, 0)]) != "ahead" || err != nil {
				t.Errorf("%s: the session gets %q, %v", c.name, b[:n], err)
			}
			sessions.Close()
			sessions = nil
		}
		mu.Unlock()
		if channel != nil { // nobody has the other end any more
			if err := channel.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Error(err)
			}
			if n, err := channel.Read(make([]byte, 1)); n > 0 || err != io.EOF && !errors.Is(err, unix.ECONNRESET) {
				t.Errorf("%s: %v", c.name, err)
			}
			channel.Close()
		}
		cancel()
		s.Close()
		stop()
	}
}
