package front

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/inetd"
	"fantail/internal/daemon/proxyproto"
	"fantail/internal/login/handover"
)

// loopback lists the tests' own address as a proxy.
var loopback = proxyproto.Proxies{netip.MustParsePrefix("127.0.0.1/32")}

const (
	header1 = "PROXY TCP4 192.0.2.7 198.51.100.2 50000 993\r\n"
	header2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x02\xc3\x50\x03\xe1"
	unknown = "PROXY UNKNOWN\r\n"
	local   = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
)

// dialBehind connects with something before everything else, TLS included.
func (b *bench) dialBehind(header, service string) *peer {
	b.Helper()
	p := b.dial(strings.TrimSuffix(service, "s"))
	if strings.HasSuffix(service, "s") {
		p.conn.Close()
		conn, err := net.Dial("tcp", b.at[service])
		if err != nil {
			b.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			b.Fatal(err)
		}
		p.conn = conn
		p.r.Reset(conn)
	}
	p.send(header)
	if strings.HasSuffix(service, "s") {
		p.startTLS()
	}
	return p
}

// greeted is the first line, by service.
var greeted = map[string]string{"imap": "* OK [", "imaps": "* OK [", "pop3": "+OK ", "pop3s": "+OK "}

// A proxied client is the one of the header in all that depends on its address.
func TestProxied(t *testing.T) {
	b := start(t, func(o *Options) { o.Proxies, o.Plaintext = loopback, conf.PlaintextAlways })
	b.fake.session = func(conn *handover.Client, h handover.Hello) {
		fmt.Fprintf(conn, "%s+OK from %s\r\n", strings.Repeat("* ", len(h.Tag)), h.Remote)
		io.Copy(conn, conn)
	}
	for _, header := range []string{header1, header2} {
		for service, greeting := range greeted {
			p := b.dialBehind(header, service)
			p.want(greeting)
			if strings.HasPrefix(service, "imap") {
				p.say("a LOGIN alice right\r\nb pipelined", "* +OK from 192.0.2.7", "b pipelined")
			} else {
				p.say("USER alice\r\nPASS right\r\npipelined", "+OK", "+OK from 192.0.2.7", "pipelined")
			}
			p.conn.Close()
		}
	}
	waitFor(t, func() bool { return strings.Count(b.log.String(), "msg=logout") == 8 })
	for _, line := range strings.Split(strings.TrimSpace(b.log.String()), "\n") {
		if !strings.Contains(line, "remote=192.0.2.7 ") {
			t.Error(line)
		}
	}
}

// What follows the header in one segment is the client's.
func TestProxiedPipeline(t *testing.T) {
	b := start(t, func(o *Options) { o.Proxies = loopback })
	p := b.dialBehind(header2+"a NOOP\r\n", "imap")
	p.want("* OK")
	p.want("a OK")
}

// From anybody else a header is what any octets are that are no command.
func TestHeaderOfNoProxy(t *testing.T) {
	b := start(t, func(o *Options) {
		o.Proxies = proxyproto.Proxies{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("::1/128")}
	})
	p := b.dialBehind(header1, "imap")
	p.want("* OK")
	p.want("PROXY BAD")
	p.say("a LOGIN alice right", "a OK alice") // it is still on this machine
	p = b.dialBehind(header1, "pop3")
	p.want("+OK")
	p.want("-ERR")
	waitFor(t, func() bool { return strings.Contains(b.log.String(), "msg=login ") })
	if strings.Contains(b.log.String(), "192.0.2.7") {
		t.Error(b.log)
	}
}

// A listed proxy that says nothing of its client, or not soon, is not served.
func TestProxyWithoutHeader(t *testing.T) {
	b := start(t, func(o *Options) { o.Proxies = loopback }, func(l *timeouts) { l.proxy = 200 * time.Millisecond })
	for _, begin := range []string{"a LOGIN alice right\r\n", "\x16\x03\x01\x00\xf0", "PROXY TCP4 192.0.2.7\r\n", "PROXY", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff"} {
		for _, service := range []string{"imap", "imaps", "pop3"} {
			conn, err := net.Dial("tcp", b.at[service])
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, begin); err != nil {
				t.Fatal(err)
			}
			if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || os.IsTimeout(err) {
				t.Errorf("%q: %d octets, %v", begin, n, err)
			}
		}
	}
	waitFor(t, func() bool { return strings.Count(b.log.String(), "level=WARN msg=\"connection refused\"") == 15 })
	if b.fake.checks() > 0 {
		t.Error("a password was checked")
	}
	before := b.log.String()
	b.dialBehind("", "imap").conn.Close() // as a check whether the port is open
	b.dialBehind(local, "imap").want("* OK")
	if got := strings.TrimPrefix(b.log.String(), before); strings.Contains(got, "level=WARN") {
		t.Errorf("a check is worth a warning: %s", got)
	}
}

