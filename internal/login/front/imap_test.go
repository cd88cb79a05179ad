package front

import (
	"encoding/base64"
	"io"
	"regexp"
	"strings"
	"testing"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/handover"
)

func plain(parts ...string) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Join(parts, "\x00")))
}

const (
	capsPlain    = "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID STARTTLS AUTH=PLAIN AUTH=LOGIN"
	capsDisabled = "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID STARTTLS LOGINDISABLED"
	capsTLS      = "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID AUTH=PLAIN AUTH=LOGIN"
)

func TestIMAPLogin(t *testing.T) {
	b := start(t, nil)
	p := b.dial("imap")
	p.want("* OK [CAPABILITY " + capsPlain + "] Fantail")
	p.say("a CAPABILITY", "* CAPABILITY "+capsPlain, "a OK")
	p.say("b LOGIN Alice right", "b OK alice in by imap, tls false")
	p.say("c hello", "c hello") // the session sends back
	line := regexp.MustCompile(`level=INFO msg=login sid=[0-9a-f]{16} proto=imap remote=127\.0\.0\.1 user=alice mech=LOGIN tls=false`)
	waitFor(t, func() bool { return line.MatchString(b.log.String()) }) // the session answers by itself
}

func TestIMAPLoginPipelined(t *testing.T) {
	b := start(t, nil)
	p := b.dial("imaps")
	p.want("* OK [CAPABILITY " + capsTLS + "]")
	p.send("a NOOP\r\nb LOGIN \"alice\" {5+}\r\nright\r\nc SELECT INBOX\r\nd NOO")
	p.want("a OK")
	p.want("b OK alice in by imap, tls true")
	p.want("c SELECT INBOX")
	p.say("P", "d NOOP")
}

func TestIMAPLoginForms(t *testing.T) {
	b := start(t, nil)
	for _, tc := range []struct{ send, want string }{
		{"a LOGIN alice right\r\n", "a OK alice"},
		{"a login \"Al\\\"ice\" \"right\"\r\n", "a OK al\"ice"},
		{"a LOGIN {5}\r\n", "+ "},
		{"a LOGIN {5+}\r\nalice {5+}\r\nright\r\n", "a OK alice"},
		{"a AUTHENTICATE PLAIN " + plain("", "alice", "right") + "\r\n", "a OK alice"},
		{"a authenticate plain " + plain("alice", "alice", "right") + "\r\n", "a OK alice"},
		{"a AUTHENTICATE PLAIN\r\n" + plain("", "alice", "right") + "\r\n", "+ |a OK alice"},
		{"a AUTHENTICATE PLAIN\r\n*\r\n", "+ |a BAD AUTHENTICATE was cancelled"},
		{"a AUTHENTICATE PLAIN\r\n\r\n", "+ |a BAD That is not how the mechanism goes."},
		{"a AUTHENTICATE PLAIN =\r\n", "a BAD That is not how the mechanism goes."},
		{"a AUTHENTICATE PLAIN ====\r\n", "a BAD The response is not base64"},
		{"a AUTHENTICATE PLAIN\r\n" + strings.Repeat("A", 20000) + "\r\n", "+ |a BAD [LIMIT]"},
		{"a AUTHENTICATE PLAIN " + plain("bob", "alice", "right") + "\r\n", "a NO [AUTHORIZATIONFAILED]"},
		{"a AUTHENTICATE PLAIN " + plain("", "", "right") + "\r\n", "a BAD"},
		{"a AUTHENTICATE PLAIN " + plain("", "alice", "") + "\r\n", "a BAD"},
		{"a AUTHENTICATE PLAIN " + plain("", "alice", "right", "") + "\r\n", "a BAD"},
		{"a AUTHENTICATE CRAM-MD5\r\n", "a NO That mechanism"},
		{"a AUTHENTICATE LOGIN\r\nYWxpY2U=\r\ncmlnaHQ=\r\n", "+ VXNlcm5hbWU6|+ UGFzc3dvcmQ6|a OK alice in"},
		{"a authenticate login YWxpY2U=\r\ncmlnaHQ=\r\n", "+ UGFzc3dvcmQ6|a OK alice in"},
		{"a AUTHENTICATE LOGIN\r\nYWxpY2U=\r\n*\r\n", "+ VXNlcm5hbWU6|+ UGFzc3dvcmQ6|a BAD AUTHENTICATE was cancelled."},
		{"a AUTHENTICATE LOGIN\r\nYWxpY2U\r\n", "+ VXNlcm5hbWU6|a BAD The response is not base64."},
		{"a AUTHENTICATE LOGIN\r\nYWxpY2U=\r\nd3Jvbmc=\r\n", "+ VXNlcm5hbWU6|+ UGFzc3dvcmQ6|a NO [AUTHENTICATIONFAILED]"},
		{"a LOGIN alice expired\r\n", "a NO [EXPIRED]"},
		{"a LOGIN alice disabled\r\n", "a NO [AUTHORIZATIONFAILED]"},
		{"a LOGIN alice busy\r\n", "a NO [LIMIT]"},
		{"a LOGIN \"\" right\r\n", "a NO [AUTHENTICATIONFAILED]"},
		{"a LOGIN alice wrong\r\n", "a NO [AUTHENTICATIONFAILED] Wrong name or password."},
		{"a LOGIN alice later\r\n", "a NO [UNAVAILABLE]"},
		{"a LOGIN nostart right\r\n", "a NO [UNAVAILABLE]"},
		{"a LOGIN alice\r\n", "a BAD Syntax: expected a space"},
		{"a LOGIN alice right more\r\n", "a BAD Syntax"},
		{"a LOGIN {2000}\r\n", "a BAD [LIMIT] The literal"},
		{"a LOGIN {2000+}\r\n" + strings.Repeat("x", 2000) + " right\r\n", "a BAD [LIMIT] The literal"},
		{"a LOGIN \"" + strings.Repeat("x", 20000) + "\" right\r\n", "a BAD [LIMIT] The line"},
	} {
		p := b.dial("imaps")
		p.want("* OK")
		p.send(tc.send)
		for _, want := range strings.Split(tc.want, "|") {
			p.want(want)
		}
		if strings.Contains(tc.want, "a BAD") || strings.Contains(tc.want, "a NO") {
			p.say("b NOOP", "b OK") // still in step
		}
		p.conn.Close()
	}
}

