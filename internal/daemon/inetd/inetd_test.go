package inetd

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var wanted = []Wanted{
	{Service: "imap", Setting: "imap.listen"},
	{Service: "imaps", Setting: "imap.listen_tls"},
}

// TestMain lets the test binary be the daemon that systemd-socket-activate and
// inetd start.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "child" {
		os.Exit(child(os.Args[2]))
	}
	os.Exit(m.Run())
}

// child accepts one connection on every socket, or serves the one it was
// handed, and writes what it knows about it.
func child(mode string) int {
	if mode == "inetd" {
		conn, stderr, err := Connection()
		fmt.Println("this must not reach the client")
		println("nor this")
		if err != nil {
			os.WriteFile(os.Args[3], []byte(err.Error()), 0o600)
			return 1
		}
		c := Serving(conn, wanted...)
		fmt.Fprintf(c, "%s tls=%t stderr=%t\n", c.Name, c.TLS(), stderr)
		c.Close()
		return 0
	}
	list, err := Listeners(wanted...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if os.Getenv("LISTEN_FDS") != "" {
		fmt.Fprintln(os.Stderr, "LISTEN_FDS is left")
	}
	for _, l := range list {
		c, err := l.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Fprintf(c, "%s tls=%t\n", l.Name, l.TLS())
		c.Close()
	}
	return 0
}

// freePort returns a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func firstLine(t *testing.T, address string) string {
	t.Helper()
	for range 100 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		line, err := io.ReadAll(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(line)
	}
	t.Fatalf("nobody listens on %s", address)
	return ""
}

func socketActivate(t *testing.T, args ...string) *strings.Builder {
	t.Helper()
	program, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		t.Skip("systemd-socket-activate is not installed")
	}
	cmd := exec.Command(program, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return &stderr
}

func TestSocketsByName(t *testing.T) {
	plain, tls := freePort(t), freePort(t)
	socketActivate(t, "--fdname=imap:imaps", "-l", plain, "-l", tls, os.Args[0], "child", "listen")
	if got := firstLine(t, plain); got != "imap tls=false\n" {
		t.Errorf("%q", got)
	}
	if got := firstLine(t, tls); got != "imaps tls=true\n" {
		t.Errorf("%q", got)
	}
}

func TestClassicInetd(t *testing.T) {
	address := freePort(t)
	out := filepath.Join(t.TempDir(), "out")
	stderr := socketActivate(t, "-a", "--inetd", "-l", address, os.Args[0], "child", "inetd", out)
	if got := firstLine(t, address); got != "imap tls=false stderr=true\n" && got != "imap tls=false stderr=false\n" {
		t.Errorf("%q, %s", got, stderr)
	}
}

// inetdChild starts the child as xinetd and tcpserver do, with the connection
// as 0, 1 and 2.
func inetdChild(t *testing.T, fd2 bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	f, err := server.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	cmd := exec.Command(os.Args[0], "child", "inetd", filepath.Join(t.TempDir(), "out"))
	cmd.Stdin, cmd.Stdout = f, f
	if fd2 {
		cmd.Stderr = f
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	client.SetDeadline(time.Now().Add(20 * time.Second))
	got, err := io.ReadAll(client)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	return string(got)
}

func TestNothingElseReachesTheClient(t *testing.T) {
	if got := inetdChild(t, true); got != "imap tls=false stderr=false\n" {
		t.Errorf("with descriptor 2: %q", got)
	}
	if got := inetdChild(t, false); got != "imap tls=false stderr=true\n" {
		t.Errorf("without descriptor 2: %q", got)
	}
}

func TestInetdWithoutConnection(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	cmd := exec.Command(os.Args[0], "child", "inetd", out)
	if err := cmd.Run(); err == nil {
		t.Fatal("served /dev/null")
	}
	text, err := os.ReadFile(out)
	if err != nil || string(text) != ErrNoConnection.Error() {
		t.Errorf("%q, %v", text, err)
	}
}

func TestIsConnection(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	if !isConnection(pair[0]) || !sameFile(pair[0], pair[0]) || sameFile(pair[0], pair[1]) {
		t.Error("socketpair")
	}
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if isConnection(int(f.Fd())) {
		t.Error("/dev/null")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	lf, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer lf.Close()
	if isConnection(int(lf.Fd())) {
		t.Error("a listening socket")
	}
}

func TestOwnListeners(t *testing.T) {
	list, err := Listeners(
		Wanted{"imap", "imap.listen", []string{"127.0.0.1:0", "[::1]:0"}},
		Wanted{"imaps", "imap.listen_tls", []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(list)
	if len(list) != 3 || list[1].Name != "imap" || list[1].TLS() || list[2].Name != "imaps" || !list[2].TLS() {
		t.Fatalf("%v", list)
	}
	taken := list[0].Addr().String()
	_, err = Listeners(Wanted{"pop3", "pop3.listen", []string{taken}})
	if !errors.Is(err, unix.EADDRINUSE) || !strings.HasPrefix(err.Error(), `pop3.listen = "`+taken+`": `) {
		t.Errorf("a port that is taken: %v", err)
	}
}

func TestNoSockets(t *testing.T) {
	_, err := Listeners(wanted...)
	if !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "set imap.listen or imap.listen_tls") {
		t.Error(err)
	}
}

func TestServiceOf(t *testing.T) {
	want := []Wanted{{"imap", "", []string{"[::1]:1143"}}, {"imaps", "", []string{":1993"}}}
	for _, tc := range []struct {
		name string
		port int
		got  string
		err  string
	}{
		{"imap", 1, "imap", ""},
		{"imaps", 143, "imaps", ""},
		{"LISTEN_FD_3", 143, "imap", ""},
		{"unknown", 993, "imaps", ""},
		{"imapd-tls.socket", 1993, "imaps", ""},
		{"x", 1143, "imap", ""},
		{"x", 2143, "", "FileDescriptorName to one of imap, imaps"},
		{"pop3", 143, "", "does not serve"},
		{"x", 110, "", "FileDescriptorName"},
	} {
		got, err := serviceOf(tc.name, &net.TCPAddr{Port: tc.port}, want)
		if got != tc.got || (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s on %d: %q, %v", tc.name, tc.port, got, err)
		}
	}
}

func TestServing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := Serving(conn, Wanted{"imap", "", nil}, Wanted{"imaps", "", []string{conn.LocalAddr().String()}})
	if c.Name != "imaps" || !c.TLS() {
		t.Errorf("%s", c.Name)
	}
}

func TestLogTo(t *testing.T) {
	if LogTo(true, "x") != os.Stderr {
		t.Error("not standard error")
	}
	if w := LogTo(false, "x"); w == os.Stderr || w == nil {
		t.Error("standard error although it is the client")
	}
}
