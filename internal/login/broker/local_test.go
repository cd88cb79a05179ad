package broker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fantail/internal/login/handover"
	"fantail/internal/login/session/sessiontest"
	"fantail/internal/login/userdb"
)

// TestMain lets the test binary be the session program: Start finds it through
// a link with that name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "imap-session" {
		os.Exit(session())
	}
	os.Exit(m.Run())
}

// session tells each client what the program was given, and then sends back what
// it gets.
func session() int {
	err := handover.Receive(context.Background(), os.Stdin, func(channel *net.UnixConn) {
		h, conn, err := handover.Accept(channel)
		if err != nil {
			return
		}
		dir, err := os.Getwd()
		if err != nil {
			return
		}
		fmt.Fprintf(conn, "%d %q %q %s %+v %v\n", os.Getpid(), os.Args[1:], os.Environ(), dir, h, sockets())
		fmt.Fprintln(os.Stderr, "hello from the session")
		io.Copy(conn, struct{ io.Reader }{conn})
		fmt.Fprint(conn, "end")
	})
	if err != nil {
		return 1
	}
	return 0
}

// sockets are the descriptors below 3 that are sockets: of those above, Go's own
// and the connections, there is nothing to tell.
func sockets() (fds []int) {
	for fd := range 3 {
		to, err := os.Readlink(fmt.Sprint("/proc/self/fd/", fd))
		if err == nil && strings.HasPrefix(to, "socket:") {
			fds = append(fds, fd)
		}
	}
	return fds
}

// verifier knows one password.
type verifier struct {
	user userdb.User
	err  error
}

func (v verifier) Verify(_ context.Context, _ string, password userdb.Secret) (userdb.User, error) {
	if v.err == nil && password != "right" {
		return userdb.User{}, userdb.ErrWrong
	}
	return v.user, v.err
}

func (v verifier) Check() error { return v.err }

func newLocal(t *testing.T, user userdb.User) (*Local, *sessiontest.Log) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "imap-session")); err != nil {
		t.Fatal(err)
	}
	log := &sessiontest.Log{}
	return NewLocal(LocalOptions{
		Verifier:    verifier{user: user},
		MailPath:    func(home string) (string, error) { return home + "/Maildir", nil },
		Programs:    dir,
		ConfigFile:  "/etc/x.toml",
		ConfigStamp: func() string { return "" },
		Log:         log.Logger(),
	}), log
}

func begin(t *testing.T, l *Local, tag string) net.Conn {
	t.Helper()
	ctx := context.Background()
	g, err := l.Authenticate(ctx, Credentials{"Alice", "right"})
	if err != nil {
		t.Fatal(err)
	}
	g.SID = "s1"
	conn, err := l.Start(ctx, "imap", g)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := (handover.Hello{SID: "s1", Remote: "192.0.2.7", TLS: true, Tag: tag}).Carry(conn, nil); err != nil {
		t.Fatal(err)
	}
	return conn
}

func shutdown(t *testing.T, l *Local) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := l.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestSession(t *testing.T) {
	t.Setenv("FANTAIL_SECRET", "of the front")
	l, log := newLocal(t, userdb.User{Name: "alice", UID: os.Geteuid(), GID: -1, Home: "/home/alice"})
	conn := begin(t, l, "a1")
	if _, err := io.WriteString(conn, "pipelined"); err != nil {
		t.Fatal(err)
	}
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	_, given, _ := strings.Cut(string(got), " ")
	want := `["-front" "-c" "/etc/x.toml" "-u" "alice" "-m" "/home/alice/Maildir"] ` +
		`["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "HOME=/home/alice"] / ` +
		"{SID:s1 Remote:192.0.2.7 TLS:true Tag:a1 Client: Without:} []\npipelinedend"
	if given != want {
		t.Errorf("got  %s\nwant %s", given, want)
	}
	conn.Close()
	shutdown(t, l)
	if !strings.Contains(log.String(), `msg="session says" user=alice proto=imap`) || strings.Contains(log.String(), "ended") {
		t.Errorf("log: %s", log)
	}
}

