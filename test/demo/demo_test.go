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
	"testing"

	"fantail/internal/daemon/conf"
	"fantail/test/site"
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
func testSite(t *testing.T, p []int) *site.Site {
	t.Helper()
	root := t.TempDir()
	s, err := site.New(filepath.Join(root, "run"), filepath.Join(root, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.Bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := s.Prepare(site.Ports{IMAP: p[0], IMAPS: p[1], POP3: p[2], POP3S: p[3], Webmail: p[4]}); err != nil {
		t.Fatal(err)
	}
	return s
}

// fakes writes programs into the site that are this test binary, in the role
// of their name (fake_test.go).
func fakes(t *testing.T, s *site.Site, roles map[string]string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, role := range roles {
		script := fmt.Sprintf("#!/bin/sh\nDEMO_ROLE='%s' exec '%s' \"$@\"\n", role, self)
		if err := os.WriteFile(filepath.Join(s.Bin, name), []byte(script), 0o700); err != nil {
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
		go func() { result <- run(ctx, s.Dir, s.Bin, out) }()
		select {
		case <-out.seen:
		case err := <-result:
			t.Fatalf("start %d: %v\n%s", start, err, out)
		}
		stop()
		if err := <-result; err != nil {
			t.Fatalf("start %d: %v", start, err)
		}
		c, err := conf.Load(s.Config())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range site.Services(c) {
			if !strings.Contains(out.String(), v.Address) {
				t.Errorf("%s is not in\n%s", v.Address, out)
			}
		}
		if err := site.CheckFree(site.Services(c), s.Config()); err != nil {
			t.Errorf("after the end: %v", err)
		}
		delivered, err := filepath.Glob(filepath.Join(s.Home(), "new", "*"))
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
			if err := os.MkdirAll(s.Home(), 0o700); err != nil { // no sample mail
				t.Fatal(err)
			}
			err := run(t.Context(), s.Dir, s.Bin, io.Discard)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("got %v, want %q in it", err, w)
				}
			}
			c, e := conf.Load(s.Config())
			if e != nil {
				t.Fatal(e)
			}
			if e := site.CheckFree(site.Services(c), s.Config()); e != nil {
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
	if err := os.MkdirAll(s.Home(), 0o700); err != nil {
		t.Fatal(err)
	}
	err = run(t.Context(), s.Dir, s.Bin, io.Discard)
	want := fmt.Sprintf("POP3S cannot listen on 127.0.0.1:%d: address already in use: stop what listens there, or change pop3.listen_tls in %s", ports[3], s.Config())
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// What is printed for the shell must be what the shell takes.
func TestCommandsAreShell(t *testing.T) {
	s := &demo{shown: "my run", shownBin: "it's/bin"}
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
