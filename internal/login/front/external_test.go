package front

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/tlsconf"
	"fantail/internal/daemon/tlsconf/tlstest"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/brokertest"
	"fantail/internal/login/sasl"
)

// startAsking starts a server that asks clients for certificates by ca.
func startAsking(t *testing.T, ca *tlstest.Authority, change func(*Options)) *bench {
	t.Helper()
	dir := t.TempDir()
	ca.Write(t, filepath.Join(dir, "ca.pem"))
	certificates, err := tlsconf.Load(tlsconf.Options{
		Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), ClientCA: filepath.Join(dir, "ca.pem"),
		Clock: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return start(t, func(o *Options) {
		o.TLS, o.ClientName = certificates.Config(), conf.CertificateEmail
		if change != nil {
			change(o)
		}
	})
}

// show connects to a service, with TLS, showing certificates.
func (b *bench) show(service string, client ...tls.Certificate) *peer {
	b.Helper()
	conn, err := net.Dial("tcp", b.at[service])
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		b.Fatal(err)
	}
	p := &peer{TB: b.TB, conn: conn, r: bufio.NewReader(conn)}
	switch service {
	case "imap":
		p.want("* OK")
		p.say("s STARTTLS", "s OK")
	case "pop3":
		p.want("+OK")
		p.say("STLS", "+OK")
	}
	p.conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if len(client) == 0 {
			return &tls.Certificate{}, nil
		}
		return &client[0], nil // also one that was not asked for
	}})
	p.r = bufio.NewReader(p.conn)
	return p
}

// A client with a certificate logs in without a password.
func TestExternal(t *testing.T) {
	ca := tlstest.New(t)
	b := startAsking(t, ca, nil)
	ann := ca.Client(t, "ann@example.org", nil)
	self := base64.StdEncoding.EncodeToString([]byte("ann@example.org"))
	other := base64.StdEncoding.EncodeToString([]byte("bob@example.org"))

	for _, service := range []string{"imap", "imaps"} {
		for _, tt := range []struct{ line, challenge, response, want string }{
			{"a AUTHENTICATE EXTERNAL =", "", "", "a OK ann@example.org in by imap, tls true"},
			{"a AUTHENTICATE EXTERNAL", "+ ", "", "a OK ann@example.org in"},
			{"a AUTHENTICATE EXTERNAL " + self, "", "", "a OK ann@example.org in"},
			{"a AUTHENTICATE EXTERNAL " + other, "", "", "a NO [AUTHORIZATIONFAILED]"},
			{"a AUTHENTICATE EXTERNAL", "+ ", "*", "a BAD"},
			{"a LOGIN ann wrong", "", "", "a NO [AUTHENTICATIONFAILED]"},
			{"a LOGIN ann right", "", "", "a OK ann in"},
		} {
			p := b.show(service, ann)
			if service == "imaps" {
				if line := p.want("* OK"); !strings.Contains(line, "AUTH=EXTERNAL") {
					t.Error(line)
				}
			} else if p.say("c CAPABILITY"); !strings.Contains(p.want("* CAPABILITY"), "AUTH=EXTERNAL") {
				t.Error("it is not offered")
			} else {
				p.want("c OK")
			}
			p.send(tt.line + "\r\n")
			if tt.challenge != "" {
				p.want(tt.challenge)
				p.send(tt.response + "\r\n")
			}
			p.want(tt.want)
			p.conn.Close()
		}
	}
	for _, service := range []string{"pop3", "pop3s"} {
		for line, want := range map[string]string{
			"AUTH EXTERNAL =":        "+OK ann@example.org in by pop3, tls true",
			"AUTH EXTERNAL " + other: "-ERR [AUTH]",
		} {
			p := b.show(service, ann)
			if service == "pop3s" {
				p.want("+OK")
			}
			p.say(line, want)
			p.conn.Close()
		}
	}
	if !strings.Contains(b.log.String(), "user=ann@example.org mech=EXTERNAL tls=true") {
		t.Error(b.log)
	}
}

