package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

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

// session tells what it was given, and then sends back what it gets.
func session() int {
	h, err := ReadHello(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.Getwd()
	if err != nil {
		return 1
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 1
	}
	var fds []string
	for _, e := range open {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(to, "socket:") {
			fds = append(fds, e.Name())
		}
	}
	fmt.Printf("%q %q %s %+v %v\n", os.Args[1:], os.Environ(), dir, h, fds)
	fmt.Fprintln(os.Stderr, "hello from the session")
	if h.Tag == "stuck" {
		time.Sleep(time.Hour)
	}
	if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
		return 1
	}
	fmt.Print("end")
	if h.Tag == "crash" {
		return 3
	}
	return 0
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

// syncLog is a log that several goroutines may write.
type syncLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *syncLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *syncLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newLocal(t *testing.T, user userdb.User) (*Local, *syncLog) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "imap-session")); err != nil {
		t.Fatal(err)
	}
	log := &syncLog{}
	return NewLocal(LocalOptions{
		Verifier:   verifier{user: user},
		MailPath:   func(home string) (string, error) { return home + "/Maildir", nil },
		Programs:   dir,
		ConfigFile: "/etc/x.toml",
		Log:        slog.New(slog.NewTextHandler(log, nil)),
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
	if _, err := (Hello{SID: "s1", Remote: "192.0.2.7", TLS: true, Tag: tag}).WriteTo(conn); err != nil {
		t.Fatal(err)
	}
	return conn
}

func wait(t *testing.T, l *Local) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := l.Wait(ctx); err != nil {
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
	want := `["-front" "-c" "/etc/x.toml" "-u" "alice" "-m" "/home/alice/Maildir"] ` +
		`["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "HOME=/home/alice"] / ` +
		"{SID:s1 Remote:192.0.2.7 TLS:true Tag:a1} [0 1]\npipelinedend"
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	wait(t, l)
	if !strings.Contains(log.String(), `msg="session says" sid=s1 user=alice proto=imap text="hello from the session"`) ||
		strings.Contains(log.String(), "ended") {
		t.Errorf("log: %s", log)
	}
}

func TestEndsAreLogged(t *testing.T) {
	l, log := newLocal(t, userdb.User{Name: "alice", UID: -1, Mail: "/mail/alice"})
	conn := begin(t, l, "crash")
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	wait(t, l)
	if !strings.Contains(log.String(), `msg="session program ended" sid=s1 user=alice proto=imap err="exit status 3"`) {
		t.Errorf("log: %s", log)
	}
}

func TestStuckSessionIsKilled(t *testing.T) {
	l, log := newLocal(t, userdb.User{Name: "alice", UID: -1, Mail: "/mail/alice"})
	l.linger = 50 * time.Millisecond
	conn := begin(t, l, "stuck")
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := l.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waited for a session that runs: %v", err)
	}
	conn.Close()
	conn.Close()
	wait(t, l)
	if !strings.Contains(log.String(), "signal: killed") {
		t.Errorf("log: %s", log)
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

func TestLogLines(t *testing.T) {
	var log bytes.Buffer
	logLines(strings.NewReader("a\n\n"+strings.Repeat("x", 3*maxLogLine)+"\nlast"), slog.New(slog.NewTextHandler(&log, nil)))
	if n := strings.Count(log.String(), "session says"); n < 5 || n > 6 || !strings.Contains(log.String(), "text=last") {
		t.Errorf("%d lines", n)
	}
}
