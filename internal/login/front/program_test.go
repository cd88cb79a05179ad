package front

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fantail/internal/daemon/command"
	"fantail/internal/daemon/conf"
	"fantail/internal/login/authd"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
	"fantail/internal/login/keyd"
	"fantail/internal/login/passdb"
	"fantail/internal/login/sasl"
	"fantail/internal/login/session/sessiontest"
	"fantail/internal/login/userdb"
	"fantail/internal/login/webauthn"
)

// TestMain lets the test binary be the session program, authd and keyd.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "imap-session":
		os.Exit(sessionProgram())
	case "authd":
		os.Exit(passwordProgram())
	case "keyd":
		os.Exit(keyd.Main("test", os.Args[1:], nil, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// sessionProgram answers each login, sends back what it gets, and says what it
// did. When it is told to stop it takes leave.
func sessionProgram() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err := handover.Receive(ctx, os.Stdin, func(_ context.Context, _ handover.Account, p handover.Passage) {
		h, conn, err := handover.Accept(p)
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "%s OK %q\r\n", h.Tag, os.Args[1:])
		defer context.AfterFunc(ctx, func() {
			fmt.Fprint(conn, "* BYE from the session\r\n")
			conn.Close()
		})()
		n, err := io.Copy(conn, struct{ io.Reader }{conn})
		fmt.Fprintf(os.Stderr, "served %d octets, %v\n", n, err)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// passwordProgram is an authd in which alice is right.
func passwordProgram() int {
	p := authd.Program{Accounts: func(m authd.Means) (authd.Sources, error) {
		return oneAccount{m.Config, m.Own}, nil
	}}
	return p.Main(os.Args[1:], nil, os.Stdin, os.Stdout, os.Stderr)
}

// oneAccount is the source of alice.
type oneAccount struct {
	cfg *conf.Config
	own *authd.Owner
}

func (oneAccount) Password(_ context.Context, q passdb.Query, password userdb.Secret) (userdb.User, error) {
	if q.Name != "alice" || password != "right" {
		return userdb.User{}, userdb.ErrWrong
	}
	return userdb.User{Name: q.Name, Home: "/home/alice"}, nil
}

func (oneAccount) Needs() authd.Needs { return authd.Needs{} }

func (oneAccount) Keys(context.Context, passdb.Query, crypto.Hash) (sasl.Keys, userdb.User, error) {
	return sasl.Keys{}, userdb.User{}, userdb.ErrWrong
}

func (oneAccount) Token(context.Context, passdb.Query, userdb.Secret) (userdb.User, error) {
	return userdb.User{}, userdb.ErrWrong
}

func (oneAccount) Certificate(context.Context, passdb.Query) (userdb.User, error) {
	return userdb.User{}, userdb.ErrWrong
}

func (oneAccount) Factors(userdb.User) (passdb.Wanted, error) { return passdb.Wanted{}, nil }

func (oneAccount) Key(context.Context, userdb.User, webauthn.Challenge, []byte) error {
	return userdb.ErrUnavailable
}

func (oneAccount) Code(context.Context, userdb.User, userdb.Secret) error {
	return userdb.ErrUnavailable
}

func (a oneAccount) Lookup(context.Context, string) (userdb.User, error) {
	return userdb.User{}, userdb.ErrUnknown
}

func (a oneAccount) Resolve(_ context.Context, u userdb.User) (wire.Account, error) {
	mail, err := a.cfg.MailPath(u.Home)
	return wire.Account{Name: u.Name, UID: a.own.UID, GID: a.own.GID, Home: u.Home, Mail: mail}, err
}

func (oneAccount) Check(context.Context) error { return nil }

func (oneAccount) Find(context.Context, string) (string, userdb.User, error) {
	return "", userdb.User{}, userdb.ErrUnknown
}

func (oneAccount) Admit(context.Context, passdb.Query) (userdb.User, error) {
	return userdb.User{}, userdb.ErrUnknown
}

// running is a program with a configuration of its own.
type running struct {
	testing.TB
	signals chan os.Signal
	status  chan int
	log     *sessiontest.Log
	dir     string
}

func runProgram(t *testing.T, settings string) *running {
	t.Helper()
	r := &running{TB: t, signals: make(chan os.Signal), status: make(chan int, 1), log: &sessiontest.Log{}, dir: t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"imap-session", "authd", "keyd"} {
		if err := os.Symlink(self, filepath.Join(r.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(r.dir, "f.toml")
	text := "tls.certificate = \"c.pem\"\ntls.key = \"k.pem\"\nprograms.directory = \".\"\n" + settings
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := Program{
		Name: "imapd", Protocol: "imap", Version: "test",
		Listen: func(cfg *conf.Config) conf.ListenSettings { return cfg.IMAP.ListenSettings },
	}
	go func() { r.status <- p.Main([]string{"-c", file}, r.signals, io.Discard, r.log) }()
	return r
}

// dial connects to the service once the program listens.
func (r *running) dial(service string) *peer {
	r.Helper()
	var m []string
	for range 500 {
		m = regexp.MustCompile(`msg=listening proto=` + service + ` address=(\S+)`).FindStringSubmatch(r.log.String())
		if m != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if m == nil {
		r.Fatalf("it does not listen: %s", r.log)
	}
	conn, err := net.Dial("tcp", m[1])
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		r.Fatal(err)
	}
	return &peer{TB: r.TB, conn: conn, r: bufio.NewReader(conn)}
}

func (r *running) ended(want int) {
	r.Helper()
	select {
	case got := <-r.status:
		if got != want {
			r.Errorf("exit status %d, want %d: %s", got, want, r.log)
		}
	case <-time.After(20 * time.Second):
		r.Fatal("it goes on")
	}
}

const listenTwice = "[imap]\nlisten = [\"127.0.0.1:0\"]\nlisten_tls = [\"127.0.0.1:0\"]\n"

// A program from its start to its end, with a session program of its own.
func TestProgram(t *testing.T) {
	r := runProgram(t, "login.plaintext = \"tls\"\n"+listenTwice)
	p := r.dial("imap")
	p.want("* OK")
	p.say("a STARTTLS", "a OK")
	p.startTLS()
	p.say("b LOGIN alice right\r\nc SELECT INBOX",
		fmt.Sprintf(`b OK ["-front" "-c" %q "-u" "alice" "-m" "/home/alice/Maildir"]`, filepath.Join(r.dir, "f.toml")),
		"c SELECT INBOX")
	tlsPeer := r.dial("imaps")
	tlsPeer.startTLS()
	tlsPeer.want("* OK")

	r.signals <- syscall.SIGHUP
	waitFor(t, func() bool { return strings.Contains(r.log.String(), "msg=reloaded") })
	if err := os.Remove(filepath.Join(r.dir, "k.pem")); err != nil {
		t.Fatal(err)
	}
	r.signals <- syscall.SIGHUP
	waitFor(t, func() bool { return strings.Contains(r.log.String(), "level=ERROR msg=reload") })
	p.say("d still here", "d still here")

	r.signals <- syscall.SIGTERM
	tlsPeer.want("* BYE The server is shutting down.")
	p.say("e and here", "e and here")
	p.conn.Close()
	r.ended(command.OK)
	if want := fmt.Sprintf(`text="served %d octets, <nil>"`, len("c SELECT INBOX\r\nd still here\r\ne and here\r\n")); !strings.Contains(r.log.String(), want) {
		t.Errorf("want %s in the log: %s", want, r.log)
	}
}

// With tls.key_process a front starts a keyd, which makes the first key, and ends with
// the front.
func TestProgramKeyProcess(t *testing.T) {
	r := runProgram(t, "tls.key_process = true\n"+listenTwice)
	p := r.dial("imaps")
	p.startTLS()
	p.want("* OK")
	p.say("b LOGIN alice right", "b OK")
	m := regexp.MustCompile(`msg="keyd says" pid=(\d+) .*self-signed certificate made`).FindStringSubmatch(r.log.String())
	if m == nil {
		t.Fatalf("no keyd has made a key: %s", r.log)
	}
	r.signals <- syscall.SIGTERM
	p.conn.Close()
	r.ended(command.OK)
	waitFor(t, func() bool {
		_, err := os.Stat("/proc/" + m[1])
		return err != nil
	})
}

func TestProgramEndsAtOnce(t *testing.T) {
	r := runProgram(t, "login.drain = \"1h\"\n"+listenTwice)
	p := r.dial("imap")
	p.want("* OK")
	p.say("b LOGIN alice right", "b OK")
	r.signals <- syscall.SIGTERM
	p.say("c still here", "c still here")
	r.signals <- syscall.SIGINT
	p.want("* BYE from the session")
	r.ended(command.OK)
	p.end()
}

func TestProgramDrains(t *testing.T) {
	r := runProgram(t, "login.drain = \"200ms\"\n"+listenTwice)
	p := r.dial("imap")
	p.want("* OK")
	p.say("b LOGIN alice right", "b OK")
	r.signals <- syscall.SIGTERM
	p.want("* BYE from the session")
	r.ended(command.OK)
	p.end()
}

// A browser that was led here finds out in the handshake.
func TestProgramALPN(t *testing.T) {
	r := runProgram(t, listenTwice)
	for _, wants := range [][]string{nil, {"imap"}, {"h2", "imap"}, {"h2", "http/1.1"}, {"pop3"}} {
		conn := tls.Client(r.dial("imaps").conn, &tls.Config{InsecureSkipVerify: true, NextProtos: wants})
		err := conn.Handshake()
		if ours := wants == nil || slices.Contains(wants, "imap"); ours != (err == nil) {
			t.Errorf("%q: %v", wants, err)
		}
		if got := conn.ConnectionState().NegotiatedProtocol; err == nil && wants != nil && got != "imap" {
			t.Errorf("%q: %q", wants, got)
		}
	}
	r.signals <- syscall.SIGTERM
	r.ended(command.OK)
}

func TestProgramCommandLine(t *testing.T) {
	var out, stderr bytes.Buffer
	p := Program{Name: "imapd", Protocol: "imap", Version: "1.2"}
	if status := p.Main([]string{"-v"}, nil, &out, &stderr); status != command.OK || out.String() != "imapd 1.2\n" {
		t.Errorf("%d, %q", status, &out)
	}
	if status := p.Main([]string{"-z"}, nil, &out, &stderr); status != command.Usage {
		t.Errorf("%d", status)
	}
}
