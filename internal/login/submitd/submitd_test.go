package submitd

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
)

func newServer(t *testing.T, table, script string) *Server {
	t.Helper()
	s := &Server{
		Command: func(w Work, a *wire.Account) (*exec.Cmd, error) {
			cmd := exec.Command("/bin/sh", "-c", script, "sh", a.Name, string(w))
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			return cmd, nil
		},
		Table: table, UID: uint32(os.Geteuid()), Log: slog.New(slog.DiscardHandler),
	}
	if err := s.Load(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// until waits until something is so.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come to be: %s", what)
		}
	}
}

func lines(path string) int {
	text, _ := os.ReadFile(path)
	return strings.Count(string(text), "\n")
}

func left(s *Server) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.entries)
}

// TestDue goes the way from who tells to what is started.
func TestDue(t *testing.T) {
	dir := t.TempDir()
	ran := filepath.Join(dir, "ran")
	s := newServer(t, filepath.Join(dir, "table"), "echo $1 >>"+ran)
	client := NewClient(func(context.Context) (*fdpass.Conn, error) {
		ours, theirs, err := fdpass.Pair()
		if err != nil {
			return nil, err
		}
		conn, err := fdpass.Open(theirs)
		if err != nil {
			return nil, err
		}
		go func() {
			if err := s.Serve(context.Background(), conn); err != nil {
				t.Error(err)
			}
		}()
		return ours, theirs.Close()
	}, s.Log)
	client.Due(wire.Account{Name: "ann", UID: 1000, Mail: "/m"})
	until(t, "webmail-submit ran", func() bool { return lines(ran) == 1 && left(s) == 0 })
	if text, err := os.ReadFile(ran); string(text) != "ann\n" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if text, err := os.ReadFile(s.Table); string(text) != "[]" || err != nil {
		t.Errorf("the table is %q, %v", text, err)
	}
}

// TestAgain: one process at a time, and another one for who was told meanwhile.
func TestAgain(t *testing.T) {
	dir := t.TempDir()
	ran, go1 := filepath.Join(dir, "ran"), filepath.Join(dir, "go")
	s := newServer(t, "", "echo x >>"+ran+"; while ! [ -e "+go1+" ]; do sleep 0.01; done")
	s.Due(Outbox, wire.Account{Name: "ann"})
	until(t, "it runs", func() bool { return lines(ran) == 1 })
	for range 5 {
		s.Due(Outbox, wire.Account{Name: "ann"})
	}
	time.Sleep(50 * time.Millisecond)
	if n := lines(ran); n != 1 {
		t.Errorf("%d run at once", n)
	}
	if err := os.WriteFile(go1, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "it ran again", func() bool { return lines(ran) == 2 && left(s) == 0 })
}

// TestLater: what is due later is in the table, and the next daemon starts it.
func TestLater(t *testing.T) {
	dir := t.TempDir()
	ran, table := filepath.Join(dir, "ran"), filepath.Join(dir, "table")
	s := newServer(t, table, "echo next $(($(date +%s) + 3600))")
	s.Due(Outbox, wire.Account{Name: "ann", Home: "/home/ann"})
	until(t, "it waits", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		e := s.entries[key{Outbox, "ann"}]
		return e != nil && !e.running && time.Until(e.Due) > time.Minute
	})
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(table)
	if err != nil || !strings.Contains(string(text), `"ann"`) {
		t.Fatalf("the table is %q, %v", text, err)
	}
	s = newServer(t, table, "echo $1 >>"+ran)
	if left(s) != 1 || lines(ran) != 0 {
		t.Error("it did not wait")
	}
	s.mu.Lock()
	s.entries[key{Outbox, "ann"}].Due = time.Now()
	s.plan(s.entries[key{Outbox, "ann"}])
	s.mu.Unlock()
	until(t, "it ran", func() bool { return lines(ran) == 1 && left(s) == 0 })
}

// TestFailure: what fails is started again, after a while.
func TestFailure(t *testing.T) {
	s := newServer(t, "", "exit 1")
	s.Due(Outbox, wire.Account{Name: "ann"})
	until(t, "it failed", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		e := s.entries[key{Outbox, "ann"}]
		return e != nil && e.Failed == 1 && time.Until(e.Due) > 30*time.Second
	})
}

func TestDamagedTable(t *testing.T) {
	table := filepath.Join(t.TempDir(), "table")
	if err := os.WriteFile(table, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := newServer(t, table, "exit 0"); left(s) != 0 {
		t.Error("it has entries")
	}
	if _, err := os.Stat(table + ".damaged"); err != nil {
		t.Error(err)
	}
}

// TestHostile: what is said by who may not, or makes no sense, ends the connection.
func TestHostile(t *testing.T) {
	for text, uid := range map[string]uint32{"{": uint32(os.Geteuid()), `{"Name":"x"}`: uint32(os.Geteuid()) + 1} {
		s := newServer(t, "", "exit 0")
		s.UID = uid
		ours, theirs, err := fdpass.Pair()
		if err != nil {
			t.Fatal(err)
		}
		conn, err := fdpass.Open(theirs)
		if err != nil {
			t.Fatal(err)
		}
		if err := ours.Send([]byte(text), nil); err != nil {
			t.Fatal(err)
		}
		ours.Close()
		theirs.Close()
		err = s.Serve(context.Background(), conn)
		if os.Geteuid() == 0 && uid != 0 { // root may say anything that makes sense
			if (err == nil) == (text == "{") {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if err == nil || left(s) != 0 {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestReadNext(t *testing.T) {
	now := time.Now()
	for text, want := range map[string]time.Duration{"": 0, "next x\n": 0, "nonsense\n": 0, "next 9999999999999\n": 400 * 24 * time.Hour} {
		got := readNext(strings.NewReader(text))
		if want == 0 && !got.IsZero() || want != 0 && got.Sub(now.Add(want)).Abs() > time.Minute {
			t.Errorf("%q: %v", text, got)
		}
	}
}
