package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-crypt/crypt/algorithm/shacrypt"

	"fantail/internal/daemon/conf"
	"fantail/internal/store/uidlist"
)

// freePorts gives n ports that nothing listens on.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// testSite is a directory whose configuration has ports of its own, and a
// directory of programs.
func testSite(t *testing.T, ports []int) *site {
	t.Helper()
	root := t.TempDir()
	s, err := newSite(filepath.Join(root, "run"), filepath.Join(root, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{s.dir, s.bin} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	text := configText("../bin")
	for i, p := range []int{1143, 1993, 1110, 1995, 8443} {
		text = strings.Replace(text, fmt.Sprintf(":%d\"", p), fmt.Sprintf(":%d\"", ports[i]), 1)
	}
	if err := os.WriteFile(s.config(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// fakes writes programs into the site that are this test binary, in the role
// of their name (fake_test.go).
func fakes(t *testing.T, s *site, roles map[string]string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, role := range roles {
		script := fmt.Sprintf("#!/bin/sh\nDEMO_ROLE='%s' exec '%s' \"$@\"\n", role, self)
		if err := os.WriteFile(filepath.Join(s.bin, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

var good = map[string]string{"imapd": "imapd", "pop3d": "pop3d", "webmaild": "webmaild", "deliver": "deliver"}

func with(changes map[string]string) map[string]string {
	all := map[string]string{}
	for k, v := range good {
		all[k] = v
	}
	for k, v := range changes {
		all[k] = v
	}
	return all
}

// output collects what is printed and tells when a text is there.
type output struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	text string
	seen chan struct{}
}

func newOutput(text string) *output { return &output{text: text, seen: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := strings.Contains(o.buf.String(), o.text)
	o.buf.Write(p)
	if !before && strings.Contains(o.buf.String(), o.text) {
		close(o.seen)
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func TestRun(t *testing.T) {
	s := testSite(t, freePorts(t, 5))
	fakes(t, s, good)
	for start := 1; start <= 2; start++ {
		ctx, stop := context.WithCancel(t.Context())
		out := newOutput("\nready")
		result := make(chan error, 1)
		go func() { result <- run(ctx, s.dir, s.bin, out) }()
		select {
		case <-out.seen:
		case err := <-result:
			t.Fatalf("start %d: %v\n%s", start, err, out)
		}
		stop()
		if err := <-result; err != nil {
			t.Fatalf("start %d: %v", start, err)
		}
		c, err := conf.Load(s.config())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range servicesOf(c) {
			if !strings.Contains(out.String(), v.address) {
				t.Errorf("%s is not in\n%s", v.address, out)
			}
		}
		if err := checkFree(servicesOf(c), s.config()); err != nil {
			t.Errorf("after the end: %v", err)
		}
		delivered, err := filepath.Glob(filepath.Join(s.home(), "new", "*"))
		if err != nil || len(delivered) != start {
			t.Errorf("start %d: %d messages delivered, %v", start, len(delivered), err)
		}
		if got := strings.Contains(out.String(), "sample messages"); got != (start == 1) {
			t.Errorf("start %d: sample mail written: %v", start, got)
		}
	}
}

func TestRunFails(t *testing.T) {
	tests := []struct {
		name  string
		roles map[string]string
		want  []string
	}{
		{"dies at once", with(map[string]string{"pop3d": "dies"}), []string{"pop3d has ended: exit status 3", "pop3d: no certificate"}},
		{"greets wrongly and dies", with(map[string]string{"imapd": "rude"}), []string{"imapd has ended", "imapd: rude"}},
		{"no program", map[string]string{"imapd": "imapd", "pop3d": "pop3d", "deliver": "deliver"}, []string{"start webmaild", "make build"}},
		{"deliver fails", with(map[string]string{"deliver": "dies"}), []string{"deliver a message", "exit status 3", "no certificate"}},
		{"dies later", with(map[string]string{"webmaild": "webmaild later"}), []string{"webmaild has ended: exit status 4"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := testSite(t, freePorts(t, 5))
			fakes(t, s, tt.roles)
			if err := os.MkdirAll(s.home(), 0o700); err != nil { // no sample mail
				t.Fatal(err)
			}
			err := run(t.Context(), s.dir, s.bin, io.Discard)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("got %v, want %q in it", err, w)
				}
			}
			c, e := conf.Load(s.config())
			if e != nil {
				t.Fatal(e)
			}
			if e := checkFree(servicesOf(c), s.config()); e != nil {
				t.Errorf("a daemon is left: %v", e)
			}
		})
	}
}

func TestPortTaken(t *testing.T) {
	ports := freePorts(t, 5)
	s := testSite(t, ports)
	fakes(t, s, good)
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", ports[3]))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.MkdirAll(s.home(), 0o700); err != nil {
		t.Fatal(err)
	}
	err = run(t.Context(), s.dir, s.bin, io.Discard)
	want := fmt.Sprintf("POP3S cannot listen on 127.0.0.1:%d: address already in use: stop what listens there, or change pop3.listen_tls in %s", ports[3], s.config())
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A daemon that ignores SIGTERM is killed in the end.
func TestStopKills(t *testing.T) {
	g := &group{dir: t.TempDir()}
	if err := g.start("deaf", "/bin/sh", "-c", `trap "" TERM; echo up; while :; do sleep 0.01; done`); err != nil {
		t.Fatal(err)
	}
	for g.tail("deaf") != "deaf: up" {
		time.Sleep(time.Millisecond)
	}
	if killed := g.stop(20 * time.Millisecond); len(killed) != 1 || killed[0] != "deaf" {
		t.Errorf("killed %v", killed)
	}
	if st := g.children[0].cmd.ProcessState.Sys().(syscall.WaitStatus); st.Signal() != syscall.SIGKILL {
		t.Errorf("ended by %v", st.Signal())
	}
}

func TestPrepare(t *testing.T) {
	s := testSite(t, freePorts(t, 5))
	before, err := os.ReadFile(s.config())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.prepare(io.Discard); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(s.config())
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the configuration was changed: %v", err)
	}
	names, err := uidlist.OpenSubscriptions(s.home()).List()
	if err != nil || len(names) != 9 {
		t.Errorf("subscribed to %q, %v", names, err)
	}
	users, err := os.ReadFile(s.users())
	if err != nil {
		t.Fatal(err)
	}
	field := strings.Split(string(users), ":")
	if len(field) != 8 || field[0] != "demo" || field[5] != s.home() {
		t.Fatalf("users: %q", users)
	}
	d, err := shacrypt.Decode(strings.TrimPrefix(field[1], "{SHA512-CRYPT}"))
	if err != nil || !d.Match("demo") || d.Match("Demo") {
		t.Errorf("hash %q, %v", field[1], err)
	}
	if st, err := os.Stat(s.users()); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("users: %v, %v", st.Mode(), err)
	}
	if left, err := filepath.Glob(filepath.Join(s.dir, "mail", "new-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestConfigText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fantail.toml")
	if err := createFile(path, []byte(configText("../bin"))); err != nil {
		t.Fatal(err)
	}
	c, err := conf.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range servicesOf(c) {
		got = append(got, v.setting+"="+v.address)
	}
	want := "imap.listen=127.0.0.1:1143 imap.listen_tls=127.0.0.1:1993 pop3.listen=127.0.0.1:1110 pop3.listen_tls=127.0.0.1:1995 webmail.listen_tls=127.0.0.1:8443"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v", got)
	}
	if home, err := c.MailPath("/somewhere"); home != "/somewhere" || err != nil {
		t.Errorf("mail of /somewhere: %s, %v", home, err)
	}
	if err := createFile(path, nil); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Size() == 0 {
		t.Errorf("an existing file was overwritten: %v", err)
	}
}

func TestWithHome(t *testing.T) {
	const other = "ann:{PLAIN}x:1:1::/home/ann::\n"
	got := withHome(other+"demo:{X}y:2:3:R:/old/demo::quota=1\n", "/new/demo")
	if want := other + "demo:{X}y:2:3:R:/new/demo::quota=1\n"; got != want {
		t.Errorf("got %q", got)
	}
}

// What is printed for the shell must be what the shell takes.
func TestCommandsAreShell(t *testing.T) {
	s := &site{shown: "my run", shownBin: "it's/bin"}
	for _, c := range commands(s, map[string]string{"IMAPS": "127.0.0.1:1", "POP3S": "127.0.0.1:2"}) {
		if out, err := exec.Command("sh", "-n", "-c", c).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", c, err, out)
		}
	}
}

func TestQuiet(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := errors.New("x")
	if quiet(ctx, err) != err {
		t.Error("an error was dropped")
	}
	cancel()
	if quiet(ctx, err) != nil {
		t.Error("being told to stop is an error")
	}
}
