package front

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/inetd"
	"fantail/internal/login/broker/brokertest"
	"fantail/internal/login/session/sessiontest"
)

// flood sends what it can until the server closes, and returns what came back.
func (p *peer) flood(chunk []byte, most int) []byte {
	p.Helper()
	go func() {
		for sent := 0; sent < most; sent += len(chunk) {
			if _, err := p.conn.Write(chunk); err != nil {
				return
			}
		}
		if h, ok := p.conn.(interface{ CloseWrite() error }); ok {
			h.CloseWrite()
		}
	}()
	got, err := io.ReadAll(p.r)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		p.Errorf("%v after %q", err, got)
	}
	return got
}

// No hostile stream may crash the server, cost memory, or go on for ever.
func TestHostileStreams(t *testing.T) {
	b := start(t, nil)
	const most = 32 << 20
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for name, chunk := range map[string][]byte{
		"random":           random(7, 64<<10),
		"endless line":     bytes.Repeat([]byte("x"), 64<<10),
		"NULs":             make([]byte, 64<<10),
		"empty lines":      bytes.Repeat([]byte("\r\n"), 32<<10),
		"unknown commands": bytes.Repeat([]byte("a FROB\r\n"), 10_000),
		"huge literals":    bytes.Repeat([]byte("a LOGIN {99999999999+}\r\n"), 1000),
		"literals":         bytes.Repeat([]byte("a LOGIN {1000+}\r\n"), 1000),
		"parentheses":      bytes.Repeat([]byte("("), 64<<10),
		"ID parentheses":   append([]byte("a ID "), bytes.Repeat([]byte("("), 64<<10)...),
		"base64":           append([]byte("a AUTHENTICATE PLAIN\r\n"), bytes.Repeat([]byte("QUFB"), 16<<10)...),
		"capabilities":     bytes.Repeat([]byte("a CAPABILITY\r\n"), 1000),
		"capas":            bytes.Repeat([]byte("CAPA\r\n"), 1000),
		"users":            bytes.Repeat([]byte("USER "+strings.Repeat("u", 200)+"\r\n"), 1000),
	} {
		for _, service := range []string{"imap", "pop3", "imaps"} {
			p := b.dial(service)
			got := p.flood(chunk, most)
			if !bytes.HasPrefix(got, []byte("* OK")) && !bytes.HasPrefix(got, []byte("+OK")) {
				t.Errorf("%s to %s: %.80q", name, service, got)
			}
			p.conn.Close()
		}
		// No TLS at all where TLS is first.
		p := b.dial("imap")
		p.conn.Close()
		raw, err := net.Dial("tcp", b.at["imaps"])
		if err != nil {
			t.Fatal(err)
		}
		p = &peer{TB: t, conn: raw, r: p.r}
		p.r.Reset(raw)
		p.flood(chunk, 1<<20)
		raw.Close()
	}
	waitFor(t, func() bool { return b.server.count() == 0 })
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("%d octets more on the heap", grown)
	}
	if n := b.fake.checks(); n != 0 {
		t.Errorf("%d passwords were checked", n)
	}
	if strings.Contains(b.log.String(), "panic") {
		t.Error(b.log)
	}
}

func TestMistakesEndTheConnection(t *testing.T) {
	b := start(t, nil)
	p := b.dial("imap")
	got := p.flood(bytes.Repeat([]byte("a FROB\r\n"), 10_000), 1)
	if n := bytes.Count(got, []byte("a BAD Unknown command.")); n != maxMistakes || !bytes.HasSuffix(got, []byte("* BYE Too many mistakes.\r\n")) {
		t.Errorf("%d answers, then %q", n, got[len(got)-40:])
	}
	p = b.dial("pop3")
	got = p.flood(bytes.Repeat([]byte("FROB\r\n"), 10_000), 1)
	if n := bytes.Count(got, []byte("-ERR Unknown command.")); n != maxMistakes || !bytes.HasSuffix(got, []byte("-ERR Too many mistakes.\r\n")) {
		t.Errorf("%d answers, then %q", n, got[len(got)-40:])
	}
}

