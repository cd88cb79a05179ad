package clients

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sessions are the processes of imap-session that serve the account.
func (in *installation) sessions(t *testing.T) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		line, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(line), "imap-session\x00-front") || !strings.Contains(string(line), in.Dir) {
			continue // it has ended meanwhile, or is another program
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// All connections of an account are served by one process, and what one of them
// changes the others are told at once.
func TestOneProcess(t *testing.T) {
	t.Parallel()
	in := install(t)
	var idle []*talk
	for range 5 {
		k := in.talk(t)
		k.do("SELECT INBOX")
		k.send("idle IDLE\r\n")
		if l := k.line(); !strings.HasPrefix(l, "+ ") {
			t.Fatalf("IDLE: %q", l)
		}
		idle = append(idle, k)
	}
	busy := in.talk(t)
	busy.do("SELECT INBOX")
	if pids := in.sessions(t); len(pids) != 1 {
		t.Fatalf("processes %v", pids)
	}
	for _, keyword := range []string{"first", "second"} {
		changed := time.Now()
		busy.do("STORE 7 FLAGS (%s)", keyword)
		for _, k := range idle {
			for l := k.line(); !strings.HasPrefix(l, "* 7 FETCH ") || !strings.Contains(l, keyword); l = k.line() {
				if strings.Contains(l, " OK ") && !strings.Contains(l, "PERMANENTFLAGS") {
					t.Fatalf("%q", l)
				}
			}
		}
		t.Logf("told after %v", time.Since(changed).Round(time.Microsecond))
	}
	for _, k := range idle {
		k.send("DONE\r\n")
		for l := k.line(); !strings.HasPrefix(l, "idle OK"); l = k.line() {
			t.Logf("after DONE: %s", l)
		}
		k.logout()
	}
	busy.logout()
}

// A process that is told to end takes leave of its clients, and the next login is
// served by another.
func TestSessionTold(t *testing.T) {
	t.Parallel()
	in := install(t)
	a, b := in.talk(t), in.talk(t)
	a.do("SELECT INBOX")
	pids := in.sessions(t)
	if len(pids) != 1 {
		t.Fatalf("processes %v", pids)
	}
	if err := syscall.Kill(pids[0], syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for _, k := range []*talk{a, b} {
		if l := k.line(); !strings.HasPrefix(l, "* BYE ") {
			t.Errorf("%q", l)
		}
		if l, err := k.read(); err == nil {
			t.Errorf("%q after BYE", l)
		}
	}
	c := in.talk(t)
	c.do("SELECT INBOX")
	if now := in.sessions(t); len(now) != 1 || now[0] == pids[0] {
		t.Errorf("processes %v, before %v", now, pids)
	}
	c.logout()
}
