package dialogues

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fantail/internal/daemon/sandbox"
	"fantail/test/dialogue"
)

// What the dialogues talk to is in its sandbox, with every thread.
func TestSandboxed(t *testing.T) {
	if m := sandbox.Missing(); m != nil {
		t.Skipf("this kernel lacks %v", m)
	}
	for _, p := range []dialogue.Protocol{dialogue.IMAP, dialogue.POP3} {
		t.Run(string(p), func(t *testing.T) {
			box, err := dialogue.NewBox()
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(box.Home)
			srv, err := dialogue.Ours(program(t, p)).Start(&dialogue.Script{Protocol: p}, box)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := bufio.NewReader(srv.Conn).ReadString('\n'); err != nil {
				t.Errorf("no greeting: %v", err)
			}
			threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", srv.PID))
			if err != nil || len(threads) == 0 {
				t.Errorf("%d threads: %v", len(threads), err)
			}
			for _, file := range threads {
				status, err := os.ReadFile(file)
				if err != nil {
					t.Error(err)
				}
				for _, want := range []string{"\nNoNewPrivs:\t1\n", "\nSeccomp:\t2\n"} {
					if !strings.Contains(string(status), want) {
						t.Errorf("%s without %q", file, want)
					}
				}
			}
			srv.Conn.Close()
			if log, err := srv.Wait(); err != nil {
				t.Errorf("%v: %s", err, log)
			}
		})
	}
}
