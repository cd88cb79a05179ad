package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fantail/internal/login/session/sessiontest"
)

// private returns the memory of a process that is its own, in kB.
func private(t *testing.T, pid int) (kB int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\nRssAnon:")
	if _, err := fmt.Sscan(rest, &kB); err != nil {
		t.Fatal(err)
	}
	return kB
}

// TestMemoryGivenBack: what heavy commands have taken is given back when the client
// waits.
func TestMemoryGivenBack(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds until a session is quiet")
	}
	const (
		messages = 4000
		most     = 9 << 10 // kB
	)
	dir := t.TempDir()
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	line := strings.Repeat("The water stands two fingers higher than yesterday. ", 3) + "\n"
	for i := range messages {
		text := fmt.Sprintf("From: Ada <ada%d@example.org>\nTo: ben@example.net\nSubject: The gauge at the mill, %d\nMessage-ID: <%d@example.org>\nDate: Mon, 2 Jun 2025 10:00:00 +0200\n\n%s", i, i, i, strings.Repeat(line, 10+i%40))
		if err := os.WriteFile(filepath.Join(dir, "cur", fmt.Sprintf("%d.M%dP1.h:2,S", 1700000000+i, i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{"imap-session", "-front", "-c", os.DevNull, "-u", "ann", "-m", dir}
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1") // as package launch does
	cmd.Stderr = os.Stderr
	conn, err := sessiontest.Start(cmd, sessiontest.Someone)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		conn.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}()
	heavy := converse(t, conn, cmd.Process.Pid)
	if heavy < most*3/2 {
		t.Errorf("only %d kB for heavy commands: the bound says nothing", heavy)
	}
	var after int
	for range 120 { // it is quiet after five seconds, and the machine may be busy
		if after = private(t, cmd.Process.Pid); after <= most {
			t.Logf("%d kB after %d", after, heavy)
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Errorf("%d kB stay of %d", after, heavy)
}

// converse gives heavy commands and then waits, and returns the most memory that there
// was behind one of them.
func converse(t *testing.T, conn net.Conn, pid int) (most int) {
	t.Helper()
	r := bufio.NewReader(conn)
	for _, c := range []string{
		"", "SELECT INBOX", "FETCH 1:* (ENVELOPE BODYSTRUCTURE)", "FETCH 1:* (BODY.PEEK[])",
		"SEARCH TEXT gauge", "SORT (SUBJECT) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL", "IDLE",
	} {
		if c != "" {
			fmt.Fprintf(conn, "a %s\r\n", c)
		}
		end := "a OK"
		if c == "IDLE" {
			end = "+"
		}
		for said := ""; !strings.HasPrefix(said, end); {
			var err error
			if said, err = r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(said, "a NO") || strings.HasPrefix(said, "a BAD") {
				t.Fatalf("%s: %s", c, said)
			}
		}
		most = max(most, private(t, pid))
	}
	return most
}
