package lmtpfront

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fantail/internal/daemon/tlsconf/tlstest"
)

// encrypted is a server's configuration, with a certificate for this test.
func encrypted(t *testing.T) *tls.Config {
	t.Helper()
	return &tls.Config{Certificates: []tls.Certificate{tlstest.New(t).Server(t, "mx.example.net")}}
}

// begins begins TLS.
func (p *peer) begins() {
	p.t.Helper()
	conn := tls.Client(p.conn, &tls.Config{InsecureSkipVerify: true})
	if err := conn.Handshake(); err != nil {
		p.t.Fatal(err)
	}
	p.conn, p.in = conn, bufio.NewReader(conn)
}

// RFC 3207: after STARTTLS nothing is known of the client.
func TestSTARTTLS(t *testing.T) {
	h := newHouse(t, "ann")
	config := encrypted(t)
	_, connect := h.serve(func(o *Options) { o.TLS = config })
	p := connect()
	p.want("220 ")
	p.say("LHLO client.example.net\r\n")
	if got := p.hear(); !strings.Contains(got, "|250-SIZE 1048576|250 STARTTLS") {
		t.Error(got)
	}
	p.say("MAIL FROM:<a@b>\r\nSTARTTLS now\r\n")
	p.want("250 2.1.0", "501 5.5.4")
	p.say("STARTTLS\r\n")
	p.want("220 2.0.0")
	p.begins()
	p.say("MAIL FROM:<a@b>\r\n")
	p.want("503 5.5.1")
	p.say("LHLO client.example.net\r\n")
	if got := p.hear(); strings.Contains(got, "STARTTLS") {
		t.Error(got)
	}
	p.say("STARTTLS\r\n")
	p.want("503 5.5.1")
	p.send("x\r\n", "ann")
	if list := h.mail("ann"); len(list) != 1 || !strings.Contains(list[0], " with LMTPS id ") {
		t.Errorf("%q", list)
	}
}

// What came in the clear behind STARTTLS is not heard under TLS.
func TestSTARTTLSSmuggled(t *testing.T) {
	h := newHouse(t, "ann")
	config := encrypted(t)
	_, connect := h.serve(func(o *Options) { o.TLS = config })
	p := connect().greet()
	p.say("STARTTLS\r\nLHLO evil\r\nMAIL FROM:<evil@b>\r\n")
	p.want("421 4.5.0")
	p.gone()
	// What is sent behind the answer is taken for TLS, which it is not.
	p = connect().greet()
	p.say("STARTTLS\r\n")
	p.want("220 2.0.0")
	p.say("LHLO evil\r\nMAIL FROM:<evil@b>\r\nRCPT TO:<ann>\r\nDATA\r\nx\r\n.\r\n")
	if rest, err := io.ReadAll(p.in); err != nil || strings.Contains(string(rest), "250") {
		t.Errorf("%q, %v", rest, err)
	}
	if list := h.mail("ann"); len(list) > 0 {
		t.Errorf("%q", list)
	}
}

// A client that is not among those who may say XCLIENT is refused, whatever it says, and
// what it says is in no message. Whoever comes by a local socket has no address, and so is
// not among them either.
func TestXCLIENTForged(t *testing.T) {
	h := newHouse(t, "ann")
	for network, listed := range map[string]string{"tcp": "192.0.2.0/24", "unix": "0.0.0.0/0"} {
		_, connect := h.serveOn(network, nameLMTP, func(o *Options) { o.XClient = []netip.Prefix{netip.MustParsePrefix(listed)} })
		p := connect()
		p.want("220 ")
		p.say("XCLIENT ADDR=203.0.113.9\r\n")
		p.want("550 5.7.0")
		p.say("LHLO client.example.net\r\n")
		if got := p.hear(); strings.Contains(got, "XCLIENT") {
			t.Error(got)
		}
		for _, forged := range []string{"XCLIENT ADDR=203.0.113.9 NAME=forged.example", "xclient ADDR=192.0.2.1 LOGIN=ann", "XCLIENT", "XCLIENT NAME=a+0D+0AMAIL", "XCLIENT \x00"} {
			p.say(forged + "\r\n")
			p.want("550 5.7.0")
		}
		p.say("XFORWARD ADDR=203.0.113.9\r\n")
		p.want("500 5.5.1")
		p.say("MAIL FROM:<a@b>\r\nXCLIENT ADDR=203.0.113.9\r\nRSET\r\n")
		p.want("250 ", "550 5.7.0", "250 ")
		p.send("x\r\n", "ann")
		if list := h.mail("ann"); len(list) != 1 || strings.Contains(list[0], "203.0.113.9") || strings.Contains(list[0], "forged") {
			t.Errorf("%q", list)
		}
		h.empty("ann")
	}
}

