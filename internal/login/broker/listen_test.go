package broker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
)

// TestMain lets the test binary be a daemon that systemd starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "daemon" {
		os.Exit(activated(os.Args[2]))
	}
	os.Exit(m.Run())
}

// served are sockets whose connections are greeted with the names of the sockets.
func served(dir string, paths ...string) Sockets {
	return Sockets{
		List: []Socket{
			{Name: "messages", Mode: 0o660, Serve: func(_ context.Context, c *fdpass.Conn) error {
				return errors.Join(c.Send([]byte("messages"), nil), c.Close())
			}},
			{Name: "octets", Mode: 0o600, Paths: paths, Stream: func(_ context.Context, c *net.UnixConn) error {
				_, err := io.WriteString(c, "octets")
				return errors.Join(err, c.Close())
			}},
		},
		Directory: dir,
		GiveUp:    func() error { return nil },
		Log:       slog.New(slog.DiscardHandler),
	}
}

// activated serves until its standard input ends.
func activated(path string) int {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.ReadAll(os.Stdin) // whatever ends it
		cancel()
	}()
	err := served("", path).Serve(ctx, func() { fmt.Println("ready") })
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// greets checks that a socket is there and greets.
func greets(t *testing.T, network, path, want string) {
	t.Helper()
	c, err := net.Dial(network, path)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	b := make([]byte, 100)
	if n, err := c.Read(b); err != nil || string(b[:n]) != want {
		t.Errorf("%s says %q, %v", path, b[:n], err)
	}
}

// stale leaves a socket behind on which nobody listens.
func stale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestSockets(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	stale(t, two)
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan bool), make(chan error)
	go func() { done <- served(dir, one, two).Serve(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	greets(t, "unixpacket", filepath.Join(dir, "messages"), "messages")
	greets(t, "unix", one, "octets")
	greets(t, "unix", two, "octets")
	for path, want := range map[string]os.FileMode{one: 0o600, filepath.Join(dir, "messages"): 0o660} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "octets")); err == nil {
		t.Error("a stream is where nobody has asked for it")
	}
	// Another one leaves it alone, and takes what it had made away again.
	three := filepath.Join(dir, "three")
	if err := served(t.TempDir(), three, one).Serve(t.Context(), func() { t.Error("ready") }); err == nil || !strings.Contains(err.Error(), "another daemon") {
		t.Error(err)
	}
	if _, err := os.Lstat(three); err == nil {
		t.Error("a socket is left")
	}
	greets(t, "unix", one, "octets")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(one); err == nil {
		t.Error("a socket is left")
	}
}

// TestInherited wants the sockets of systemd by their names, as many streams as there are,
// and those of the configuration beside them.
func TestInherited(t *testing.T) {
	for _, c := range []struct {
		names string // of streams those that begin with "o"
		want  string // in what the daemon says
	}{
		{"messages", "ready"},
		{"messages:octets:octets", "ready"},
		{"octets", "systemd passes no socket messages"},
		{"messages:messages", "two sockets messages"},
		{"messages:other", "name \"other\""},
	} {
		dir := t.TempDir()
		own := filepath.Join(dir, "own")
		cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" daemon "$1"`, os.Args[0], own)
		var paths []string
		names := strings.Split(c.names, ":")
		for i, name := range names {
			path := filepath.Join(dir, fmt.Sprint(i))
			kind := unix.SOCK_SEQPACKET
			if strings.HasPrefix(name, "o") {
				kind = unix.SOCK_STREAM
			}
			fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
			if err = errors.Join(err, unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 5)); err != nil {
				t.Fatal(err)
			}
			f := os.NewFile(uintptr(fd), path)
			defer f.Close()
			cmd.ExtraFiles = append(cmd.ExtraFiles, f)
			paths = append(paths, path)
		}
		cmd.Env = append(os.Environ(), fmt.Sprint("LISTEN_FDS=", len(names)), "LISTEN_FDNAMES="+c.names)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		said, _ := bufio.NewReader(out).ReadString('\n') // "" is not what is wanted
		if !strings.Contains(said, c.want) {
			t.Errorf("%s: it says %q", c.names, said)
		}
		if c.want == "ready" {
			greets(t, "unix", own, "octets")
			for i, name := range names {
				if name == "octets" {
					greets(t, "unix", paths[i], name)
				} else {
					greets(t, "unixpacket", paths[i], name)
				}
			}
		}
		in.Close()
		if err := cmd.Wait(); (err == nil) != (c.want == "ready") {
			t.Errorf("%s: %v", c.names, err)
		}
	}
}
