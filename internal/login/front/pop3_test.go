package front

import (
	"strings"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/handover"
)

func (p *peer) list() []string {
	p.Helper()
	p.want("+OK")
	var lines []string
	for {
		line := p.line()
		if line == "." {
			return lines
		}
		lines = append(lines, line)
	}
}

func TestPOP3Login(t *testing.T) {
	b := start(t, nil)
	p := b.dial("pop3")
	p.want("+OK Fantail ready.")
	p.send("USER Alice\r\nPASS right\r\nSTAT\r\nLI")
	p.want("+OK Send PASS.")
	p.want("+OK alice in by pop3, tls false")
	p.want("STAT")
	p.say("ST", "LIST")
}

func TestPOP3Commands(t *testing.T) {
	b := start(t, nil)
	for _, tc := range []struct{ send, want string }{
		{"USER alice\r\nPASS right", "+OK|+OK alice in by pop3, tls true"},
		{"user alice\r\npass right", "+OK|+OK alice"},
		{"AUTH PLAIN " + plain("", "alice", "right"), "+OK alice"},
		{"AUTH plain\r\n" + plain("alice", "alice", "right"), "+ |+OK alice"},
		{"AUTH PLAIN\r\n*", "+ |-ERR"},
		{"AUTH PLAIN =", "-ERR That is not how the mechanism goes."},
		{"AUTH PLAIN " + plain("bob", "alice", "right"), "-ERR [AUTH] That account"},
		{"AUTH CRAM-MD5", "-ERR That mechanism"},
		{"AUTH", "-ERR Syntax"},
		{"AUTH PLAIN\r\n" + strings.Repeat("A", 2000), "+ |-ERR"},
		{"PASS right", "-ERR Send USER first."},
		{"USER alice\r\nPASS wrong\r\nPASS right", "+OK|-ERR [AUTH]|-ERR Send USER"},
		{"USER alice\r\nPASS later", "+OK|-ERR [SYS/TEMP]"},
		{"USER nostart\r\nPASS right", "+OK|-ERR [SYS/TEMP]"},
		{"AUTH LOGIN\r\nYWxpY2U=\r\ncmlnaHQ=", "+ VXNlcm5hbWU6|+ UGFzc3dvcmQ6|+OK alice in"},
		{"AUTH LOGIN YWxpY2U=\r\n*", "+ UGFzc3dvcmQ6|-ERR"},
		{"AUTH LOGIN YWxpY2U=\r\nx", "+ UGFzc3dvcmQ6|-ERR"},
		{"AUTH PLAIN\r\n" + strings.Repeat("A", 8000) + "\r\nNOOP", "+|-ERR That is not how|-ERR"},
		{"USER alice\r\nPASS expired", "+OK|-ERR [AUTH] The password has expired."},
		{"USER alice\r\nPASS busy", "+OK|-ERR [SYS/TEMP]"},
		{"USER", "-ERR Syntax"},
		{"STAT", "-ERR Log in first."},
		{"FROB", "-ERR Unknown command."},
		{"", "-ERR"},
		{strings.Repeat("x", 3000), "-ERR The line is too long."},
		{"STLS", "-ERR TLS is on already."},
		{"QUIT now", "-ERR Syntax"},
	} {
		p := b.dial("pop3s")
		p.want("+OK")
		p.send(tc.send + "\r\n")
		last := ""
		for _, last = range strings.Split(tc.want, "|") {
			p.want(last)
		}
		if strings.HasPrefix(last, "-ERR") {
			p.say("QUIT", "+OK")
			p.end()
		}
		p.conn.Close()
	}
}

func TestPOP3StartTLS(t *testing.T) {
	b := start(t, func(o *Options) { o.Plaintext = conf.PlaintextNever })
	p := b.dial("pop3")
	p.want("+OK")
	p.send("CAPA\r\n")
	if caps := "|" + strings.Join(p.list(), "|") + "|"; strings.Contains(caps, "|USER|") || strings.Contains(caps, "SASL") || !strings.Contains(caps, "|STLS|") {
		t.Errorf("before TLS: %s", caps)
	}
	p.say("USER alice", "-ERR Passwords are accepted under TLS only")
	p.say("AUTH PLAIN "+plain("", "alice", "right"), "-ERR Passwords")
	p.say("PASS right", "-ERR Send USER first.")
	p.say("STLS", "+OK")
	p.startTLS()
	p.send("CAPA\r\n")
	if caps := "|" + strings.Join(p.list(), "|") + "|"; !strings.Contains(caps, "|USER|") || !strings.Contains(caps, "|SASL PLAIN LOGIN|") || strings.Contains(caps, "STLS") {
		t.Errorf("under TLS: %s", caps)
	}
	p.say("USER alice", "+OK")
	p.say("PASS right", "+OK alice in by pop3, tls true")
	if n := b.fake.checks(); n != 1 {
		t.Errorf("%d checks", n)
	}
}