// A client that sends one octet at a time is gone when the time for the whole
// dialogue is over, one that sends nothing when the time for the next octet is.
func TestSlowClients(t *testing.T) {
	b := start(t, nil, func(l *timeouts) {
		l.idle, l.total, l.handshake = 200*time.Millisecond, 600*time.Millisecond, 300*time.Millisecond
	})
	for _, tc := range []struct {
		service, greeting, bye string
		pause                  time.Duration // 0: silent
		least, most            time.Duration
	}{
		{"imap", "* OK", "* BYE You took too long.", 0, 150 * time.Millisecond, 5 * time.Second},
		{"pop3", "+OK", "-ERR You took too long.", 0, 150 * time.Millisecond, 5 * time.Second},
		{"imap", "* OK", "* BYE You took too long.", 50 * time.Millisecond, 550 * time.Millisecond, 5 * time.Second},
		{"pop3", "+OK", "-ERR You took too long.", 50 * time.Millisecond, 550 * time.Millisecond, 5 * time.Second},
	} {
		began := time.Now()
		p := b.dial(tc.service)
		p.want(tc.greeting)
		if tc.pause > 0 {
			go func() {
				for {
					if _, err := p.conn.Write([]byte("x")); err != nil {
						return
					}
					time.Sleep(tc.pause)
				}
			}()
		}
		p.want(tc.bye)
		if d := time.Since(began); d < tc.least || d > tc.most {
			t.Errorf("%s with pause %v: after %v", tc.service, tc.pause, d)
		}
		p.conn.Close()
	}
	raw, err := net.Dial("tcp", b.at["imaps"]) // and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if err := raw.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a silent handshake goes on")
	}
}

func TestLimitsOfConnections(t *testing.T) {
	b := start(t, func(o *Options) { o.PerSource = 3 })
	var held []*peer
	for range 3 {
		p := b.dial("imap")
		p.want("* OK")
		held = append(held, p)
	}
	p := b.dial("imap")
	p.want("* BYE [UNAVAILABLE] Too many connections from your address.")
	p = b.dial("pop3")
	p.want("-ERR [SYS/TEMP] Too many connections from your address.")
	held[0].say("a LOGOUT", "* BYE", "a OK")
	held[0].conn.Close()
	waitFor(t, func() bool { return b.server.count() == 2 })
	b.dial("imap").want("* OK")

	b = start(t, func(o *Options) { o.Connections = 1 })
	b.dial("imaps").want("* OK")
	p = b.dial("imap")
	p.want("* BYE [UNAVAILABLE] Too many connections.")
	p.end()
}

func TestSources(t *testing.T) {
	for _, tc := range []struct{ ip, source string }{
		{"192.0.2.7", "192.0.2.7/32"},
		{"::ffff:192.0.2.7", "192.0.2.7/32"},
		{"2001:db8::1", "2001:db8::/64"},
		{"fe80::1%lo", "fe80::/64"},
	} {
		ip, zone, _ := strings.Cut(tc.ip, "%")
		a, source := address(addrConn{remote: &net.TCPAddr{IP: net.ParseIP(ip), Zone: zone}})
		if source.String() != tc.source || !a.IsValid() {
			t.Errorf("%s: %v, %v", tc.ip, a, source)
		}
	}
	if a, source := address(addrConn{remote: &net.UnixAddr{}}); a.IsValid() || source.IsValid() {
		t.Error("a unix socket has an address")
	}
}

// addrConn is a connection that has an address, or a whole conversation.
type addrConn struct {
	net.Conn
	remote net.Addr
	in     io.Reader
	out    *bytes.Buffer
}

func (c addrConn) RemoteAddr() net.Addr             { return c.remote }
func (c addrConn) Read(p []byte) (int, error)       { return c.in.Read(p) }
func (c addrConn) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c addrConn) Close() error                     { return nil }
func (c addrConn) SetDeadline(time.Time) error      { return nil }
func (c addrConn) SetReadDeadline(time.Time) error  { return nil }
func (c addrConn) SetWriteDeadline(time.Time) error { return nil }

func TestPasswordsInTheClear(t *testing.T) {
	for _, tc := range []struct {
		setting conf.Plaintext
		remote  net.Addr
		want    bool
	}{
		{conf.PlaintextLoopback, &net.TCPAddr{IP: net.IPv4(127, 9, 9, 9)}, true},
		{conf.PlaintextLoopback, &net.TCPAddr{IP: net.IPv6loopback}, true},
		{conf.PlaintextLoopback, &net.TCPAddr{IP: net.ParseIP("::ffff:127.0.0.1")}, true},
		{conf.PlaintextLoopback, &net.UnixAddr{}, true},
		{conf.PlaintextLoopback, &net.TCPAddr{IP: net.IPv4(192, 168, 0, 1)}, false},
		{conf.PlaintextNever, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, false},
		{conf.PlaintextNever, &net.UnixAddr{}, false},
		{conf.PlaintextAlways, &net.TCPAddr{IP: net.IPv4(8, 8, 8, 8)}, true},
		{"", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, false},
	} {
		s := New(Options{Plaintext: tc.setting, Log: slog.New(slog.DiscardHandler)})
		c := newClient(s, addrConn{remote: tc.remote}, protocol{}, false)
		if c.mayLogIn() != tc.want {
			t.Errorf("%s from %v: %t", tc.setting, tc.remote, !tc.want)
		}
	}
}