// program is the process that a login gets.
func program(t *testing.T, l *Local) string {
	t.Helper()
	line, err := bufio.NewReader(begin(t, l, "a")).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, _, _ := strings.Cut(line, " ")
	return pid
}

// The connections of an account share a process, until something has changed that
// it depends on.
func TestEditions(t *testing.T) {
	l, _ := newLocal(t, userdb.User{Name: "alice", UID: -1, Mail: "/mail/alice"})
	first := program(t, l)
	if again := program(t, l); again != first {
		t.Errorf("process %s and %s", first, again)
	}
	for name, change := range map[string]func(){
		"configuration": func() { l.o.ConfigStamp = func() string { return "changed" } },
		"mail":          func() { l.o.Verifier = verifier{user: userdb.User{Name: "alice", UID: -1, Mail: "/mail/elsewhere"}} },
		"program": func() {
			path := filepath.Join(l.o.Programs, "imap-session")
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			// As an installation does: another file under the same name.
			copied, err := os.ReadFile(self)
			if err := errors.Join(err, os.WriteFile(path+".new", copied, 0o700), os.Rename(path+".new", path)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		change()
		second := program(t, l)
		if second == first {
			t.Errorf("%s: the same process", name)
		}
		if third := program(t, l); third != second {
			t.Errorf("%s: process %s and %s", name, second, third)
		}
		first = second
	}
}

func TestAuthenticate(t *testing.T) {
	ctx := context.Background()
	l, _ := newLocal(t, userdb.User{Name: "alice"})
	l.o.FailureDelay = 100 * time.Millisecond
	start := time.Now()
	if g, err := l.Authenticate(ctx, Credentials{"ALICE", "right"}); err != nil || g.Account != "alice" {
		t.Errorf("%+v, %v", g, err)
	}
	if time.Since(start) >= l.o.FailureDelay {
		t.Error("a right password was delayed")
	}
	start = time.Now()
	if g, err := l.Authenticate(ctx, Credentials{"alice", "wrong"}); !errors.Is(err, ErrWrong) || g != (Grant{}) {
		t.Errorf("%+v, %v", g, err)
	}
	if time.Since(start) < l.o.FailureDelay {
		t.Error("a wrong password was not delayed")
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	l.o.FailureDelay = time.Hour
	if _, err := l.Authenticate(cancelled, Credentials{"alice", "wrong"}); !errors.Is(err, ErrWrong) {
		t.Error(err)
	}
	l.o.FailureDelay = 0
	l.o.Verifier = verifier{err: io.ErrUnexpectedEOF}
	if _, err := l.Authenticate(ctx, Credentials{"alice", "right"}); !errors.Is(err, ErrUnavailable) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

func TestStartErrors(t *testing.T) {
	ctx := context.Background()
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	errHome := errors.New("no home")
	for _, tc := range []struct {
		name    string
		ctx     context.Context
		service string
		user    userdb.User
		want    string
	}{
		{"another service", ctx, "smtp", userdb.User{Name: "a", UID: -1, Mail: "/m"}, "no such service"},
		{"another uid", ctx, "imap", userdb.User{Name: "a", UID: os.Geteuid() + 1, Mail: "/m"}, "has uid"},
		{"no program", ctx, "pop3", userdb.User{Name: "a", UID: -1, Mail: "/m"}, "no such file"},
		{"no mail", ctx, "imap", userdb.User{Name: "a", UID: -1}, "no home"},
		{"no name", ctx, "imap", userdb.User{UID: -1, Mail: "/m"}, "not a login name"},
		{"too late", cancelled, "imap", userdb.User{Name: "a", UID: -1, Mail: "/m"}, "canceled"},
	} {
		l, _ := newLocal(t, tc.user)
		l.o.MailPath = func(string) (string, error) { return "", errHome }
		g, err := l.Authenticate(ctx, Credentials{"a", "right"})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := l.Start(tc.ctx, tc.service, g)
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), tc.want) || conn != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestCheck(t *testing.T) {
	l, _ := newLocal(t, userdb.User{})
	if err := l.Check("imap"); err != nil {
		t.Error(err)
	}
	l.o.Verifier = verifier{err: io.ErrClosedPipe}
	if err := l.Check("pop3"); !errors.Is(err, os.ErrNotExist) || !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}
