package sessiond

import (
	"bufio"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/roster"
)

func (h *house) admin() *broker.Admin {
	a := broker.NewAdmin(broker.DialPath(filepath.Join(h.dir, broker.SocketAdmin)))
	h.t.Cleanup(func() { a.Close() })
	return a
}

// TestAdmin: root sees the sessions, and ends those of an account.
func TestAdmin(t *testing.T) {
	h := build(t)
	r, a := h.remote(), h.admin()
	if list, err := a.Sessions(t.Context(), ""); err != nil || len(list) > 0 {
		t.Errorf("%+v, %v", list, err)
	}
	var readers []*bufio.Scanner
	for range 3 {
		conn, err := r.Start(t.Context(), h.grant(r, "ann"), client)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		lines := bufio.NewScanner(conn)
		lines.Scan() // who it is
		readers = append(readers, lines)
	}
	list, err := a.Sessions(t.Context(), "ann")
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	for i, s := range list {
		since := time.Unix(int64(s.Since), 0)
		want := wire.Session{Service: wire.IMAP, Account: "ann", Remote: netip.MustParseAddr("192.0.2.1"), Since: s.Since, PID: list[0].PID, Conn: uint32(i + 1)}
		if s != want || time.Since(since) > time.Minute {
			t.Errorf("%+v, want %+v", s, want)
		}
	}
	for account, want := range map[string]int{"bob": 0, "": 0, "ann": 3} {
		if n, err := a.Kick(t.Context(), account); err != nil || n != want {
			t.Errorf("%q: %d connections, %v", account, n, err)
		}
	}
	for _, lines := range readers {
		if !lines.Scan() || lines.Text() != "bye" || lines.Scan() {
			t.Errorf("%q, %v", lines.Text(), lines.Err())
		}
	}
	if !strings.Contains(h.log.String(), "msg=kick user=ann connections=3") {
		t.Errorf("log: %s", &h.log)
	}
}

// many are more sessions than a message has room for.
type many struct {
	Programs
	asked *atomic.Int32
}

func (m many) Sessions(string) (list []roster.Session) {
	m.asked.Add(1)
	name := strings.Repeat("n", 255)
	for n := range 3*wire.MaxSessions + 1 {
		list = append(list, roster.Session{
			Service: "pop3", Account: name, Remote: netip.IPv6Unspecified(), Since: time.Now(),
			PID: 100 + n/7, Conn: uint32(n%7 + 1),
		})
	}
	slices.Reverse(list)
	return list
}

func TestManySessions(t *testing.T) {
	h := &house{t: t, dir: t.TempDir()}
	var asked atomic.Int32
	s := &Server{Programs: many{asked: &asked}, Log: slog.New(slog.DiscardHandler)}
	h.serve(broker.SocketAdmin, s.ServeAdmin)
	admin := h.admin()
	for again := range int32(2) {
		list, err := admin.Sessions(t.Context(), "")
		if err != nil || len(list) != 3*wire.MaxSessions+1 || asked.Load() != again+1 {
			t.Fatalf("%d sessions, %v, put in order %d times", len(list), err, asked.Load())
		}
		for n, s := range list {
			if int(s.PID) != 100+n/7 || int(s.Conn) != n%7+1 {
				t.Fatalf("the %dth is %+v", n, s)
			}
		}
	}
	// One who begins in the midst gets what comes after.
	talk, err := broker.NewLink(broker.DialPath(filepath.Join(h.dir, broker.SocketAdmin)), nil).Talk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := talk.Ask(t.Context(), &wire.Who{PID: 101, Conn: 7})
	if got, ok := m.(*wire.Sessions); err != nil || !ok || len(got.List) != wire.MaxSessions || !got.More || got.List[0].PID != 102 || got.List[0].Conn != 1 {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestNoAdmin: a front says nothing on the admin's socket, an admin not what fronts say,
// and who is not root says nothing at all.
func TestNoAdmin(t *testing.T) {
	h := build(t)
	tries := func(socket string, m wire.Message) {
		t.Helper()
		c, err := fdpass.Dial(t.Context(), filepath.Join(h.dir, socket))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		b, err := wire.Append(nil, 1, m)
		if err == nil {
			err = c.Send(b, nil)
		}
		if err != nil && socket != broker.SocketAdmin {
			t.Fatal(err)
		}
		if b, _, err := c.Receive(make([]byte, wire.MaxMessage)); err == nil {
			t.Errorf("%T was answered with %q", m, b)
		}
	}
	tries(broker.SocketSession, &wire.Who{})
	tries(broker.SocketSession, &wire.Kick{Account: "ann"})
	tries(broker.SocketAdmin, &wire.Start{Service: wire.IMAP, Account: "ann"})
	tries(broker.SocketAdmin, &wire.Sessions{})
	if os.Geteuid() != 0 {
		t.Skip("to be somebody else needs root")
	}
	path := filepath.Join(h.dir, broker.SocketAdmin)
	for dir := h.dir; dir != filepath.Clean(os.TempDir()); dir = filepath.Dir(dir) {
		_ = os.Chmod(dir, 0o755) // or the connection says that it is not possible
	}
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // the credentials are the thread's, which ends with the goroutine
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), 54321, ^uintptr(0)); e != 0 {
			t.Error(e)
			return
		}
		tries(broker.SocketAdmin, &wire.Who{})
	}()
	<-done
	told := func() bool { return strings.Contains(h.log.String(), "uid 54321 is no admin") }
	for range 500 { // it says so after it has hung up
		if told() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !told() {
		t.Errorf("log: %s", &h.log)
	}
}