func TestPanicEndsOneConnection(t *testing.T) {
	b := start(t, nil)
	other := b.dial("imap")
	other.want("* OK")
	p := b.dial("imap")
	p.want("* OK")
	p.send("a LOGIN alice panic\r\n")
	p.end()
	other.say("a NOOP", "a OK")
	if !strings.Contains(b.log.String(), `level=ERROR msg=panic`) {
		t.Errorf("log: %s", b.log)
	}
}

func TestShutdown(t *testing.T) {
	b := start(t, nil)
	before, in := b.dial("imap"), b.dial("imaps")
	before.want("* OK")
	pop := b.dial("pop3")
	pop.want("+OK")
	in.want("* OK")
	in.say("a LOGIN alice right", "a OK")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan struct{})
	go func() {
		b.server.Shutdown(ctx)
		close(done)
	}()
	before.want("* BYE The server is shutting down.")
	before.end()
	pop.want("-ERR The server is shutting down.")
	pop.end()
	in.say("b hello", "b hello") // goes on
	if conn, err := net.Dial("tcp", b.at["imap"]); err == nil {
		conn.Close()
		t.Error("connections are still accepted")
	}
	select {
	case <-done:
		t.Fatal("stopped with a session")
	default:
	}
	cancel()
	in.want("* BYE from the session") // which had time to say it
	in.end()
	in.conn.Close()
	<-done
}

// A session that does not take leave is cut off.
func TestShutdownOfDeaf(t *testing.T) {
	for _, service := range []string{"imap", "imaps"} {
		b := start(t, nil, func(l *timeouts) { l.leave = 50 * time.Millisecond })
		b.server.o.Interrupt = func() {}
		p := b.dial(service)
		p.want("* OK")
		p.say("a LOGIN alice right", "a OK")
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		b.server.Shutdown(ctx)
		if _, err := p.r.ReadByte(); err == nil {
			t.Errorf("%s: the session goes on", service)
		}
	}
}

func TestServeConn(t *testing.T) {
	b := start(t, nil)
	ours, theirs, err := sessiontest.Pair()
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- b.server.ServeConn(inetd.Conn{Conn: theirs, Name: "pop3"}) }()
	p := &peer{TB: t, conn: ours, r: bufio.NewReader(ours)}
	p.want("+OK")
	p.say("QUIT", "+OK")
	p.end()
	ours.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err := b.server.ServeConn(inetd.Conn{Conn: ours, Name: "https"}); !errors.Is(err, ErrService) {
		t.Error(err)
	}
	if err := b.server.Serve(inetd.Listener{Name: "smtp"}); !errors.Is(err, ErrService) {
		t.Error(err)
	}
}

// What many waiting connections cost. The figures are for reading; only a
// gross mistake fails.
func TestMemoryOfConnections(t *testing.T) {
	b := start(t, nil)
	const n = 200
	measure := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse)
	}
	for _, tc := range []struct {
		name, service, login string
	}{{"before login", "imap", ""}, {"before login, TLS", "imaps", ""}, {"idle session", "imap", "a LOGIN alice right"}, {"idle session, TLS", "imaps", "a LOGIN alice right"}} {
		base := measure()
		peers := make([]*peer, n)
		for i := range peers {
			peers[i] = b.dial(tc.service)
			peers[i].want("* OK")
			if tc.login != "" {
				peers[i].say(tc.login, "a OK")
			}
		}
		each := (measure() - base) / n
		t.Logf("%s: %d octets for each connection, both ends together", tc.name, each)
		if each > 256<<10 {
			t.Errorf("%s: %d octets for each connection", tc.name, each)
		}
		for _, p := range peers {
			p.conn.Close()
		}
		waitFor(t, func() bool { return b.server.count() == 0 })
	}
}