func TestIMAPCommands(t *testing.T) {
	b := start(t, nil)
	for _, tc := range []struct{ send, want string }{
		{"a NOOP", "a OK"},
		{"a NOOP x", "a BAD Syntax"},
		{"\r\n\r\na NOOP", "a OK"},
		{"a ID NIL", `* ID ("name" "Fantail")|a OK`},
		{`a ID ("name" "x" "version" NIL)`, "* ID|a OK"},
		{`a ID ("name")`, "a BAD Syntax"},
		{"a ID (" + strings.Repeat(`"k" "v" `, 31) + `"k" "v")`, "a BAD Syntax"},
		{"a ID ()", "* ID|a OK"},
		{"a SELECT INBOX", "a BAD Log in first."},
		{"a uid fetch 1 flags", "a BAD Log in first."},
		{"a FROBNICATE", "a BAD Unknown command."},
		{"a", "a BAD Syntax"},
		{"* NOOP", "* BAD"},
		{"a+b NOOP", "a BAD Syntax"},
		{strings.Repeat("t", 129) + " NOOP", "* BAD [LIMIT] The tag is too long."},
		{strings.Repeat("t", 128) + " NOOP", "ttt"},
		{"a NOOP\x00", "a BAD"},
		{"GET / HTTP/1.0", "GET BAD"},
		{"a STARTTLS now", "a BAD Syntax"},
	} {
		p := b.dial("imap")
		p.want("* OK")
		p.send(tc.send + "\r\n")
		for _, want := range strings.Split(tc.want, "|") {
			if want != "" {
				p.want(want)
			}
		}
		p.say("z LOGOUT", "* BYE", "z OK")
		p.end()
	}
}

