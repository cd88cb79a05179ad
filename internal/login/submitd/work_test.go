package submitd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/daemon/loglines"
	"fantail/internal/login/broker/wire"
)

// TestWorks: the kinds of work for an account go on beside each other, in runs of their own,
// and are told over one connection.
func TestWorks(t *testing.T) {
	dir := t.TempDir()
	ran, go1 := filepath.Join(dir, "ran"), filepath.Join(dir, "go")
	s := newServer(t, filepath.Join(dir, "table"), "echo $1:$2 >>"+ran+"; while ! [ -e "+go1+" ]; do sleep 0.01; done")
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
	client.Crossed(wire.Account{Name: "ann", UID: 1000, Mail: "/m"})
	client.Crossed(wire.Account{Name: "bob", UID: 1000, Mail: "/m"})
	until(t, "all run at once", func() bool { return lines(ran) == 3 })
	text, err := os.ReadFile(ran)
	for _, want := range []string{"ann:\n", "ann:quota\n", "bob:quota\n"} {
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%q without %q, %v", text, want, err)
		}
	}
	if text, err := os.ReadFile(s.Table); err != nil || strings.Count(string(text), `"work":"quota"`) != 2 {
		t.Errorf("the table is %s, %v", text, err)
	}
	client.Crossed(wire.Account{Name: "ann", UID: 1000, Mail: "/m"})
	time.Sleep(50 * time.Millisecond)
	if n := lines(ran); n != 3 {
		t.Errorf("%d ran", n)
	}
	if err := os.WriteFile(go1, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "what was told meanwhile ran", func() bool { return lines(ran) == 4 && left(s) == 0 })
}

// TestRest: runs for crossings are some way apart, whoever asks for them; what is due
// meanwhile is in the table, and what is not is not.
func TestRest(t *testing.T) {
	dir := t.TempDir()
	ran := filepath.Join(dir, "ran")
	s := newServer(t, filepath.Join(dir, "table"), "date +%s%N >>"+ran+"; [ -e "+ran+".more ] || echo next $(date +%s); touch "+ran+".more")
	s.Due(Quota, wire.Account{Name: "ann"})
	until(t, "it runs", func() bool { return lines(ran) == 1 })
	s.Due(Quota, wire.Account{Name: "ann"})
	until(t, "it ran again", func() bool { return lines(ran) == 2 })
	until(t, "it rests", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		e := s.entries[key{Quota, "ann"}]
		return e != nil && e.resting
	})
	if text, err := os.ReadFile(s.Table); err != nil || string(text) != "[]" {
		t.Errorf("the table is %s, %v", text, err)
	}
	s.Due(Quota, wire.Account{Name: "ann"})
	if text, err := os.ReadFile(s.Table); err != nil || !strings.Contains(string(text), "ann") {
		t.Errorf("the table is %s, %v", text, err)
	}
	until(t, "nothing is left", func() bool { return left(s) == 0 })
	text, err := os.ReadFile(ran)
	if err != nil {
		t.Fatal(err)
	}
	var last int64
	for i, word := range strings.Fields(string(text)) {
		var at int64
		if _, err := fmt.Sscan(word, &at); err != nil {
			t.Fatal(err)
		}
		if i > 0 && time.Duration(at-last) < works[Quota].rest*9/10 {
			t.Errorf("run %d is %s after the one before", i, time.Duration(at-last))
		}
		last = at
	}
	if n := lines(ran); n != 3 {
		t.Errorf("it ran %d times", n)
	}
}