// Where a password may travel depends on where the client is, not on the proxy.
func TestPlaintextBehindProxy(t *testing.T) {
	b := start(t, func(o *Options) { o.Proxies = loopback })
	near := "PROXY TCP4 127.0.0.1 127.0.0.1 50000 143\r\n"
	for header, may := range map[string]bool{header1: false, header2: false, unknown: false, near: true, local: true} {
		p := b.dialBehind(header, "imap")
		if got := !strings.Contains(p.want("* OK"), "LOGINDISABLED"); got != may {
			t.Errorf("%q: %v", header, got)
		}
		if !may {
			p.say("a LOGIN alice right", "a NO [PRIVACYREQUIRED]")
		}
		p.conn.Close()
	}
	// A proxy elsewhere that says it of its own machine does not mean this one.
	elsewhere := addrConn{remote: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 9)}}
	c := newClient(b.server, elsewhere, protocol{}, false)
	c.standsFor(proxyproto.Header{Source: netip.MustParseAddrPort("127.0.0.1:50000")})
	if c.mayLogIn() {
		t.Error("the loopback of another machine")
	}
}

// Clients are counted by their own address, and not by that of the proxy.
func TestSourcesBehindProxy(t *testing.T) {
	b := start(t, func(o *Options) { o.Proxies, o.PerSource = loopback, 2 })
	var last *peer
	for i := range 8 {
		last = b.dialBehind(fmt.Sprintf("PROXY TCP6 2001:db8:0:%d::%d ::1 50000 993\r\n", i/2, i), "imap")
		last.want("* OK")
	}
	more := b.dialBehind("PROXY TCP6 2001:db8:0:3::ff ::1 50000 993\r\n", "imap")
	more.want("* BYE [UNAVAILABLE] Too many connections from your address.")
	more.end()
	last.conn.Close()
	waitFor(t, func() bool {
		b.server.mu.Lock()
		defer b.server.mu.Unlock()
		return len(b.server.clients) == 7
	})
	b.dialBehind("PROXY TCP6 2001:db8:0:3::ff ::1 50000 993\r\n", "imap").want("* OK")
	b.dialBehind(local, "imap").want("* OK")
}

// HAProxy itself in front of us.
func TestHAProxy(t *testing.T) {
	program, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip(err)
	}
	for _, send := range []string{"send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id,authority"} {
		t.Run(send, func(t *testing.T) {
			b := start(t, func(o *Options) { o.Proxies = loopback })
			at := b.haproxy(program, send)
			b.at["imaps"] = at
			p := b.dialFrom("127.0.0.2", "imaps")
			p.want("* OK [")
			p.say("a LOGIN alice right", "a OK alice in by imap, tls true")
			p.conn.Close()
			waitFor(t, func() bool { return strings.Contains(b.log.String(), "msg=logout") })
			if n := strings.Count(b.log.String(), "proto=imap remote=127.0.0.2 "); n < 2 || strings.Contains(b.log.String(), "127.0.0.1 ") {
				t.Error(b.log)
			}
			// Its own checks are neither clients nor errors.
			time.Sleep(250 * time.Millisecond)
			if strings.Contains(b.log.String(), "level=WARN") {
				t.Error(b.log)
			}
		})
	}
}

// haproxy runs it in front of the service imaps, and returns where.
func (b *bench) haproxy(program, send string) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		b.Fatal(err)
	}
	defer socket.Close()
	file := filepath.Join(b.TempDir(), "haproxy.cfg")
	config := fmt.Sprintf(`
global
	nbthread 1
defaults
	mode tcp
	timeout connect 5s
	timeout client 30s
	timeout server 30s
frontend in
	bind fd@3
	unique-id-format %%{+X}o%%ci
	default_backend out
backend out
	server us %s check inter 50ms %s
`, b.at["imaps"], send)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(program, "-db", "-f", file)
	cmd.ExtraFiles = []*os.File{socket}
	var says strings.Builder
	cmd.Stdout, cmd.Stderr = &says, &says
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); b.Failed() {
			b.Logf("haproxy: %v: %s", err, &says)
		}
	})
	return l.Addr().String()
}

// A connection that inetd hands over begins with the header, too.
func TestServeConnBehindProxy(t *testing.T) {
	b := start(t, func(o *Options) { o.Proxies = loopback })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b.at["inetd"] = l.Addr().String()
	p := b.dialBehind(header2, "inetd")
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- b.server.ServeConn(inetd.Conn{Conn: conn, Name: "imap"}) }()
	if caps := p.want("* OK"); !strings.Contains(caps, "LOGINDISABLED") {
		t.Error(caps)
	}
	p.say("a LOGOUT", "* BYE", "a OK")
	p.conn.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
