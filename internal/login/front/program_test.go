package front

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/broker"
	"fantail/internal/login/handover"
	"fantail/internal/login/session/sessiontest"
	"fantail/internal/login/userdb"
)

// TestMain lets the test binary be the session program.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "imap-session" {
		os.Exit(sessionProgram())
	}
	os.Exit(m.Run())
}

// sessionProgram answers each login, sends back what it gets, and says what it
// did. When it is told to stop it takes leave.
func sessionProgram() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err := handover.Receive(ctx, os.Stdin, func(channel *net.UnixConn) {
		h, conn, err := handover.Accept(channel)
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

// oneAccount is a password source.
type oneAccount struct{}

func (oneAccount) Verify(_ context.Context, name string, password userdb.Secret) (userdb.User, error) {
	if name != "alice" || password != "right" {
		return userdb.User{}, userdb.ErrWrong
	}
	return userdb.User{Name: name, UID: -1, GID: -1, Home: "/home/alice"}, nil
}

func (oneAccount) Check() error { return nil }

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
	if err := os.Symlink(self, filepath.Join(r.dir, "imap-session")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(r.dir, "f.toml")
	text := "tls = { certificate = \"c.pem\", key = \"k.pem\" }\nprograms.directory = \".\"\n" + settings
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := Program{
		Name: "imapd", Protocol: "imap", Version: "test",
		Listen: func(cfg *conf.Config) conf.ListenSettings { return cfg.IMAP.ListenSettings },
		Broker: func(cfg *conf.Config, programs string, log *slog.Logger) Broker {
			return broker.NewLocal(broker.LocalOptions{
				Verifier: oneAccount{}, MailPath: cfg.MailPath, Programs: programs, ConfigFile: cfg.File,
				ConfigStamp: func() string { return conf.Stamp(cfg.File) }, Log: log,
			})
		},
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
	r.ended(ExitOK)
	if want := fmt.Sprintf(`text="served %d octets, <nil>"`, len("c SELECT INBOX\r\nd still here\r\ne and here\r\n")); !strings.Contains(r.log.String(), want) {
		t.Errorf("want %s in the log: %s", want, r.log)
	}
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
	r.ended(ExitOK)
	p.end()
}

func TestProgramDrains(t *testing.T) {
	r := runProgram(t, "login.drain = \"200ms\"\n"+listenTwice)
	p := r.dial("imap")
	p.want("* OK")
	p.say("b LOGIN alice right", "b OK")
	r.signals <- syscall.SIGTERM
	p.want("* BYE from the session")
	r.ended(ExitOK)
	p.end()
}

func TestProgramCommandLine(t *testing.T) {
	var out, stderr bytes.Buffer
	p := Program{Name: "imapd", Version: "1.2"}
	if status := p.Main([]string{"-v"}, nil, &out, &stderr); status != ExitOK || out.String() != "imapd 1.2\n" {
		t.Errorf("%d, %q", status, &out)
	}
	if status := p.Main([]string{"-z"}, nil, &out, &stderr); status != ExitUsage {
		t.Errorf("%d", status)
	}
}