// RFC 2595 section 4: knowledge from before the handshake is discarded, and
// what was sent before it is not a command after it.
func TestPOP3StartTLSForgets(t *testing.T) {
	b := start(t, nil)
	p := b.dial("pop3")
	p.want("+OK")
	p.say("USER mallory", "+OK")
	p.say("STLS", "+OK")
	p.startTLS()
	p.say("PASS right", "-ERR Send USER first.")
	p = b.dial("pop3")
	p.want("+OK")
	p.say("STLS\r\nUSER mallory", "-ERR Commands behind")
	p.end()
	if n := b.fake.checks(); n != 0 {
		t.Errorf("%d checks", n)
	}
}

// TestPOP3Policies: before login the least that any account may have is announced, and
// that it may differ (RFC 2449 section 6.5 and 6.7).
func TestPOP3Policies(t *testing.T) {
	for _, c := range []struct {
		set  conf.POP3Settings
		want string
	}{
		{conf.POP3Settings{}, "EXPIRE NEVER"},
		{conf.POP3Settings{Expire: 30}, "EXPIRE 30"},
		{conf.POP3Settings{Expire: 30, ExpireLeast: 7}, "EXPIRE 7 USER"},
		{conf.POP3Settings{ExpireLeast: 7}, "EXPIRE 7 USER"},
		{conf.POP3Settings{LoginDelay: 90 * time.Second}, "EXPIRE NEVER|LOGIN-DELAY 90"},
		{conf.POP3Settings{LoginDelay: time.Millisecond}, "EXPIRE NEVER|LOGIN-DELAY 1"},
	} {
		b := start(t, func(o *Options) { o.POP3 = c.set })
		p := b.dial("pop3s")
		p.want("+OK")
		p.send("CAPA\r\n")
		if got := strings.Join(p.list(), "|"); !strings.Contains(got, "|LANG|"+c.want+"|USER|SASL PLAIN LOGIN|UTF8 USER|") {
			t.Errorf("%+v: %s", c.set, got)
		}
		p.conn.Close()
	}
}

// TestPOP3Introduced: the session knows what the client was offered, and what the account
// says.
func TestPOP3Introduced(t *testing.T) {
	b := start(t, nil)
	got := make(chan handover.Hello, 1)
	b.fake.session = func(conn *handover.Client, h handover.Hello) {
		got <- h
		conn.Close()
	}
	p := b.dial("pop3s")
	p.want("+OK")
	p.send("USER without\r\nPASS right\r\n")
	if h := <-got; h.Expire != "14" || h.Mechanisms != "PLAIN,LOGIN" || h.Without != "" {
		t.Errorf("%+v", h)
	}
}

// TestPOP3UTF8: it is said before login, and what was said before TLS is forgotten (RFC
// 6856 section 2, RFC 2595 section 4).
func TestPOP3UTF8(t *testing.T) {
	for _, c := range []struct {
		service, say string
		want         bool
	}{
		{"pop3s", "UTF8|LANG en|USER j\u00fcrgen|PASS right", true},
		{"pop3s", "USER ann|UTF8|PASS right", true},
		{"pop3s", "USER ann|PASS right", false},
		{"pop3", "UTF8|STLS|USER ann|PASS right", false},
		{"pop3", "STLS|UTF8|USER ann|PASS right", true},
	} {
		b := start(t, nil)
		got := make(chan handover.Hello, 1)
		b.fake.session = func(conn *handover.Client, h handover.Hello) {
			got <- h
			conn.Close()
		}
		p := b.dial(c.service)
		p.want("+OK")
		lines := strings.Split(c.say, "|")
		for i, line := range lines {
			if i == len(lines)-1 {
				p.send(line + "\r\n")
				break
			}
			p.say(line, "+OK")
			if line == "STLS" {
				p.startTLS()
			}
		}
		if h := <-got; h.UTF8 != c.want {
			t.Errorf("%s: %+v", c.say, h)
		}
	}
	b := start(t, nil)
	p := b.dial("pop3s")
	p.want("+OK")
	p.say("UTF8 on", "-ERR Syntax")
	p.say("LANG tlh", "-ERR")
	p.say("USER \xff", "-ERR Syntax")
	p.say("USER ann", "+OK")
	p.say("PASS r\xff", "-ERR [AUTH]")
	p.say("PASS right", "-ERR Send USER")
}