// What a client has said of itself goes to its session, and what the account is not
// offered; but not what was said before TLS.
func TestIMAPClientIsNamed(t *testing.T) {
	b := start(t, func(o *Options) { o.IMAPWithout = []string{"literal+"} })
	heard := make(chan handover.Hello, 1)
	b.fake.session = func(conn *handover.Client, h handover.Hello) {
		heard <- h
		io.WriteString(conn, h.Tag+" OK\r\n")
	}
	p := b.dial("imap")
	p.want("* OK [CAPABILITY IMAP4rev1 SASL-IR ID STARTTLS ") // and no IMAP4rev2
	p.say(`a ID ("version" "0.9" "name" "Before TLS")`, "* ID", "a OK")
	p.say("b STARTTLS", "b OK")
	p.startTLS()
	p.say("c LOGIN alice right", "c OK")
	if h := <-heard; h.Client != "" || h.Without != "" {
		t.Errorf("%+v", h)
	}
	p = b.dial("imaps")
	p.want("* OK")
	p.say(`a ID ("Version" "1.0" "os" NIL "NAME" {5+}`+"\r\n"+`a b"c)`, "* ID", "a OK")
	p.say("b LOGIN without right", "b OK")
	if h := <-heard; h.Client != `a b"c/1.0` || h.Without != "NOTIFY,IDLE" {
		t.Errorf("%+v", h)
	}
}

func TestIMAPStartTLS(t *testing.T) {
	b := start(t, func(o *Options) { o.Plaintext = conf.PlaintextNever })
	p := b.dial("imap")
	p.want("* OK [CAPABILITY " + capsDisabled + "]")
	p.say("a LOGIN alice right", "a NO [PRIVACYREQUIRED]")
	p.say("a AUTHENTICATE PLAIN", "a NO [PRIVACYREQUIRED]")
	p.say("a AUTHENTICATE PLAIN "+plain("", "alice", "right"), "a NO [PRIVACYREQUIRED]")
	if asked := b.fake.checks(); asked != 0 {
		t.Fatalf("a password was checked: %d", asked)
	}
	p.say("b STARTTLS", "b OK")
	p.startTLS()
	p.say("c CAPABILITY", "* CAPABILITY "+capsTLS, "c OK")
	p.say("d STARTTLS", "d BAD TLS is on already")
	p.say("e LOGIN alice right", "e OK alice in by imap, tls true")
	p.say("f x", "f x")
}

// RFC 9051 section 6.2.1: what was sent before the handshake is not a command
// after it.
func TestIMAPStartTLSInjection(t *testing.T) {
	b := start(t, nil)
	for _, inject := range []string{"b LOGIN mallory right\r\n", "x", "\r\n"} {
		p := b.dial("imap")
		p.want("* OK")
		p.say("a STARTTLS\r\n"+inject, "a BAD", "* BYE")
		p.end()
	}
	if asked := b.fake.checks(); asked != 0 {
		t.Errorf("the injected login was checked: %d", asked)
	}
}

func TestAttempts(t *testing.T) {
	b := start(t, nil)
	p := b.dial("imap")
	p.want("* OK")
	for range maxAttempts {
		p.say("a LOGIN alice wrong", "a NO [AUTHENTICATIONFAILED]")
	}
	p.want("* BYE Too many wrong passwords.")
	p.end()
	p = b.dial("pop3")
	p.want("+OK")
	for range maxAttempts {
		p.say("USER alice", "+OK")
		p.say("PASS wrong", "-ERR [AUTH] Wrong name or password.")
	}
	p.end()
	if n := b.fake.checks(); n != 2*maxAttempts {
		t.Errorf("%d checks", n)
	}
	if n := strings.Count(b.log.String(), `level=INFO msg="login failed"`); n != 2*maxAttempts {
		t.Errorf("%d lines in the log", n)
	}
	if !strings.Contains(b.log.String(), `proto=pop3 remote=127.0.0.1 user=alice mech=USER tls=false err="wrong name or password"`) {
		t.Errorf("log: %s", b.log)
	}
	if strings.Contains(b.log.String(), "wrong\n") || strings.Contains(b.log.String(), "=wrong") {
		t.Error("a password is in the log")
	}
}

func TestRowsCiteTheLaw(t *testing.T) {
	cite := regexp.MustCompile(`^RFC \d+ section \d+(\.\d+)*$`)
	for name, row := range imapCommands {
		if !cite.MatchString(row.rfc) || imapLater[name] {
			t.Errorf("%s: %q", name, row.rfc)
		}
	}
	for name, row := range pop3Commands {
		if !cite.MatchString(row.rfc) {
			t.Errorf("%s: %q", name, row.rfc)
		}
	}
}

func TestTagFitsIntoHello(t *testing.T) {
	b := start(t, nil)
	p := b.dial("imap")
	p.want("* OK")
	tag := "!#$&',-./:;<=>?@[]^_`|}~" + strings.Repeat("x", handover.MaxTag-24)
	p.say(tag+" LOGIN alice right", tag+" OK alice")
}