// TestPatience: a command that cannot be run is not tried at each crossing, and what is in
// the table is not written again.
func TestPatience(t *testing.T) {
	s := newServer(t, filepath.Join(t.TempDir(), "table"), "exit 71")
	s.Due(Quota, wire.Account{Name: "ann"})
	waits := func(failed int) func() bool {
		return func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			e := s.entries[key{Quota, "ann"}]
			return e != nil && !e.running && e.Failed == failed && time.Until(e.Due) > 30*time.Second
		}
	}
	until(t, "it failed", waits(1))
	before, err := os.Stat(s.Table)
	if err != nil {
		t.Fatal(err)
	}
	s.Due(Quota, wire.Account{Name: "ann"})
	if !waits(1)() {
		t.Error("it is tried at once")
	}
	if after, err := os.Stat(s.Table); err != nil || !os.SameFile(before, after) {
		t.Errorf("the table was written again, %v", err)
	}
	s.Due(Quota, wire.Account{Name: "ann", UID: 7})
	if text, err := os.ReadFile(s.Table); err != nil || !strings.Contains(string(text), `"UID":7`) {
		t.Errorf("the table is %s, %v", text, err)
	}
}

// TestWatch: a program that hangs ends, with its group; one that is quiet about what it has
// left behind is not waited for; its word counts nevertheless.
func TestWatch(t *testing.T) {
	for script, c := range map[string]struct {
		limit time.Duration
		err   string
		next  bool
	}{
		"echo next 7":              {time.Minute, "", true},
		"exit 3":                   {time.Minute, "exit status 3", false},
		"sleep 1000 & sleep 1000":  {200 * time.Millisecond, "stopped after", false},
		"kill -STOP $$":            {200 * time.Millisecond, "stopped after", false},
		"sleep 1000 & echo next 7": {time.Minute, "", true},
		"setsid sleep 5 & exit 0":  {time.Minute, "", false},
		"exec yes >&2":             {200 * time.Millisecond, "stopped after", false},
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "", "")
			cmd := exec.Command("/bin/sh", "-c", script)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			stdout, err1 := cmd.StdoutPipe()
			stderr, err2 := cmd.StderrPipe()
			if err := errors.Join(err1, err2, cmd.Start()); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			next, err := s.watch(cmd, c.limit, stdout, stderr, loglines.Program{Log: s.Log, Message: "it says"})
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Error(err)
			}
			if next.IsZero() == c.next || time.Since(begun) > 20*time.Second {
				t.Errorf("next %s, after %s", next, time.Since(begun))
			}
			until(t, "the group is gone", func() bool { return unix.Kill(-cmd.Process.Pid, 0) == unix.ESRCH })
		})
	}
}

// FuzzParseTold: a message is an account with a name and work that there is, or an error.
func FuzzParseTold(f *testing.F) {
	for _, text := range []string{
		"", "{", "{}", "null", "[]", `{"Name":"ann","UID":1000,"GID":100,"Groups":[8],"Home":"/h","Mail":"/m","Quota":"1GiB"}`,
		`{"Name":"ann","Work":"quota"}`, `{"Name":"ann","Work":"else"}`, `{"Name":"a/b"}`, `{"Name":""}`, `{"Name":"ann","UID":-1}`, `{"Name":"ann","UID":4294967296}`,
		`{"Account":{"Name":"ann"}}`, `{"name":"ann","work":"quota","NAME":"bob"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseTold(b)
		if err != nil {
			if !reflect.DeepEqual(m, told{}) {
				t.Errorf("%+v beside %v", m, err)
			}
			return
		}
		if m.Name == "" || m.Work.Program() == "" {
			t.Fatalf("%q became %+v", b, m)
		}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseTold(text)
		if err != nil || again.Name != m.Name || again.UID != m.UID || again.Work != m.Work || again.Mail != m.Mail {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
	})
}

// TestAmong: a session speaks for the accounts that it serves, and for no others.
func TestAmong(t *testing.T) {
	var got []wire.Account
	tell := Among([]*wire.Account{{Name: "ann", UID: 1}, {Name: "bob", UID: 2}}, func(a wire.Account) { got = append(got, a) })
	if tell("carol") || tell("") || !tell("bob") || len(got) != 1 || got[0].UID != 2 {
		t.Errorf("%+v", got)
	}
}
