package roster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/handover"
	"fantail/internal/login/session/sessiontest"
)

// TestMain lets the test binary be the session program; how it behaves is its
// argument.
func TestMain(m *testing.M) {
	if how := os.Getenv("SESSION"); how != "" {
		os.Exit(session(how))
	}
	os.Exit(m.Run())
}

// session tells each client its process id, and then sends back what it gets. A
// line may be an order.
func session(how string) int {
	switch how {
	case "not at all":
		fmt.Fprintln(os.Stderr, "no configuration")
		return 3
	case "nonsense":
		c, err := fdpass.Open(os.Stdin)
		if err != nil {
			return 1
		}
		err = c.Send([]byte("nonsense"), nil)
		time.Sleep(time.Hour)
		fmt.Fprintln(os.Stderr, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err := handover.Receive(ctx, os.Stdin, func(ctx context.Context, of handover.Account, p handover.Passage) {
		if how == "taken and gone" {
			os.Exit(3)
		}
		_, conn, err := handover.Accept(p)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		defer conn.Close()
		if how != "deaf" {
			defer context.AfterFunc(ctx, func() { fmt.Fprintln(conn, "bye"); conn.Close() })()
		}
		if _, err := fmt.Fprintln(conn, os.Getpid()); err != nil {
			return
		}
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			switch lines.Text() {
			case "crash":
				os.Exit(3)
			case "stick":
				time.Sleep(time.Hour)
			case "logout":
				return
			case "whose":
				fmt.Fprintln(conn, of.Name, of.Mail)
				continue
			}
			fmt.Fprintln(conn, lines.Text())
		}
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// house is a roster with its log.
type house struct {
	testing.TB
	*Roster
	log sessiontest.Log
}

func open(t testing.TB, o Options) *house {
	h := &house{TB: t}
	o.Log = h.log.Logger()
	o.Most = max(o.Most, 1)
	if o.Idle == 0 {
		o.Idle = time.Hour
	}
	if o.Linger == 0 {
		o.Linger = time.Hour
	}
	h.Roster = New(o)
	t.Cleanup(func() {
		h.Interrupt()
		h.shutdown()
		h.mu.Lock()
		defer h.mu.Unlock()
		if len(h.table) > 0 || len(h.all) > 0 {
			t.Errorf("left: %v, %v", h.table, h.all)
		}
	})
	return h
}

func (h *house) shutdown() {
	h.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := h.Shutdown(ctx); err != nil {
		h.Errorf("%v: %s", err, &h.log)
	}
}

func (h *house) logged(want string) {
	h.Helper()
	for range 1000 {
		if strings.Contains(h.log.String(), want) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	h.Errorf("want %s: %s", want, &h.log)
}

// wanted is a program for account that behaves so.
func wanted(account, how string) Wanted {
	return Wanted{Service: "imap", Account: account, Command: func() *exec.Cmd {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), "SESSION="+how)
		return cmd
	}}
}

// client is one end of a session.
type client struct {
	testing.TB
	net.Conn
	lines *bufio.Scanner
	pid   int
}

func (h *house) connect(w Wanted) *client {
	h.Helper()
	c, err := h.try(w)
	if err != nil {
		h.Fatalf("%v: %s", err, &h.log)
	}
	return c
}

func (h *house) try(w Wanted) (*client, error) {
	conn, err := h.open(context.Background(), w)
	if err != nil {
		return nil, err
	}
	return h.client(conn)
}

// watched is a channel of which the roster hears when it is closed.
type watched struct {
	handover.Channel
	closed func()
}

func (c watched) Close() error {
	err := c.Channel.Close()
	c.closed()
	return err
}

// open gives a connection.
func (h *house) open(ctx context.Context, w Wanted) (net.Conn, error) {
	channel, p, err := handover.Introduction{Hello: sessiontest.Someone}.Open()
	if err != nil {
		return nil, err
	}
	defer p.Sent()
	closed, err := h.Give(ctx, w, p)
	if err != nil {
		return nil, errors.Join(err, channel.Close())
	}
	return watched{channel, closed}, nil
}

// given is connect by a connection of another process, of which nobody says when it is
// closed.
func (h *house) given(w Wanted) *client {
	h.Helper()
	conn, err := h.open(context.Background(), w)
	if err != nil {
		h.Fatal(err)
	}
	c, err := h.client(conn.(watched).Channel)
	if err != nil {
		h.Fatal(err)
	}
	return c
}

func (h *house) client(conn net.Conn) (*client, error) {
	h.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, err
	}
	c := &client{TB: h, Conn: conn, lines: bufio.NewScanner(conn)}
	if !c.lines.Scan() {
		return nil, fmt.Errorf("nobody answers: %w", c.lines.Err())
	}
	var err error
	c.pid, err = strconv.Atoi(c.lines.Text())
	return c, err
}

func (c *client) say(line string) {
	c.Helper()
	if _, err := fmt.Fprintln(c, line); err != nil {
		c.Error(err)
	}
}

func (c *client) alive() {
	c.Helper()
	c.say("hello")
	if !c.lines.Scan() || c.lines.Text() != "hello" {
		c.Errorf("%q, %v", c.lines.Text(), c.lines.Err())
	}
}

// over waits for the end of the connection, which the session says was its last
// word.
func (c *client) over(last string) {
	c.Helper()
	got := ""
	for c.lines.Scan() {
		got = c.lines.Text()
	}
	if got != last || errors.Is(c.lines.Err(), os.ErrDeadlineExceeded) {
		c.Errorf("%q, %v", got, c.lines.Err())
	}
}

func ended(t testing.TB, pid int) {
	t.Helper()
	for range 1000 {
		if syscall.Kill(pid, 0) != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %d goes on", pid)
}

func TestShared(t *testing.T) {
	h := open(t, Options{Most: 100})
	var alice []*client
	for range 20 {
		alice = append(alice, h.connect(wanted("alice", "well")))
	}
	bob := h.connect(wanted("bob", "well"))
	pop := wanted("alice", "well")
	pop.Service = "pop3"
	other := h.connect(pop)
	for _, c := range alice {
		if c.pid != alice[0].pid {
			t.Errorf("process %d and %d", c.pid, alice[0].pid)
		}
		c.alive()
	}
	if bob.pid == alice[0].pid || other.pid == alice[0].pid {
		t.Error("they share a process")
	}
	alice[3].Close()
	alice[4].say("logout")
	alice[4].over("")
	alice[5].alive()
}

func TestMost(t *testing.T) {
	h := open(t, Options{Most: 2})
	a, b := h.connect(wanted("a", "well")), h.connect(wanted("a", "well"))
	c := h.connect(wanted("a", "well"))
	if a.pid != b.pid || c.pid == a.pid {
		t.Errorf("%d %d %d", a.pid, b.pid, c.pid)
	}
	b.say("logout")
	b.over("")
	for { // until that is known
		if d := h.connect(wanted("a", "well")); d.pid == a.pid {
			break
		} else {
			d.Close()
		}
	}
}

func TestIdleLeaves(t *testing.T) {
	h := open(t, Options{Most: 10, Idle: 20 * time.Millisecond})
	a, b := h.connect(wanted("a", "well")), h.connect(wanted("a", "well"))
	a.Close()
	time.Sleep(100 * time.Millisecond)
	b.alive()
	b.Close()
	ended(t, a.pid)
	if c := h.connect(wanted("a", "well")); c.pid == a.pid {
		t.Error("the same process")
	}
	if strings.Contains(h.log.String(), "ended") {
		t.Errorf("log: %s", &h.log)
	}
}

func TestCrash(t *testing.T) {
	h := open(t, Options{Most: 10})
	a, b, other := h.connect(wanted("a", "well")), h.connect(wanted("a", "well")), h.connect(wanted("b", "well"))
	a.say("crash")
	a.over("")
	b.over("")
	other.alive()
	if c := h.connect(wanted("a", "well")); c.pid == a.pid {
		t.Error("the same process")
	}
	h.logged(`msg="session program ended" user=a proto=imap pid=` + strconv.Itoa(a.pid) + ` err="exit status 3"`)
}

// A process that has just been killed, or told to go, costs nobody his connection.
func TestKilledMeanwhile(t *testing.T) {
	h := open(t, Options{Most: 10})
	for i := range 50 {
		a := h.connect(wanted("a", "well"))
		s := []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}[i%2]
		if err := syscall.Kill(a.pid, s); err != nil {
			t.Fatal(err)
		}
		conn, err := h.open(context.Background(), wanted("a", "well"))
		if err != nil {
			t.Fatalf("%v: %s", err, &h.log)
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		// Before it hears of a signal a process may take the connection, of which
		// it takes leave then.
		old := line == fmt.Sprintln(a.pid) || line == "bye\n"
		if err != nil || old && s == syscall.SIGKILL {
			t.Errorf("%q, %v", line, err)
		}
		conn.Close()
	}
}

// A process that has said that it took a connection, and ends at once, has had it: nobody
// else is given it, whatever is noticed first.
func TestTakenAndGone(t *testing.T) {
	h := open(t, Options{Most: 10})
	for range 30 {
		conn, err := h.open(context.Background(), wanted("a", "taken and gone"))
		if err != nil {
			t.Fatal(err)
		}
		if said, err := io.ReadAll(conn); len(said) > 0 {
			t.Errorf("%q, %v", said, err)
		}
		conn.Close()
	}
}

func TestEdition(t *testing.T) {
	h := open(t, Options{Most: 10})
	a := h.connect(wanted("a", "well"))
	next := wanted("a", "well")
	next.Edition = "2"
	b := h.connect(next)
	if a.pid == b.pid {
		t.Error("a process of another edition")
	}
	a.alive()
	a.Close()
	ended(t, a.pid)
	b.alive()
}

func TestInterrupt(t *testing.T) {
	h := open(t, Options{Most: 10})
	a, b := h.connect(wanted("a", "well")), h.connect(wanted("b", "well"))
	h.Interrupt()
	a.over("bye")
	b.over("bye")
	if c := h.connect(wanted("a", "well")); c.pid == a.pid {
		t.Error("the same process")
	}
}

func TestShutdown(t *testing.T) {
	h := open(t, Options{Most: 10})
	a, idle := h.connect(wanted("a", "well")), h.connect(wanted("b", "well"))
	idle.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if err := h.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it did not wait for a session: %v", err)
	}
	ended(t, idle.pid)
	if _, err := h.try(wanted("a", "well")); !errors.Is(err, errShut) {
		t.Error(err)
	}
	a.alive()
	a.Close()
	h.shutdown()
}

// A session that does not see that its connection is closed is stuck. It is
// killed, but not while there are others that are well.
func TestStuck(t *testing.T) {
	h := open(t, Options{Most: 10, Linger: 50 * time.Millisecond})
	a, b := h.connect(wanted("a", "well")), h.connect(wanted("a", "well"))
	a.say("stick")
	a.Close()
	time.Sleep(200 * time.Millisecond)
	b.alive()
	b.Close()
	ended(t, a.pid)
	h.logged("signal: killed")
}

// TestGive: a connection that another process has keeps its program, until the program
// says that it has ended.
func TestGive(t *testing.T) {
	h := open(t, Options{Most: 10, Idle: 20 * time.Millisecond, Linger: 20 * time.Millisecond})
	a, b := h.given(wanted("a", "well")), h.connect(wanted("a", "well"))
	if a.pid != b.pid {
		t.Errorf("process %d and %d", a.pid, b.pid)
	}
	b.Close()
	time.Sleep(100 * time.Millisecond)
	a.alive()
	c := h.given(wanted("a", "well"))
	c.say("logout")
	c.over("")
	time.Sleep(100 * time.Millisecond)
	a.alive()
	a.Close()
	ended(t, a.pid)
	d := h.given(wanted("a", "well"))
	d.say("crash")
	d.over("")
	e := h.given(wanted("a", "well"))
	if e.pid == d.pid {
		t.Error("a process that has crashed")
	}
	e.alive()
	h.Interrupt()
	e.over("bye")
}

func TestCannotStart(t *testing.T) {
	h := open(t, Options{Most: 10})
	if _, err := h.try(wanted("a", "not at all")); !errors.Is(err, errGone) {
		t.Error(err)
	}
	h.logged(`text="no configuration"`)
	if _, err := h.try(wanted("a", "nonsense")); !errors.Is(err, errGone) {
		t.Error(err)
	}
	h.logged("another language")
	w := wanted("a", "well")
	w.Command = func() *exec.Cmd { return exec.Command("/nonexistent") }
	if _, err := h.try(w); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	h.connect(wanted("a", "well")).alive()
}

func TestContext(t *testing.T) {
	h := open(t, Options{Most: 10})
	a := h.connect(wanted("a", "well"))
	if err := syscall.Kill(a.pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for stopped := false; !stopped; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", a.pid))
		if err != nil {
			t.Fatal(err)
		}
		stopped = strings.Contains(string(stat), ") T ")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	for _, sent := range []bool{true, false} { // with a context that ends, and with one that has ended
		_, err := h.open(ctx, wanted("a", "well"))
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, handover.ErrUnsure) != sent {
			t.Error(err)
		}
	}
	if err := syscall.Kill(a.pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	a.alive()
	if b := h.connect(wanted("a", "well")); b.pid != a.pid {
		t.Error("another process")
	}
}

// Processes leave as soon as they may while connections come and go: each one is
// served.
func TestLeavingRace(t *testing.T) {
	h := open(t, Options{Most: 3, Idle: time.Microsecond})
	var clients sync.WaitGroup
	var mu sync.Mutex
	pids := make(map[int]bool)
	for n := range 8 {
		clients.Go(func() {
			for i := range 60 {
				w := wanted("a", "well")
				w.Edition = strconv.Itoa(i / 20)
				conn, err := h.open(context.Background(), w)
				if err != nil {
					t.Errorf("%v: %s", err, &h.log)
					return
				}
				line, err := bufio.NewReader(conn).ReadString('\n')
				pid, e := strconv.Atoi(strings.TrimSpace(line))
				if err != nil || e != nil {
					t.Errorf("%q, %v", line, err)
				}
				mu.Lock()
				pids[pid] = true
				mu.Unlock()
				if (n+i)%2 == 0 {
					if _, err := io.WriteString(conn, "logout\n"); err != nil {
						t.Error(err)
					}
					if _, err := io.Copy(io.Discard, conn); err != nil {
						t.Error(err)
					}
				}
				conn.Close()
			}
		})
	}
	clients.Wait()
	t.Logf("%d processes for 480 connections", len(pids))
	if len(pids) < 3 || strings.Contains(h.log.String(), "level=ERROR") {
		t.Errorf("log: %s", &h.log)
	}
}

// A process for several accounts is not that of one of them, and is kept for a moment only.
func TestTogether(t *testing.T) {
	alone, both := Wanted{Service: "lmtp", Account: "ann"}, Wanted{Service: "lmtp", Account: "ann", With: "bob\n"}
	if alone.key() == both.key() {
		t.Error("one process for both")
	}
	r := New(Options{Idle: time.Minute})
	if a, b := r.idle(alone.key()), r.idle(both.key()); a != time.Minute || b != idleTogether {
		t.Errorf("kept for %v, %v", a, b)
	}
	if r := New(Options{Idle: time.Millisecond}); r.idle(both.key()) != time.Millisecond {
		t.Error("kept for longer than others")
	}
}
