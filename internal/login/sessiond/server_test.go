package sessiond

import (
	"bufio"
	"context"
	"crypto"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/authd"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
	"fantail/internal/login/launch"
	"fantail/internal/login/passdb"
	"fantail/internal/login/roster"
	"fantail/internal/login/sasl"
	"fantail/internal/login/session/sessiontest"
	"fantail/internal/login/submitd"
	"fantail/internal/login/userdb"
	"fantail/internal/login/webauthn"
)

// TestMain lets the test binary be the session program.
func TestMain(m *testing.M) {
	if base := filepath.Base(os.Args[0]); base == "imap-session" || base == "webmail-session" {
		os.Exit(session())
	}
	os.Exit(m.Run())
}

// session tells each client who it is, and sends back what it gets. "due", and "crossed" with
// a name, it tells its starter.
func session() int {
	err := handover.Receive(context.Background(), os.Stdin, func(ctx context.Context, _ handover.Account, p handover.Passage) {
		_, conn, err := handover.Accept(p)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		defer conn.Close()
		defer context.AfterFunc(ctx, func() { fmt.Fprintln(conn, "bye"); conn.Close() })()
		groups, _ := os.Getgroups()
		fds, _ := os.ReadDir("/proc/self/fd")
		_, err = os.ReadFile("/etc/shadow")
		fmt.Fprintf(conn, "pid %d uid %d %d gid %d %d groups %v args %q fds %d shadow %t env %d\n",
			os.Getpid(), os.Getuid(), os.Geteuid(), os.Getgid(), os.Getegid(), groups, os.Args[1:], len(fds), err == nil, len(os.Environ()))
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			account, crossed := strings.CutPrefix(lines.Text(), "crossed ")
			var err error
			switch {
			case lines.Text() == "due":
				err = handover.TellDue(ctx)
			case crossed:
				err = handover.TellCrossed(ctx, account)
			}
			if err != nil {
				fmt.Fprintln(conn, err)
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

// accounts are those of ann and root, whoever asks with the password right.
type accounts struct{ uid, gid uint32 }

func (a accounts) Password(_ context.Context, q passdb.Query, password userdb.Secret) (userdb.User, error) {
	if password != "right" {
		return userdb.User{}, userdb.ErrWrong
	}
	return userdb.User{Name: q.Name}, nil
}

func (accounts) Keys(context.Context, passdb.Query, crypto.Hash) (sasl.Keys, userdb.User, error) {
	return sasl.Keys{}, userdb.User{}, userdb.ErrWrong
}

func (accounts) Token(context.Context, passdb.Query, userdb.Secret) (userdb.User, error) {
	return userdb.User{}, userdb.ErrWrong
}

func (accounts) Certificate(context.Context, passdb.Query) (userdb.User, error) {
	return userdb.User{}, userdb.ErrWrong
}

func (accounts) Factors(userdb.User) (passdb.Wanted, error) { return passdb.Wanted{}, nil }

func (accounts) Key(context.Context, userdb.User, webauthn.Challenge, []byte) error {
	return userdb.ErrUnavailable
}

func (accounts) Code(context.Context, userdb.User, userdb.Secret) error { return userdb.ErrUnavailable }

func (accounts) Lookup(_ context.Context, name string) (userdb.User, error) {
	return userdb.User{Name: name}, nil
}

func (a accounts) Resolve(_ context.Context, u userdb.User) (wire.Account, error) {
	who := wire.Account{Name: u.Name, UID: a.uid, GID: a.gid, Groups: []uint32{a.gid + 1}, Mail: "/home/" + u.Name + "/Maildir"}
	if u.Name == "root" {
		who.UID = 0
	}
	return who, nil
}

// house is an authd and a sessiond, with their sockets.
type house struct {
	t   *testing.T
	dir string
	log sessiontest.Log
}

// build makes one. It starts programs as other users if it may.
func build(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	programs, err := os.MkdirTemp("", "fantail")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(programs) })
	// A copy where any user may execute it.
	text, err := os.ReadFile(self)
	if err == nil {
		err = os.WriteFile(filepath.Join(programs, "imap-session"), text, 0o755)
	}
	if err == nil {
		err = os.Link(filepath.Join(programs, "imap-session"), filepath.Join(programs, "webmail-session"))
	}
	if err == nil {
		err = os.Chmod(programs, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	who := accounts{54321, 54320}
	o := &launch.Options{Programs: programs, ConfigStamp: func() string { return "" }, Become: os.Geteuid() == 0, FirstUID: 500, OwnUID: uint32(os.Geteuid())}
	if !o.Become {
		who = accounts{uint32(os.Getuid()), uint32(os.Getgid())}
	}
	engine, err := authd.New(authd.Options{Log: slog.New(slog.DiscardHandler)}, authd.Setup{Accounts: who, SASL: sasl.Config{Enabled: []string{"PLAIN"}}})
	if err != nil {
		t.Fatal(err)
	}
	r := roster.New(launch.RosterOptions(h.log.Logger()))
	link := broker.NewLink(broker.DialPath(filepath.Join(h.dir, broker.SocketTicket)), nil)
	s := &Server{Authd: link, Launch: o, Programs: r, Log: h.log.Logger()}
	s.Submit = submitd.NewClient(broker.DialPath(filepath.Join(h.dir, submitd.Socket)), h.log.Logger())
	h.serve(broker.SocketLogin, func(ctx context.Context, c *fdpass.Conn) error { return engine.Serve(ctx, c, authd.Front) })
	h.serve(broker.SocketTicket, func(ctx context.Context, c *fdpass.Conn) error { return engine.Serve(ctx, c, authd.Session) })
	h.serve(broker.SocketSession, s.Serve)
	h.serve(broker.SocketAdmin, s.ServeAdmin)
	t.Cleanup(func() {
		link.Close()
		r.Interrupt()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := r.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *house) serve(name string, serve func(context.Context, *fdpass.Conn) error) {
	l, err := fdpass.Listen(filepath.Join(h.dir, name))
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.t.Cleanup(func() {
		cancel()
		l.Close()
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				if err := serve(ctx, c); err != nil {
					h.log.Logger().Warn("sent away", "socket", name, "err", err)
				}
			}()
		}
	}()
}

// grant logs an account in.
func (h *house) grant(r *broker.Remote, name string) *broker.Grant {
	h.t.Helper()
	return h.grantFor(r, wire.IMAP, name)
}

func (h *house) grantFor(r *broker.Remote, s wire.Service, name string) *broker.Grant {
	h.t.Helper()
	l := broker.Login{Service: s, Remote: netip.MustParseAddr("192.0.2.1"), Conn: sasl.Conn{TLS: true}}
	g, err := broker.Password(h.t.Context(), r, l, name, "right")
	if err != nil {
		h.t.Fatal(err)
	}
	return g
}

// client is one that its front carries.
var client = handover.Introduction{Hello: sessiontest.Someone}

// tcp returns a client, and the descriptor of the server's end of its connection.
func tcp(t *testing.T) (net.Conn, int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	user, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { user.Close(); server.Close() })
	fd, err := sessiontest.Descriptor(server.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	return user, fd
}

func (h *house) remote() *broker.Remote {
	r := broker.NewRemote(h.dir)
	h.t.Cleanup(func() { r.Shutdown(context.Background()) })
	return r
}

// TestSession: a login ends in a program of the account's user, which all of its
// connections share.
func TestSession(t *testing.T) {
	h := build(t)
	r := h.remote()
	if err := r.Check(wire.IMAP); err != nil {
		t.Fatal(err)
	}
	var first string
	for range 3 {
		conn, err := r.Start(t.Context(), h.grant(r, "ann"), client)
		if err != nil {
			t.Fatalf("%v: %s", err, &h.log)
		}
		defer conn.Close()
		lines := bufio.NewScanner(conn)
		if !lines.Scan() {
			t.Fatal(lines.Err())
		}
		fmt.Fprintln(conn, "hello")
		if said := lines.Text(); !lines.Scan() || lines.Text() != "hello" {
			t.Errorf("%q after %q", lines.Text(), said)
		} else if first == "" {
			first = said
		} else if strings.Fields(said)[1] != strings.Fields(first)[1] {
			t.Errorf("one session in process %s, one in %s", said, first)
		}
	}
	want := `uid 54321 54321 gid 54320 54320 groups [54321] args ["-front" "-u" "ann" "-m" "/home/ann/Maildir"]`
	if os.Geteuid() != 0 {
		want = `args ["-front" "-u" "ann" "-m" "/home/ann/Maildir"]`
	}
	if !strings.Contains(first, want) || !strings.Contains(first, "shadow false env 2") {
		t.Errorf("it says %s\nwant %s", first, want)
	}
}

// TestLeave: a front that ends has its own sessions take leave, and no other's, nor those
// that it does not carry.
func TestLeave(t *testing.T) {
	h := build(t)
	ending, other := h.remote(), h.remote()
	begin := func(r *broker.Remote, carried bool) (*bufio.Scanner, net.Conn) {
		in := client
		var user net.Conn
		if !carried {
			user, in.Socket = tcp(t)
		}
		channel, err := r.Start(t.Context(), h.grant(r, "ann"), in)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { channel.Close() })
		conn := net.Conn(channel)
		if !carried {
			conn = user
		}
		lines := bufio.NewScanner(conn)
		lines.Scan() // who it is
		return lines, conn
	}
	first, _ := begin(ending, true)
	second, _ := begin(ending, true)
	stays, conn := begin(other, true)
	given, user := begin(ending, false)
	ending.Interrupt()
	for _, lines := range []*bufio.Scanner{first, second} {
		if !lines.Scan() || lines.Text() != "bye" || lines.Scan() {
			t.Errorf("%q, %v", lines.Text(), lines.Err())
		}
	}
	fmt.Fprintln(conn, "hello")
	if !stays.Scan() || stays.Text() != "hello" {
		t.Errorf("another front's session: %q, %v", stays.Text(), stays.Err())
	}
	fmt.Fprintln(user, "hello")
	if !given.Scan() || given.Text() != "hello" {
		t.Errorf("a session that has its client: %q, %v", given.Text(), given.Err())
	}
	// Who comes afterwards is served, also by the one that has said it would end.
	if again, _ := begin(ending, true); again.Err() != nil {
		t.Error(again.Err())
	}
}

// TestLies: what a front says is held against what authd says.
func TestLies(t *testing.T) {
	h := build(t)
	r := h.remote()
	for name, lie := range map[string]func(g *broker.Grant){
		"another account":  func(g *broker.Grant) { g.Account = "bob" },
		"another service":  func(g *broker.Grant) { g.Service = wire.POP3 },
		"a guessed ticket": func(g *broker.Grant) { g.Ticket[3]++ },
	} {
		g := h.grant(r, "ann")
		lie(g)
		if conn, err := r.Start(t.Context(), g, client); err == nil {
			conn.Close()
			t.Errorf("%s: a session", name)
		}
	}
	g := h.grant(r, "ann")
	conn, err := r.Start(t.Context(), g, client)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if again, err := r.Start(t.Context(), g, client); err == nil {
		again.Close()
		t.Error("a ticket was good twice")
	}
	if os.Geteuid() == 0 {
		if conn, err := r.Start(t.Context(), h.grant(r, "root"), client); err == nil {
			conn.Close()
			t.Error("a session of root")
		}
	}
	// Who speaks another language is sent away alone.
	record := handover.Passage{Record: "r"}
	for name, m := range map[string]wire.Message{
		"redeem": &wire.Redeem{Service: wire.IMAP}, "account": &wire.Account{},
		"no descriptors": &wire.Start{Service: wire.IMAP, Account: "ann", Passage: record},
		"no record":      &wire.Start{Service: wire.IMAP, Account: "ann", Passage: handover.Passage{Files: fdpass.Descriptors{0}}},
		"too many":       &wire.Start{Service: wire.IMAP, Account: "ann", Passage: handover.Passage{Record: "r", Files: fdpass.Descriptors{0, 0, 0}}},
	} {
		c, err := fdpass.Dial(t.Context(), filepath.Join(h.dir, broker.SocketSession))
		if err != nil {
			t.Fatal(err)
		}
		b, err := wire.Append(nil, 1, m)
		if err == nil {
			err = c.Send(b, wire.Attached(m))
		}
		if err != nil {
			t.Fatal(err)
		}
		if b, _, err := c.Receive(make([]byte, wire.MaxMessage)); err == nil {
			t.Errorf("%s was answered with %q", name, b)
		}
		c.Close()
	}
	fmt.Fprintln(conn, "still here")
	lines := bufio.NewScanner(conn)
	lines.Scan() // who it is
	if lines.Scan(); lines.Text() != "still here" {
		t.Errorf("the session says %q, %v", lines.Text(), lines.Err())
	}
}

// TestChannel: a session is not given what its front did not make.
func TestChannel(t *testing.T) {
	h := build(t)
	r := h.remote()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	_, socket := tcp(t)
	nullFD, err := sessiontest.Descriptor(null)
	if err != nil {
		t.Fatal(err)
	}
	for name, fd := range map[string]int{"a file": nullFD, "TCP": socket} {
		c, err := fdpass.Dial(t.Context(), filepath.Join(h.dir, broker.SocketSession))
		if err != nil {
			t.Fatal(err)
		}
		start := h.grant(r, "ann").Start(handover.Passage{Record: "r", Files: fdpass.Descriptors{fd}})
		b, err := wire.Append(nil, 1, start)
		if err == nil {
			err = c.Send(b, wire.Attached(start))
		}
		if err != nil {
			t.Fatal(err)
		}
		b, _, err = c.Receive(make([]byte, wire.MaxMessage))
		if err != nil {
			t.Fatal(err)
		}
		if _, m, err := wire.Parse(b); err != nil || m.Kind() != wire.KindRefused {
			t.Errorf("%s: %v, %v", name, m, err)
		}
		c.Close()
	}
	if strings.Contains(h.log.String(), "session says") {
		t.Errorf("a session was started: %s", &h.log)
	}
}

// TestBusy: what a front may have under way at once is bounded, and the rest is told
// so.
func TestBusy(t *testing.T) {
	stuck := make(chan struct{})
	path := filepath.Join(t.TempDir(), "ticket")
	l, err := fdpass.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() { // an authd that does not answer, and goes
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			<-stuck
			c.Close()
		}
	}()
	link := broker.NewLink(broker.DialPath(path), nil)
	defer link.Close()
	s := &Server{Authd: link, Launch: &launch.Options{}, Log: slog.New(slog.DiscardHandler)}
	ours, f, err := fdpass.Pair()
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := fdpass.Open(f)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background(), theirs) }()
	channel, p, err := client.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer channel.Close()
	for id := range uint32(mostStarts + 1) {
		b, err := wire.Append(nil, id, &wire.Start{Service: wire.IMAP, Account: "ann", Passage: p})
		if err == nil {
			err = ours.Send(b, p.Files)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b, _, err := ours.Receive(make([]byte, wire.MaxMessage))
	if err != nil {
		t.Fatal(err)
	}
	if id, m, err := wire.Parse(b); err != nil || id != mostStarts || m.(*wire.Refused).Reason != wire.Busy {
		t.Errorf("%d, %v, %v", id, m, err)
	}
	close(stuck)
	for range mostStarts {
		if _, _, err := ours.Receive(make([]byte, wire.MaxMessage)); err != nil {
			t.Fatal(err)
		}
	}
	ours.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	p.Sent()
	if handover.Adopted(channel) {
		t.Error("descriptors stay")
	}
}
