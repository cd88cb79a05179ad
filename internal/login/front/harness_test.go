package front

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/inetd"
	"fantail/internal/daemon/tlsconf"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/brokertest"
	"fantail/internal/login/handover"
	"fantail/internal/login/session/sessiontest"
	"fantail/internal/login/userdb"
)

// fake is a broker whose sessions are functions of the test.
type fake struct {
	mu      sync.Mutex
	asked   int                                           // how often a password was checked
	session func(conn *handover.Client, h handover.Hello) // nil: answers like a session, then sends back
	wait    sync.WaitGroup
	running []*handover.Client
}

// Interrupt takes leave as sessions do that answer like one.
func (f *fake) Interrupt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, conn := range f.running {
		fmt.Fprint(conn, "* BYE from the session\r\n")
		conn.Close()
	}
}

// check is the brokertest.Door.
func (f *fake) check(name string, password userdb.Secret) (broker.Grant, error) {
	f.mu.Lock()
	f.asked++
	f.mu.Unlock()
	switch password {
	case "right":
		g := broker.Grant{Account: strings.ToLower(name)}
		if g.Account == "without" {
			g.IMAPWithout, g.POP3Expire = "NOTIFY,IDLE", "14"
		}
		return g, nil
	case "panic":
		panic("in a check")
	case "later":
		return broker.Grant{}, broker.ErrUnavailable
	case "expired":
		return broker.Grant{}, broker.ErrExpired
	case "disabled":
		return broker.Grant{}, broker.ErrDisabled
	case "busy":
		return broker.Grant{}, broker.ErrBusy
	}
	return broker.Grant{}, broker.ErrWrong
}

func (f *fake) Start(_ context.Context, g *broker.Grant, in handover.Introduction) (handover.Channel, error) {
	switch g.Account {
	case "nostart":
		return nil, broker.ErrUnavailable
	case "unsure":
		return nil, fmt.Errorf("%w: %w", broker.ErrUnavailable, handover.ErrUnsure)
	}
	channel, h, conn, err := sessiontest.Accepted(in)
	if err != nil {
		return nil, err
	}
	f.wait.Go(func() {
		defer conn.Close()
		f.mu.Lock()
		f.running = append(f.running, conn)
		f.mu.Unlock()
		if f.session != nil {
			f.session(conn, h)
			return
		}
		if h.Tag == "" {
			fmt.Fprintf(conn, "+OK %s in by %s, tls %t\r\n", g.Account, g.Service, h.TLS)
		} else {
			fmt.Fprintf(conn, "%s OK %s in by %s, tls %t\r\n", h.Tag, g.Account, g.Service, h.TLS)
		}
		io.Copy(conn, conn)
	})
	return channel, nil
}

func (f *fake) checks() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// bench is a server on loopback sockets, one for each service.
type bench struct {
	testing.TB
	server *Server
	fake   *fake
	log    *sessiontest.Log
	at     map[string]string // address by service
}

// start starts it; change and tweak may be nil.
func start(t testing.TB, change func(*Options), tweak ...func(*timeouts)) *bench {
	t.Helper()
	b := &bench{TB: t, fake: &fake{}, log: &sessiontest.Log{}, at: make(map[string]string)}
	dir := t.TempDir()
	certificates, err := tlsconf.Load(tlsconf.Options{
		Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"),
		Clock: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Auth: brokertest.Door{Check: b.fake.check}, Starter: b.fake, Interrupt: b.fake.Interrupt, TLS: certificates.Config(),
		Plaintext: conf.PlaintextLoopback,
		Log:       b.log.Logger(),
	}
	if change != nil {
		change(&o)
	}
	b.server = New(o)
	for _, f := range tweak {
		f(&b.server.limit)
	}
	for _, service := range []string{"imap", "imaps", "pop3", "pop3s"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		b.at[service] = l.Addr().String()
		go func() {
			if err := b.server.Serve(inetd.Listener{Listener: l, Name: service}); err != nil {
				t.Error(err)
			}
		}()
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		b.server.Shutdown(ctx)
		b.fake.wait.Wait()
		if n := len(b.server.clients) + len(b.server.sources); n != 0 {
			t.Errorf("%d clients are still counted", n)
		}
	})
	return b
}

// peer is a client.
type peer struct {
	testing.TB
	conn net.Conn
	r    *bufio.Reader
}

var clientTLS = &tls.Config{InsecureSkipVerify: true}

func (b *bench) dial(service string) *peer {
	b.Helper()
	return b.dialFrom("127.0.0.1", service)
}

// dialFrom connects from an address of this machine.
func (b *bench) dialFrom(address, service string) *peer {
	b.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	conn, err := d.Dial("tcp", b.at[service])
	if err != nil {
		b.Fatal(err)
	}
	if strings.HasSuffix(service, "s") {
		conn = tls.Client(conn, clientTLS)
	}
	p := &peer{TB: b.TB, conn: conn, r: bufio.NewReader(conn)}
	b.Cleanup(func() { p.conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		b.Fatal(err)
	}
	return p
}

func (p *peer) send(text string) {
	p.Helper()
	if _, err := io.WriteString(p.conn, text); err != nil {
		p.Fatal(err)
	}
}

func (p *peer) line() string {
	p.Helper()
	line, err := p.r.ReadString('\n')
	if err != nil {
		p.Fatalf("%q, %v", line, err)
	}
	if !strings.HasSuffix(line, "\r\n") {
		p.Fatalf("a line without CRLF: %q", line)
	}
	return strings.TrimSuffix(line, "\r\n")
}

// want reads one line that begins with start.
func (p *peer) want(start string) string {
	p.Helper()
	line := p.line()
	if !strings.HasPrefix(line, start) {
		p.Fatalf("got  %q\nwant %q", line, start)
	}
	return line
}

// say sends a line, and wants answers.
func (p *peer) say(text string, answers ...string) {
	p.Helper()
	p.send(text + "\r\n")
	for _, a := range answers {
		p.want(a)
	}
}

// end wants nothing more but the end of the connection.
func (p *peer) end() {
	p.Helper()
	if rest, err := io.ReadAll(p.r); err != nil || len(rest) > 0 {
		p.Fatalf("not the end: %q, %v", rest, err)
	}
}

// startTLS makes the handshake after STARTTLS.
func (p *peer) startTLS() {
	p.Helper()
	if p.r.Buffered() > 0 {
		p.Fatal("something came behind the answer")
	}
	conn := tls.Client(p.conn, clientTLS)
	if err := conn.Handshake(); err != nil {
		p.Fatal(err)
	}
	p.conn, p.r = conn, bufio.NewReader(conn)
}
