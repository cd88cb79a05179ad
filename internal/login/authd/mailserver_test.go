package authd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker"
	"fantail/internal/login/dovecotauth"
	"fantail/internal/login/passdb"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
)

// lines collects a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// mailEngine is an engine for mail servers.
func mailEngine(t *testing.T, a Accounts, log io.Writer) *Engine {
	t.Helper()
	e, err := New(Options{Log: slog.New(slog.NewTextHandler(log, nil))}, Setup{
		Accounts: a, SASL: sasl.Config{Enabled: mechanisms}, Plaintext: conf.PlaintextLoopback,
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// mta is a mail server.
type mta struct {
	t    *testing.T
	c    *net.UnixConn
	in   *bufio.Reader
	done chan error // what ServeMailServer returned
}

// ask connects a mail server to an engine.
func ask(t *testing.T, e *Engine) *mta {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "socket"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.DialUnix("unix", nil, l.Addr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	m := &mta{t, c, bufio.NewReader(c), make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { m.done <- e.ServeMailServer(ctx, s) }()
	t.Cleanup(func() {
		cancel()
		c.Close()
	})
	return m
}

// greeting is what authd says first.
var greeting = regexp.MustCompile(`^VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nMECH\tXOAUTH2\tplaintext\nSPID\t[0-9]+\nCUID\t[0-9]+\nCOOKIE\t[0-9a-f]{32}\nDONE\n$`)

// greet reads what authd says first, and answers.
func (m *mta) greet() *mta {
	m.t.Helper()
	var said strings.Builder
	for range 8 {
		said.WriteString(m.hear() + "\n")
	}
	if !greeting.MatchString(said.String()) {
		m.t.Errorf("authd says %q first", said.String())
	}
	m.say("VERSION\t1\t0", "CPID\t482")
	return m
}

func (m *mta) say(text ...string) {
	m.t.Helper()
	if _, err := io.WriteString(m.c, strings.Join(text, "\n")+"\n"); err != nil {
		m.t.Fatal(err)
	}
}

// hear returns the next line; "" at the end.
func (m *mta) hear() string {
	m.t.Helper()
	line, err := m.in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && line == "" {
		m.t.Logf("read: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

func (m *mta) want(lines ...string) {
	m.t.Helper()
	for _, want := range lines {
		if got := m.hear(); got != want {
			m.t.Errorf("heard %q, want %q", got, want)
		}
	}
}

func b64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// TestMailServer has the conversation of a mail server.
func TestMailServer(t *testing.T) {
	var log lines
	m := ask(t, mailEngine(t, &accounts{}, &log)).greet()
	longest := "AUTH\t11\tPLAIN\tservice=smtp\tsecured\tresp="
	longest += strings.Repeat("A", (dovecotauth.MaxLine-1-len(longest))/4*4)
	const from = "service=smtp\tnologin\tlip=192.0.2.9\trip=192.0.2.1"
	for _, c := range []struct{ name, say, want string }{
		{"right", "AUTH\t1\tPLAIN\t" + from + "\tsecured\tresp=" + b64("\x00Ann\x00secret"), "OK\t1\tuser=ann"},
		{"the number is free again", "AUTH\t1\tplain\t" + from + "\tsecured\tresp=" + b64("\x00ann\x00wrong"), "FAIL\t1\tuser=ann"},
		{"nobody", "AUTH\t2\tPLAIN\t" + from + "\tsecured\tresp=" + b64("\x00b\xc3\xb6b\x00secret"), "FAIL\t2\tuser=b\xc3\xb6b"},
		{"in steps", "AUTH\t3\tPLAIN\t" + from + "\tsecured", "CONT\t3\t"},
		{"in steps", "CONT\t3\t" + b64("\x00ann\x00secret"), "OK\t3\tuser=ann"},
		{"name and password", "AUTH\t4294967295\tLOGIN\tservice=submission\tsecured", "CONT\t4294967295\tVXNlcm5hbWU6"},
		{"name and password", "CONT\t4294967295\t" + b64("ann"), "CONT\t4294967295\tUGFzc3dvcmQ6"},
		{"name and password", "CONT\t4294967295\t" + b64("secret"), "OK\t4294967295\tuser=ann"},
		{"the name first", "AUTH\t5\tLOGIN\tservice=smtp\tsecured\tresp=" + b64("ann"), "CONT\t5\tUGFzc3dvcmQ6"},
		{"the name first", "CONT\t5\t" + b64("wrong"), "FAIL\t5\tuser=ann"},
		{"a token", "AUTH\t6\tXOAUTH2\tservice=smtp\tsecured\tresp=" + b64("user=ann\x01auth=Bearer good\x01\x01"), "OK\t6\tuser=ann"},
		{"a token without TLS", "AUTH\t6\tXOAUTH2\tservice=smtp\trip=127.0.0.1\tresp=" + b64("user=ann\x01auth=Bearer good\x01\x01"), "FAIL\t6\treason=not on this connection"},
		{"a password without TLS", "AUTH\t7\tPLAIN\t" + from + "\tresp=" + b64("\x00ann\x00secret"), "FAIL\t7\treason=not on this connection"},
		{"within the machine", "AUTH\t7\tPLAIN\tservice=smtp\trip=::ffff:127.0.0.1\tresp=" + b64("\x00ann\x00secret"), "OK\t7\tuser=ann"},
		{"perhaps within the machine", "AUTH\t7\tPLAIN\tservice=smtp\tresp=" + b64("\x00ann\x00secret"), "FAIL\t7\treason=not on this connection"},
		{"no such mechanism", "AUTH\t8\tCRAM-MD5\t" + from + "\tsecured", "FAIL\t8\treason=not on this connection"},
		{"no certificate is passed on", "AUTH\t8\tEXTERNAL\t" + from + "\tsecured\tvalid-client-cert\tcert_username=ann\tresp==", "FAIL\t8\treason=not on this connection"},
		{"no base64", "AUTH\t9\tPLAIN\t" + from + "\tsecured\tresp=!", "FAIL\t9\tcode=invalid_base64\treason=malformed response"},
		{"no base64, later", "AUTH\t9\tLOGIN\t" + from + "\tsecured", "CONT\t9\tVXNlcm5hbWU6"},
		{"no base64, later", "CONT\t9\t*", "FAIL\t9\tcode=invalid_base64\treason=malformed response"},
		{"over", "CONT\t9\t" + b64("ann"), "FAIL\t9\ttemp\tcode=temp_fail\treason=it took too long"},
		{"never begun", "CONT\t10\t" + b64("ann"), "FAIL\t10\ttemp\tcode=temp_fail\treason=it took too long"},
		{"another identity", "AUTH\t11\tPLAIN\t" + from + "\tsecured\tresp=" + b64("bob\x00ann\x00secret"), "FAIL\t11\tuser=ann\tcode=user_disabled\treason=the account may not send mail"},
		{"not PLAIN", "AUTH\t11\tPLAIN\t" + from + "\tsecured\tresp=" + b64("ann"), "FAIL\t11\treason=malformed response"},
		{"the longest response", longest, "FAIL\t11\treason=malformed response"},
		{"another service", "AUTH\t12\tPLAIN\tservice=xmpp\tsecured\tresp=" + b64("\x00ann\x00secret"), "FAIL\t12\treason=only SMTP is served here"},
	} {
		m.say(c.say)
		if got := m.hear(); got != c.want {
			t.Errorf("%s: heard %q, want %q", c.name, got, c.want)
		}
	}
	for _, want := range []string{
		`msg=login sid="" proto=smtp remote=192.0.2.1 user=ann mech=PLAIN tls=true`,
		`msg="login failed" sid="" proto=smtp remote=192.0.2.1 user=ann mech=PLAIN tls=true err="wrong name or password"`,
		`msg="login impossible" sid="" proto=smtp remote=192.0.2.1 user="" mech=CRAM-MD5 tls=true err="no such mechanism on this connection"`,
		`msg=login sid="" proto=smtp remote=local user=ann mech=LOGIN tls=true`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no line %s:\n%s", want, log.String())
		}
	}
}

// TestMailServerAtOnce wants requests to be answered as they are ready, and given up when
// they are cancelled.
func TestMailServerAtOnce(t *testing.T) {
	stuck := make(chan struct{})
	a := &accounts{stuck: stuck}
	m := ask(t, mailEngine(t, a, io.Discard)).greet()
	const token = "\tXOAUTH2\tservice=smtp\tsecured\tresp="
	const plain = "\tPLAIN\tservice=smtp\tsecured\tresp="
	m.say("AUTH\t1"+plain+b64("\x00ann\x00secret"), "AUTH\t2"+token+b64("user=ann\x01auth=Bearer good\x01\x01"))
	m.want("OK\t2\tuser=ann")
	m.say("CANCEL\t1", "CANCEL\t7", "AUTH\t1"+token+b64("user=ann\x01auth=Bearer good\x01\x01"))
	m.want("OK\t1\tuser=ann")
	m.say("AUTH\t3" + plain + b64("\x00ann\x00secret"))
	for a.asked.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	close(stuck)
	m.want("OK\t3\tuser=ann")
}

// TestMailServerUnavailable wants what is broken to be no wrong password.
func TestMailServerUnavailable(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{userdb.ErrUnavailable, "FAIL\t1\tuser=ann\ttemp\tcode=temp_fail"},
		{errBusy, "FAIL\t1\tuser=ann\ttemp\tcode=temp_fail"},
		{passdb.ErrExpired, "FAIL\t1\tuser=ann\tcode=pass_expired\treason=the password has expired"},
		{passdb.ErrDisabled, "FAIL\t1\tuser=ann\tcode=user_disabled\treason=the account may not send mail"},
	} {
		m := ask(t, mailEngine(t, &accounts{broken: c.err}, io.Discard)).greet()
		m.say("AUTH\t1\tPLAIN\tservice=smtp\tsecured\tresp=" + b64("\x00ann\x00secret"))
		m.want(c.want)
	}
}

// TestMailServerLiars wants one that breaks the rules to be sent away, and no other.
func TestMailServerLiars(t *testing.T) {
	stuck := make(chan struct{})
	e := mailEngine(t, &accounts{stuck: stuck}, io.Discard)
	honest := ask(t, e).greet()
	honest.say("AUTH\t1\tPLAIN\tservice=smtp\tsecured\tresp=" + b64("\x00ann\x00secret"))
	const auth = "AUTH\t1\tPLAIN\tservice=smtp\tsecured\tresp="
	for _, c := range []struct {
		name, say string
		err       error
	}{
		{"it asks who there is", "USER\t1\tann\tservice=smtp", dovecotauth.ErrLine},
		{"a master's question", "REQUEST\t1\t2\t3\tabc", dovecotauth.ErrLine},
		{"a second handshake", "VERSION\t1\t0", dovecotauth.ErrLine},
		{"a number twice", auth + b64("\x00ann\x00secret") + "\n" + auth + b64("\x00ann\x00secret"), errNumber},
		{"a response too many", auth + b64("\x00ann\x00secret") + "\nCONT\t1\tAAAA", errTurn},
		{"too long", strings.Repeat("x", dovecotauth.MaxLine), dovecotauth.ErrLine},
		{"nothing", "", dovecotauth.ErrLine},
	} {
		m := ask(t, e).greet()
		m.say(c.say)
		if got := m.hear(); got != "" {
			t.Errorf("%s: answered with %q", c.name, got)
		}
		if err := <-m.done; !errors.Is(err, c.err) {
			t.Errorf("%s: the connection ended with %v, want %v", c.name, err, c.err)
		}
	}
	close(stuck)
	honest.want("OK\t1\tuser=ann")
	honest.c.Close()
	if err := <-honest.done; err != nil {
		t.Error(err)
	}
}

// TestMailServerGone wants what a mail server that is gone had asked for to be given up.
func TestMailServerGone(t *testing.T) {
	a := &accounts{stuck: make(chan struct{})}
	m := ask(t, mailEngine(t, a, io.Discard)).greet()
	m.say("AUTH\t1\tPLAIN\tservice=smtp\tsecured\tresp="+b64("\x00ann\x00secret"), "AUTH\t2\tLOGIN\tservice=smtp\tsecured")
	m.want("CONT\t2\tVXNlcm5hbWU6")
	for a.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	m.c.Close()
	if err := <-m.done; err != nil {
		t.Error(err)
	}
}

// TestMailServerPatience wants an exchange whose client has gone to sleep to end, and what
// comes later to be told so.
func TestMailServerPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := mailEngine(t, &accounts{}, io.Discard)
		ours, theirs := net.Pipe()
		s := &mailServer{engine: e, in: dovecotauth.NewReader(theirs), c: theirs, attempts: make(map[uint32]attempt)}
		done := make(chan error, 1)
		go func() { done <- e.serve(broker.Carry(t.Context(), s, fdpass.Peer{}), MailServer) }()
		m := &mta{t: t, in: bufio.NewReader(ours)}
		var said strings.Builder
		for range 8 {
			said.WriteString(m.hear() + "\n")
		}
		if !greeting.MatchString(said.String()) {
			t.Errorf("authd says %q first", said.String())
		}
		write := func(text string) {
			if _, err := io.WriteString(ours, text); err != nil {
				t.Fatal(err)
			}
		}
		write("VERSION\t1\t0\nCPID\t1\nAUTH\t1\tLOGIN\tservice=smtp\tsecured\n")
		m.want("CONT\t1\tVXNlcm5hbWU6")
		began := time.Now()
		m.want("FAIL\t1\ttemp\tcode=temp_fail")
		if took := time.Since(began); took != exchangeLife {
			t.Errorf("it was given up after %v", took)
		}
		write("CONT\t1\t" + b64("ann") + "\n")
		m.want("FAIL\t1\ttemp\tcode=temp_fail\treason=it took too long")
		ours.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestMailServerReload wants a reload to change what is accepted, and to be told to those
// who come later.
func TestMailServerReload(t *testing.T) {
	e := mailEngine(t, &accounts{}, io.Discard)
	m := ask(t, e).greet()
	setup := *e.setup.Load()
	setup.SASL.Enabled = []string{"LOGIN"}
	if err := e.Configure(setup); err != nil {
		t.Fatal(err)
	}
	m.say("AUTH\t1\tPLAIN\tservice=smtp\tsecured\tresp=" + b64("\x00ann\x00secret"))
	m.want("FAIL\t1\treason=not on this connection")
	later := ask(t, e)
	later.want("VERSION\t1\t2", "MECH\tLOGIN\tplaintext")
}