// A proxy that is known says whose messages they are; nobody else does.
func TestXCLIENT(t *testing.T) {
	h := newHouse(t, "ann")
	_, connect := h.serve(func(o *Options) { o.XClient = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	p := connect()
	p.want("220 ")
	p.say("LHLO proxy.example.net\r\n")
	if got := p.hear(); !strings.HasSuffix(got, "|250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN") {
		t.Error(got)
	}
	p.say("XCLIENT ADDR=nonsense\r\n")
	p.want("501 5.5.4")
	p.say("MAIL FROM:<a@b>\r\nXCLIENT ADDR=192.0.2.7\r\n")
	p.want("250 ", "503 5.5.1")
	p.say("RSET\r\nXCLIENT NAME=far.example ADDR=IPV6:2001:db8::7 PROTO=ESMTP HELO=far.example\r\n")
	p.want("250 ", "220 mx.example.net")
	p.say("MAIL FROM:<a@b>\r\n")
	p.want("503 5.5.1") // the conversation begins again
	p.say("LHLO proxy.example.net\r\n")
	p.want("250-")
	p.send("x\r\n", "ann")
	if list := h.mail("ann"); len(list) != 1 || !strings.Contains(list[0], "Received: from far.example (far.example [IPv6:2001:db8::7])\n") {
		t.Errorf("%q", list)
	}
	// Commands behind it might be of another client.
	p.say("XCLIENT ADDR=192.0.2.7\r\nMAIL FROM:<evil@b>\r\n")
	p.want("421 4.5.0")
	p.gone()
	if log := h.log.String(); !strings.Contains(log, "remote=2001:db8::7") {
		t.Error(log)
	}
}

// A server that stops takes leave of clients that wait, and lets a message end.
func TestShutdown(t *testing.T) {
	h := newHouse(t, "ann")
	s, connect := h.serve(nil)
	waiting, sending := connect().greet(), connect().greet()
	sending.say("MAIL FROM:<a@b>\r\nRCPT TO:<ann>\r\nDATA\r\n")
	sending.want("250 ", "250 ", "354 ")
	stopped := make(chan struct{})
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		s.Shutdown(ctx)
		close(stopped)
	}()
	waiting.want("421 4.3.2")
	waiting.gone()
	sending.say("x\r\n.\r\n")
	sending.want("250 2.1.5", "421 4.3.2")
	sending.gone()
	<-stopped
	if len(h.mail("ann")) != 1 {
		t.Error("not delivered")
	}
}

// One client too many is told so.
func TestCrowded(t *testing.T) {
	h := newHouse(t)
	_, connect := h.serve(func(o *Options) { o.Connections = 1 })
	connect().greet()
	p := connect()
	p.want("421 4.3.2")
	p.gone()
}

// A directory that cannot take a large message is no reason to lose it.
func TestNoSpool(t *testing.T) {
	h := newHouse(t, "ann")
	_, connect := h.serve(func(o *Options) { o.Spool = filepath.Join(h.dir, "none") })
	p := connect().greet()
	if r := p.send(strings.Repeat("x", 200_000)+"\r\n", "ann"); !strings.HasPrefix(r[0], "451 4.3.0") {
		t.Error(r)
	}
	if err := os.Mkdir(filepath.Join(h.dir, "none"), 0o700); err != nil {
		t.Fatal(err)
	}
	if r := p.send(strings.Repeat("x", 200_000)+"\r\n", "ann"); !strings.HasPrefix(r[0], "250 ") {
		t.Error(r)
	}
}

// A client that is silent, or says no lines, is left.
func TestImpatient(t *testing.T) {
	h := newHouse(t)
	_, connect := h.serve(nil, func(s *Server) { s.limit.idle = 100 * time.Millisecond })
	p := connect()
	p.want("220 ", "421 4.4.2")
	p.gone()
	_, connect = h.serve(nil)
	p = connect().greet()
	go p.conn.Write(make([]byte, 2<<20))
	p.want("421 4.5.2")
	p.gone()
}
