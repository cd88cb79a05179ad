package own

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/authd"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
	"fantail/internal/login/sasl"
	"fantail/internal/login/session/sessiontest"
	"fantail/internal/login/sources"
	"fantail/internal/login/userdb"
)

// TestMain lets the test binary be authd, with the sources of the real one, and the
// session program.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "authd":
		p := authd.Program{Accounts: sources.New}
		os.Exit(p.Main(os.Args[1:], nil, os.Stdin, os.Stdout, os.Stderr))
	case "imap-session":
		os.Exit(session())
	}
	os.Exit(m.Run())
}

// session tells each client what the program was given, and then sends back what it
// gets.
func session() int {
	err := handover.Receive(context.Background(), os.Stdin, func(_ context.Context, _ handover.Account, p handover.Passage) {
		_, conn, err := handover.Accept(p)
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "%d %q %q\n", os.Getpid(), os.Args[1:], os.Environ())
		io.Copy(conn, struct{ io.Reader }{conn}) // until the client leaves
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// front is a front with daemons of its own.
type front struct {
	*testing.T
	*Daemons
	log sessiontest.Log
	dir string
}

func build(t *testing.T) *front {
	t.Helper()
	f := &front{T: t, dir: t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"authd", "imap-session"} {
		if err := os.Symlink(self, filepath.Join(f.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	f.write("passwd", "ann:{PLAIN}right::::/home/ann::\nmail:{PLAIN}right::::::userdb_mail=maildir:/mail/of/mail\nother:{PLAIN}right:123456:1::/home/other::\nnohome:{PLAIN}right::::::\n")
	f.write("f.toml", "auth.passwd_file = \"passwd\"\nprograms.directory = \".\"\n")
	cfg, err := conf.Load(filepath.Join(f.dir, "f.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if f.Daemons, err = New(cfg, f.log.Logger()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.shutdown)
	return f
}

func (f *front) write(name, text string) {
	f.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
}

func (f *front) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	f.Interrupt()
	if err := f.Shutdown(ctx); err != nil {
		f.Errorf("%v: %s", err, &f.log)
	}
}

func (f *front) logIn(name, password string) (*broker.Grant, error) {
	ctx, cancel := context.WithTimeout(f.Context(), 30*time.Second)
	defer cancel()
	l := broker.Login{Service: wire.IMAP, SID: "s1", Conn: sasl.Conn{TLS: true}}
	return broker.Password(ctx, f, l, name, userdb.Secret(password))
}

// logged waits until something is in the log, where authd's words come a little later.
func (f *front) logged(want string) {
	f.Helper()
	for range 500 {
		if regexp.MustCompile(want).MatchString(f.log.String()) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	f.Errorf("the log does not say %s: %s", want, &f.log)
}

// client is one that the front carries.
var client = handover.Introduction{Hello: handover.Hello{SID: "s1", Remote: "192.0.2.7", TLS: true}}

// begin begins a session and returns its process and what it was given.
func (f *front) begin(name string) (pid int, given string, conn handover.Channel) {
	f.Helper()
	g, err := f.logIn(name, "right")
	if err == nil {
		conn, err = f.Start(f.Context(), g, client)
	}
	if err == nil {
		f.Cleanup(func() { conn.Close() })
		err = conn.SetDeadline(time.Now().Add(30 * time.Second))
	}
	if err != nil {
		f.Fatalf("%s: %v: %s", name, err, &f.log)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		f.Fatal(err)
	}
	first, given, _ := strings.Cut(strings.TrimSpace(line), " ")
	pid, err = strconv.Atoi(first)
	if err != nil {
		f.Fatal(err)
	}
	return pid, given, conn
}

func TestSessions(t *testing.T) {
	t.Setenv("FANTAIL_SECRET", "of the front")
	f := build(t)
	if err := errors.Join(f.Ready(t.Context()), f.Check(wire.IMAP)); err != nil {
		t.Fatal(err)
	}
	if got := f.Offered(sasl.Conn{TLS: true}); strings.Join(got, " ") != "PLAIN LOGIN" {
		t.Errorf("offered %q", got)
	}
	first, given, _ := f.begin("ann")
	want := fmt.Sprintf(`["-front" "-c" %q "-u" "ann" "-m" "/home/ann/Maildir"] `, filepath.Join(f.dir, "f.toml"))
	if !strings.HasPrefix(given, want) || strings.Contains(given, "SECRET") || !strings.Contains(given, `"HOME=/home/ann"`) {
		t.Errorf("it was given %s\nwant %s", given, want)
	}
	second, _, _ := f.begin("ann")
	third, given, _ := f.begin("mail")
	if first != second || first == third || !strings.Contains(given, `"/mail/of/mail"`) {
		t.Errorf("processes %d, %d, %d; %s", first, second, third, given)
	}
	// A change of the configuration: who comes a second later gets another program.
	f.write("f.toml", "auth.passwd_file = \"passwd\"\nprograms.directory = \".\"\nmail.quota = \"5GB\"\n")
	time.Sleep(time.Second)
	if fourth, _, _ := f.begin("ann"); fourth == first {
		t.Error("a program that knows nothing of the new configuration")
	}
}

func TestRefused(t *testing.T) {
	f := build(t)
	if _, err := f.logIn("ann", "wrong"); !errors.Is(err, broker.ErrWrong) {
		t.Error(err)
	}
	if _, err := f.logIn("nobody", "right"); !errors.Is(err, broker.ErrWrong) {
		t.Error(err)
	}
	for name, why := range map[string]string{"other": "uid", "nohome": "home"} {
		g, err := f.logIn(name, "right")
		if err != nil {
			t.Fatal(name, err)
		}
		if conn, err := f.Start(t.Context(), g, client); !errors.Is(err, broker.ErrUnavailable) {
			t.Errorf("%s: %v, %v", name, conn, err)
		}
		f.logged("account " + name + ": .*" + why)
	}
	g, err := f.logIn("ann", "right")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(f.dir, "imap-session")); err != nil {
		t.Fatal(err)
	}
	if conn, err := f.Start(t.Context(), g, client); !errors.Is(err, broker.ErrUnavailable) {
		t.Errorf("without a program: %v, %v", conn, err)
	}
	if err := f.Check(wire.IMAP); err == nil || !strings.Contains(err.Error(), "imap-session") {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(f.dir, "passwd")); err != nil {
		t.Fatal(err)
	}
	if err := f.Check(wire.IMAP); err == nil || !strings.Contains(err.Error(), "passwd") {
		t.Error(err)
	}
	if _, err := f.logIn("ann", "right"); !errors.Is(err, broker.ErrUnavailable) {
		t.Error(err)
	}
}

// TestAuthdEnds: an authd that has ended is started again when it is needed, and
// sessions do not notice.
func TestAuthdEnds(t *testing.T) {
	f := build(t)
	_, _, conn := f.begin("ann")
	for range 3 {
		if out, err := exec.Command("pkill", "-KILL", "-f", "^"+filepath.Join(f.dir, "authd")).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var err error
		for range 500 { // until its end is known
			if _, err = f.logIn("ann", "right"); err == nil {
				break
			}
			if !errors.Is(err, broker.ErrUnavailable) {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if err != nil {
			t.Fatalf("%v: %s", err, &f.log)
		}
	}
	fmt.Fprintln(conn, "still here")
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "still here\n" {
		t.Errorf("%q, %v", line, err)
	}
	f.logged("authd ended")
}
