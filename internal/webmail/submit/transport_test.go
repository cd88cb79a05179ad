package submit

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
)

// messageFile returns a message as a transport gets it.
func messageFile(t *testing.T, text string) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "message")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

var envelope = Envelope{From: "ann@example.org", To: []string{"bob@example.org", "-c@example.org"}}

func TestSendmail(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	program := func(script string) string {
		path := filepath.Join(dir, "sendmail")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	committed := 0
	send := func(s Sendmail) error {
		return s.Send(context.Background(), envelope, messageFile(t, "Subject: x\n\n.\ntext\n"), func() error { committed++; return nil })
	}
	if err := send(Sendmail{Path: program(`printf '%s|' "$@" >` + out + `; cat >>` + out)}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if want := "-i|-f|ann@example.org|--|bob@example.org|-c@example.org|Subject: x\n\n.\ntext\n"; err != nil || string(got) != want || committed != 1 {
		t.Errorf("%q, %v, committed %d times", got, err, committed)
	}
	for script, want := range map[string]Refusal{
		"echo no such user >&2; exit 67": {false, "no such user"}, "exit 75": {true, "exit status 75"}, "printf 'a\\nb' ; exit 71": {true, "a b"},
		"exit 1": {false, "exit status 1"},
	} {
		var no *Refusal
		if err := send(Sendmail{Path: program(script)}); !errors.As(err, &no) || *no != want {
			t.Errorf("%s: %v", script, err)
		}
	}
	var no *Refusal
	if err := send(Sendmail{Path: program("kill -9 $$")}); err == nil || errors.As(err, &no) {
		t.Errorf("killed: %v", err)
	}
	if err := send(Sendmail{Path: program("exec sleep 60"), Timeout: 50 * time.Millisecond}); err == nil || errors.As(err, &no) {
		t.Errorf("for ever: %v", err)
	}
	before := committed
	if err := send(Sendmail{Path: filepath.Join(dir, "none")}); !errors.As(err, &no) || !no.Temporary || committed != before {
		t.Errorf("without a program: %v", err)
	}
	failure := errors.New("disk full")
	err = Sendmail{Path: program("touch " + out + ".not")}.Send(context.Background(), envelope, messageFile(t, ""), func() error { return failure })
	if _, stat := os.Stat(out + ".not"); !errors.Is(err, failure) || stat == nil {
		t.Errorf("it was started although that could not be noted: %v", err)
	}
}

// server is an SMTP server that answers as it is told.
type server struct {
	t       *testing.T
	l       net.Listener
	answers map[string]string // by the command's first word; DOT is the end of the data
	hello   []string          // extensions
	cert    *tls.Config
	said    []string
	message string
	done    chan struct{}
}

func serve(t *testing.T, s *server) *server {
	t.Helper()
	var err error
	if s.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.t, s.done = t, make(chan struct{})
	t.Cleanup(func() { s.l.Close(); <-s.done })
	go func() {
		defer close(s.done)
		conn, err := s.l.Accept()
		if err != nil {
			return
		}
		s.talk(conn)
	}()
	return s
}

func (s *server) talk(conn net.Conn) {
	defer func() { conn.Close() }()
	r := bufio.NewReader(conn)
	say := func(text string) { fmt.Fprintf(conn, "%s\r\n", text) }
	say("220 test")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		s.said = append(s.said, line)
		word, _, _ := strings.Cut(strings.ToUpper(line), " ")
		if answer := s.answers[word]; answer != "" {
			say(answer)
			if strings.HasPrefix(answer, "421") {
				_ = conn.(*net.TCPConn).CloseWrite() // so that it reads an end, and not a reset
				_, _ = io.Copy(io.Discard, r)
				return
			}
			continue
		}
		switch word {
		case "EHLO":
			say("250-test")
			for _, x := range s.hello {
				say("250-" + x)
			}
			say("250 HELP")
		case "STARTTLS":
			say("220 go")
			secure := tls.Server(conn, s.cert)
			conn, r = secure, bufio.NewReader(secure)
		case "DATA":
			say("354 go")
			for {
				text, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if text == ".\r\n" {
					break
				}
				s.message += text
			}
			switch answer := s.answers["DOT"]; answer {
			case "":
				say("250 ok")
			case "gone":
				return
			default:
				say(answer)
			}
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func TestSMTP(t *testing.T) {
	good := "Subject: x\n\n.dot\ntext\n"
	for name, c := range map[string]struct {
		answers   map[string]string
		hello     []string
		envelope  func(*Envelope)
		want      string // of the error
		temporary bool
		commits   int
		unknown   bool
	}{
		"good":          {commits: 1},
		"sender":        {answers: map[string]string{"MAIL": "550 5.7.1 not you"}, want: "550 5.7.1 not you"},
		"recipient":     {answers: map[string]string{"RCPT": "550 no"}, want: "bob@example.org: 550 no"},
		"later":         {answers: map[string]string{"RCPT": "451 later"}, want: "451 later", temporary: true},
		"data":          {answers: map[string]string{"DATA": "452 full"}, want: "452 full", temporary: true},
		"end":           {answers: map[string]string{"DOT": "554 spam"}, want: "554 spam", commits: 1},
		"gone":          {answers: map[string]string{"DOT": "gone"}, want: "EOF", commits: 1, unknown: true},
		"busy":          {answers: map[string]string{"EHLO": "421 busy", "HELO": "421 busy"}, want: "EOF", unknown: true},
		"no smtputf8":   {envelope: func(e *Envelope) { e.SMTPUTF8 = true }, want: "SMTPUTF8"},
		"no 8bit":       {envelope: func(e *Envelope) { e.EightBit = true }, want: "8BITMIME"},
		"dsn":           {hello: []string{"DSN"}, envelope: func(e *Envelope) { e.Notify = true }, commits: 1},
		"many answers":  {answers: map[string]string{"MAIL": "550-a\r\n550 b"}, want: "550 a b"},
		"hostile words": {answers: map[string]string{"MAIL": "550 a\x1b[2J\x00b"}, want: "550 a [2J b"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, &server{answers: c.answers, hello: c.hello})
			commits := 0
			e := envelope
			if c.envelope != nil {
				c.envelope(&e)
			}
			err := SMTP{Server: srv.l.Addr().String(), TLS: conf.SubmitPlain}.Send(context.Background(), e, messageFile(t, good), func() error { commits++; return nil })
			srv.l.Close()
			<-srv.done
			var no *Refusal
			switch {
			case commits != c.commits:
				t.Errorf("committed %d times, %v", commits, err)
			case c.want == "" && (err != nil || srv.message != "Subject: x\r\n\r\n..dot\r\ntext\r\n"):
				t.Errorf("%v, %q", err, srv.message)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v", err)
			case c.want != "" && errors.As(err, &no) == c.unknown:
				t.Errorf("%T %v", err, err)
			case no != nil && no.Temporary != c.temporary:
				t.Errorf("temporary: %v", no.Temporary)
			}
			if name == "dsn" && !slices.Contains(srv.said, "RCPT TO:<bob@example.org> NOTIFY=SUCCESS,FAILURE,DELAY") {
				t.Errorf("%q", srv.said)
			}
		})
	}
	var no *Refusal
	err := SMTP{Server: "127.0.0.1:1", TLS: conf.SubmitPlain}.Send(context.Background(), envelope, messageFile(t, good), func() error { t.Error("committed"); return nil })
	if err == nil || errors.As(err, &no) {
		t.Errorf("nobody there: %v", err)
	}
}

// TestSMTPCommit: nothing is sent whose sending could not be noted.
func TestSMTPCommit(t *testing.T) {
	srv := serve(t, &server{})
	failure := errors.New("disk full")
	err := SMTP{Server: srv.l.Addr().String(), TLS: conf.SubmitPlain}.Send(context.Background(), envelope, messageFile(t, "x: y\n\nz\n"), func() error { return failure })
	<-srv.done
	if !errors.Is(err, failure) || slices.Contains(srv.said, "QUIT") {
		t.Errorf("%v, %q", err, srv.said)
	}
}

func TestSMTPTLS(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	trust := web.Client().Transport.(*http.Transport).TLSClientConfig
	srv := serve(t, &server{hello: []string{"STARTTLS", "AUTH PLAIN"}, answers: map[string]string{"AUTH": "235 ok"}, cert: web.TLS})
	s := SMTP{Server: srv.l.Addr().String(), TLS: conf.SubmitSTARTTLS, Name: "relay", Password: "secret", Config: trust}
	commit := func() error { return nil }
	if err := s.Send(context.Background(), envelope, messageFile(t, "x: y\n\nz\n"), commit); err != nil {
		t.Fatal(err)
	}
	<-srv.done
	if i := slices.Index(srv.said, "STARTTLS"); i < 0 || !strings.HasPrefix(srv.said[i+2], "AUTH PLAIN ") {
		t.Errorf("%q", srv.said)
	}
	srv = serve(t, &server{hello: []string{"AUTH PLAIN"}})
	s.Server = srv.l.Addr().String()
	var no *Refusal
	if err := s.Send(context.Background(), envelope, messageFile(t, ""), commit); !errors.As(err, &no) || !no.Temporary {
		t.Errorf("without STARTTLS: %v", err)
	}
	srv.l.Close()
	<-srv.done
	if slices.ContainsFunc(srv.said, func(l string) bool { return strings.HasPrefix(l, "AUTH") }) {
		t.Errorf("the password was sent in clear: %q", srv.said)
	}
	srv = serve(t, &server{hello: []string{"STARTTLS"}, cert: web.TLS})
	s.Server, s.Config = srv.l.Addr().String(), nil
	if err := s.Send(context.Background(), envelope, messageFile(t, ""), commit); err == nil {
		t.Error("a certificate of nobody was believed")
	}
}

func TestCredentials(t *testing.T) {
	path := filepath.Join(t.TempDir(), "relay")
	for text, ok := range map[string]bool{"a\nb\n": true, "a\r\nb\r\n": true, "a\nb": true, "a": false, "a\nb\nc\n": false, "": false} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, p, err := ReadCredentials(path); (err == nil) != ok || ok && (n != "a" || p != "b") {
			t.Errorf("%q: %q %q %v", text, n, p, err)
		}
	}
}

// TestUnsubscribe asks a server that stands for a public one.
func TestUnsubscribe(t *testing.T) {
	var asked atomic.Int32
	status, leads := 200, ""
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "List-Unsubscribe=One-Click" || r.Method != "POST" || r.Header.Get("Cookie") != "" || r.Header.Get("User-Agent") != "" {
			t.Errorf("%s %q, %v, %v", r.Method, body, r.Header, err)
		}
		if leads != "" {
			w.Header().Set("Location", leads)
		}
		w.WriteHeader(status)
	}))
	defer web.Close()
	public := []netip.Addr{netip.MustParseAddr("93.184.216.34")}
	dialled := ""
	o := OneClick{
		Resolve: func(context.Context, string) ([]netip.Addr, error) { return public, nil },
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			dialled = address
			return (&net.Dialer{}).DialContext(ctx, network, web.Listener.Addr().String())
		},
		Client: func(tr *http.Transport) {
			tr.TLSClientConfig = web.Client().Transport.(*http.Transport).TLSClientConfig
		},
	}
	ctx := context.Background()
	if err := o.Unsubscribe(ctx, "https://example.com/u?x=1#y"); err != nil || asked.Load() != 1 || dialled != "93.184.216.34:443" {
		t.Errorf("%v, asked %d times, %s", err, asked.Load(), dialled)
	}
	for _, status = range []int{301, 302, 307, 308} {
		leads = "https://127.0.0.1/"
		before := asked.Load()
		if err := o.Unsubscribe(ctx, "https://example.com/u"); err == nil || asked.Load() != before+1 {
			t.Errorf("%d: %v, asked %d times", status, err, asked.Load()-before)
		}
	}
	status, leads = 200, ""
	before := asked.Load()
	for _, a := range []string{
		"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "198.18.0.1",
		"::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "fec0::1", "2001::1",
	} {
		public = []netip.Addr{netip.MustParseAddr("93.184.216.34"), netip.MustParseAddr(a)}
		if err := o.Unsubscribe(ctx, "https://example.com/u"); !errors.Is(err, ErrPrivate) {
			t.Errorf("%s: %v", a, err)
		}
		host := a
		if strings.Contains(a, ":") {
			host = "[" + a + "]"
		}
		if err := o.Unsubscribe(ctx, "https://"+host+"/"); !errors.Is(err, ErrPrivate) {
			t.Errorf("https://%s: %v", host, err)
		}
	}
	public = []netip.Addr{netip.MustParseAddr("93.184.216.34")}
	for _, wrong := range []string{
		"http://example.com/", "https://example.com:8443/", "https://user:pw@example.com/", "https://", "file:///etc/passwd", "gopher://x", "", "https:example.com",
		"https://example.com/" + strings.Repeat("x", maxURL), "https://example.com/\n", "ftp://example.com",
	} {
		if err := o.Unsubscribe(ctx, wrong); !errors.Is(err, ErrURL) {
			t.Errorf("%.40q: %v", wrong, err)
		}
	}
	for _, odd := range []string{"https://0x7f.1/", "https://2130706433/", "https://127.1/", "https://localhost/"} {
		// No addresses: names, which a resolver of the system may take for some.
		o := OneClick{Dial: func(context.Context, string, string) (net.Conn, error) {
			t.Errorf("%s was dialled", odd)
			return nil, io.EOF
		}}
		if err := o.Unsubscribe(ctx, odd); err == nil {
			t.Errorf("%s was asked", odd)
		}
	}
	if asked.Load() != before {
		t.Error("the server was asked")
	}
}