// dialogueOf runs a whole conversation before login, without a network.
func dialogueOf(name string, in []byte) (string, *fake) {
	f := &fake{}
	s := New(Options{Auth: brokertest.Door{Check: f.check}, Starter: f, Plaintext: conf.PlaintextAlways, Log: slog.New(slog.DiscardHandler)})
	p, _ := protocols(name)
	var out bytes.Buffer
	c := newClient(s, addrConn{remote: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, in: bytes.NewReader(in), out: &out}, p, false)
	if ses, err := p.dialogue(c); err != nil {
		c.farewell(err)
	} else if ses != nil {
		ses.conn.Close()
	}
	return out.String(), f
}

func FuzzIMAPDialogue(f *testing.F) {
	for _, seed := range []string{
		"a NOOP\r\nb CAPABILITY\r\nc ID (\"a\" NIL)\r\nd LOGOUT\r\n",
		"a LOGIN {5}\r\nalice {5+}\r\nright\r\nb x\r\n",
		"a AUTHENTICATE PLAIN\r\n" + plain("", "a", "wrong") + "\r\n",
		"a AUTHENTICATE PLAIN " + plain("", "a", "right") + "\r\nrest",
		"a STARTTLS\r\nb NOOP\r\n", "\r\n\r\na\r\n(((((",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, fake := dialogueOf("imap", in)
		wellFormed(t, out, "* ", "+ ")
		if n := fake.checks(); n > maxAttempts+1 {
			t.Fatalf("%d checks", n)
		}
		fake.wait.Wait()
	})
}

func FuzzPOP3Dialogue(f *testing.F) {
	for _, seed := range []string{
		"CAPA\r\nUSER a\r\nPASS wrong\r\nQUIT\r\n", "USER a\r\nPASS right\r\nSTAT\r\n",
		"AUTH PLAIN\r\n" + plain("", "a", "right") + "\r\n", "AUTH PLAIN =\r\n*\r\n", "STLS\r\nx",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out, fake := dialogueOf("pop3", in)
		wellFormed(t, out, "+OK", "-ERR", "+ ")
		if n := fake.checks(); n > maxAttempts+1 {
			t.Fatalf("%d checks", n)
		}
		fake.wait.Wait()
	})
}

// wellFormed reports output that is not lines with CRLF, or whose first line is
// not one of starts.
func wellFormed(t *testing.T, out string, starts ...string) {
	t.Helper()
	if !strings.HasSuffix(out, "\r\n") || strings.Count(out, "\n") != strings.Count(out, "\r\n") || strings.Count(out, "\r") != strings.Count(out, "\r\n") {
		t.Fatalf("%q", out)
	}
	for _, s := range starts {
		if strings.HasPrefix(out, s) {
			return
		}
	}
	t.Fatalf("%q", out)
}

func TestCommandsEndTheConnection(t *testing.T) {
	b := start(t, nil)
	p := b.dial("imap")
	got := p.flood(bytes.Repeat([]byte("a NOOP\r\n"), 10_000), 1)
	if n := bytes.Count(got, []byte("a OK")); n != maxCommands || !bytes.HasSuffix(got, []byte("* BYE Too many commands without a login.\r\n")) {
		t.Errorf("%d answers, then %q", n, got[len(got)-40:])
	}
	p = b.dial("pop3")
	got = p.flood(bytes.Repeat([]byte("CAPA\r\n"), 10_000), 1)
	if n := bytes.Count(got, []byte("+OK C")); n != maxCommands || !bytes.HasSuffix(got, []byte("-ERR Too many commands without a login.\r\n")) {
		t.Errorf("%d answers, then %q", n, got[len(got)-40:])
	}
}

// What comes in the clear after the answer to STARTTLS or STLS is taken for a handshake,
// which it is not.
func TestClearBehindStartTLS(t *testing.T) {
	b := start(t, nil)
	for service, lines := range map[string][2]string{
		"imap": {"a STARTTLS", "b LOGIN mallory right\r\n"},
		"pop3": {"STLS", "USER mallory\r\nPASS right\r\n"},
	} {
		p := b.dial(service)
		p.line()
		p.say(lines[0])
		p.line()
		p.send(lines[1])
		conn := tls.Client(p.conn, clientTLS)
		if err := conn.Handshake(); err == nil {
			t.Errorf("%s: a handshake behind %q", service, lines[1])
		}
		waitFor(t, func() bool { return b.server.count() == 0 })
	}
	if n := b.fake.checks(); n != 0 {
		t.Errorf("%d checks", n)
	}
}