// Who shows no certificate, or one that names nobody, has no EXTERNAL to use.
func TestExternalWithoutCertificate(t *testing.T) {
	ca := tlstest.New(t)
	b := startAsking(t, ca, nil)
	nameless := ca.Client(t, "", func(c *x509.Certificate) { c.EmailAddresses = nil })
	for i, show := range [][]tls.Certificate{nil, {nameless}} {
		p := b.show("imaps", show...)
		if line := p.want("* OK"); strings.Contains(line, "EXTERNAL") {
			t.Error(line)
		}
		p.say("a AUTHENTICATE EXTERNAL =", "a NO That mechanism is not offered.")
		p.say("b LOGIN ann right", "b OK")
		if got := strings.Count(b.log.String(), `level=WARN msg="client certificate without a use"`); got != i {
			t.Errorf("%d times: %s", got, b.log)
		}
	}
	// Nor in the clear, whatever the connection was before.
	p := b.dial("imap")
	p.want("* OK")
	p.say("a AUTHENTICATE EXTERNAL =", "a NO That mechanism is not offered.")
}

// A certificate that is not good ends the connection, and is told in the log.
func TestBadClientCertificate(t *testing.T) {
	ca := tlstest.New(t)
	b := startAsking(t, ca, nil)
	for i, tt := range []struct {
		show tls.Certificate
		want string
	}{
		{tlstest.New(t).Client(t, "ann@example.org", nil), "certificate signed by unknown authority"},
		{ca.Client(t, "ann@example.org", func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		}), "has expired"},
		{ca.Server(t, "mail.example.org"), "incompatible key usage"},
	} {
		for j, service := range []string{"imaps", "pop3"} {
			p := b.show(service, tt.show)
			if line, err := p.r.ReadString('\n'); err == nil {
				t.Errorf("served: %q", line)
			}
			waitFor(t, func() bool {
				return strings.Count(b.log.String(), `level=WARN msg="client certificate refused"`) == 2*i+j+1
			})
		}
		if !strings.Contains(b.log.String(), tt.want) {
			t.Errorf("want %s: %s", tt.want, b.log)
		}
	}
	if b.fake.checks() > 0 || strings.Contains(b.log.String(), "msg=login") {
		t.Error("somebody was let in")
	}
}

// noted notes what the broker is told of connections.
type noted struct {
	broker.Authenticator
	mu    sync.Mutex
	conns []sasl.Conn
}

func (n *noted) Begin(l broker.Login, mechanism string) broker.Exchange {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns = append(n.conns, l.Conn)
	return n.Authenticator.Begin(l, mechanism)
}

// The broker is told what the connection is bound to, and who the client is.
func TestConnectionIsDescribed(t *testing.T) {
	ca := tlstest.New(t)
	var n *noted
	b := startAsking(t, ca, func(o *Options) {
		n = &noted{Authenticator: brokertest.Door{Check: o.Auth.(brokertest.Door).Check}}
		o.Auth = n
	})
	p := b.show("imap", ca.Client(t, "ann@example.org", nil))
	p.say("a LOGIN ann right", "a OK")
	state := p.conn.(*tls.Conn).ConnectionState()
	exporter, err := tlsconf.Exporter(state)
	if err != nil {
		t.Fatal(err)
	}
	endPoint, err := tlsconf.EndPoint(state.PeerCertificates[0])
	if err != nil {
		t.Fatal(err)
	}
	clear := b.dial("imap")
	clear.want("* OK")
	clear.say("a LOGIN ann right", "a OK")
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.conns[0]
	if !c.TLS || c.Clear || c.Certificate != "ann@example.org" || string(c.Bindings[sasl.BindingExporter]) != string(exporter) ||
		string(c.Bindings[sasl.BindingEndPoint]) != string(endPoint) || len(c.Bindings) != 2 {
		t.Errorf("%+v, want %x and %x", c, exporter, endPoint)
	}
	if c := n.conns[1]; c.TLS || !c.Clear || c.Certificate != "" || len(c.Bindings) != 0 {
		t.Errorf("%+v", c)
	}
}
