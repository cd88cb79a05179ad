package login

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// freeAddress is one at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// byLMTP is a house that takes mail, and the address of its lmtpd.
func byLMTP(t *testing.T) (h *house, address string, start map[string]func()) {
	address = freeAddress(t)
	h = build(t, func(_ *house, config string) string {
		return config + fmt.Sprintf("[lmtp]\nlisten = [%q]\n", address)
	})
	h.make("fantail/cmd/lmtpd", "fantail/cmd/deliver-session")
	h.front("lmtpd", 1)
	return h, address, map[string]func(){
		"authd":           func() { h.start("authd", authdUID, "login") },
		"sessiond":        func() { h.start("sessiond", 0, "session") },
		"lmtpd":           func() { h.front("lmtpd", 1) },
		"deliver-session": func() {},
	}
}

// mailServer is a client of LMTP.
type mailServer struct {
	conn net.Conn
	in   *bufio.Reader
}

func dialLMTP(address string) (*mailServer, error) {
	conn, err := net.Dial("tcp", address)
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(2 * time.Minute))
	}
	if err != nil {
		return nil, err
	}
	m := &mailServer{conn, bufio.NewReader(conn)}
	if _, err = m.hear(); err == nil {
		_, err = m.say("LHLO test\r\n")
	}
	return m, err
}

func (m *mailServer) hear() (line string, err error) {
	for {
		line, err = m.in.ReadString('\n')
		if err != nil || len(line) > 3 && line[3] != '-' {
			return line, err
		}
	}
}

func (m *mailServer) say(text string) (string, error) {
	if _, err := io.WriteString(m.conn, text); err != nil {
		return "", err
	}
	return m.hear()
}

// send sends a message and returns the reply for each recipient, "" where the connection
// ended before.
func (m *mailServer) send(message string, to ...string) ([]string, error) {
	replies := make([]string, len(to))
	commands := "MAIL FROM:<test@example.org>\r\n"
	for _, r := range to {
		commands += "RCPT TO:<" + r + ">\r\n"
	}
	if _, err := m.say(commands + "DATA\r\n"); err != nil {
		return replies, err
	}
	accepted := make([]bool, len(to))
	any := false
	for i := range to {
		r, err := m.hear()
		if err != nil {
			return replies, err
		}
		accepted[i] = r[0] == '2'
		if any = any || accepted[i]; !accepted[i] {
			replies[i] = r
		}
	}
	r, err := m.hear()
	if err != nil || !any || r[0] != '3' {
		return replies, err
	}
	if _, err := io.WriteString(m.conn, message+".\r\n"); err != nil {
		return replies, err
	}
	for i := range to {
		if accepted[i] {
			if replies[i], err = m.hear(); err != nil {
				return replies, err
			}
		}
	}
	return replies, nil
}

// TestLMTP: mail comes in as its recipients' users, who share a file if they are one.
func TestLMTP(t *testing.T) {
	h, address, _ := byLMTP(t)
	m, err := dialLMTP(address)
	if err != nil {
		t.Fatal(err)
	}
	defer m.conn.Close()
	large := "Subject: large\r\n\r\n" + strings.Repeat("0123456789\r\n", 50_000)
	for _, message := range []string{"Subject: small\r\n\r\n", large} {
		replies, err := m.send(message, "carol", "ann", "nobody", "bob", "root", "daemon")
		if err != nil {
			t.Fatal(err)
		}
		// A uid that may have no sessions is a mistake of the configuration.
		for i, want := range []string{"250 2.1.5", "250 2.1.5", "550 5.1.1", "250 2.1.5", "451 4.", "451 4."} {
			if !strings.HasPrefix(replies[i], want) {
				t.Errorf("%d: %q, want %s", i, replies[i], want)
			}
		}
	}
	files := make(map[string][]os.FileInfo)
	for name, uid := range map[string]uint32{"ann": virtualUID, "bob": virtualUID, "carol": carolUID} {
		paths, err := filepath.Glob(h.path("mail", name, "Maildir", "new", "*"))
		if err != nil || len(paths) != 2 {
			t.Fatalf("%s has %v, %v", name, paths, err)
		}
		for _, p := range paths {
			info, err := os.Stat(p)
			if err != nil {
				t.Fatal(err)
			}
			if info.Sys().(*syscall.Stat_t).Uid != uid || info.Mode().Perm() != 0o600 {
				t.Errorf("%s is of %+v", p, info.Sys())
			}
			if info.Size() > 1000 {
				files[name] = append(files[name], info)
			}
		}
	}
	if len(files["ann"]) != 1 || len(files["bob"]) != 1 || !os.SameFile(files["ann"][0], files["bob"][0]) {
		t.Errorf("ann and bob have %v, which is not one file", files)
	}
	if left, err := filepath.Glob("/var/tmp/fantail-lmtp-*"); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestLMTPKilled: whatever is killed while mail comes in, what was answered 250 is in the
// mailbox once, nothing is there twice, and nothing in part.
func TestLMTPKilled(t *testing.T) {
	h, address, start := byLMTP(t)
	accounts := []string{"ann", "bob", "carol"}
	var mu sync.Mutex
	answered := make(map[string]bool) // message and account
	var sent, lost, refused atomic.Int64
	var stop atomic.Bool
	var clients sync.WaitGroup
	for client := range 4 {
		clients.Go(func() {
			var m *mailServer
			for n := 0; !stop.Load(); n++ {
				if m == nil {
					var err error
					if m, err = dialLMTP(address); err != nil {
						m = nil
						time.Sleep(20 * time.Millisecond)
						continue
					}
				}
				id := fmt.Sprintf("%d-%d", client, n)
				to := accounts[n%3 : n%3+1]
				if n%4 == 0 {
					to = accounts
				}
				lines := 10
				if n%10 == 0 {
					lines = 20_000
				}
				replies, err := m.send("Subject: "+id+"\r\n\r\n"+strings.Repeat("line\r\n", lines)+"end "+id+"\r\n", to...)
				sent.Add(1)
				mu.Lock()
				for i, r := range replies {
					switch {
					case strings.HasPrefix(r, "250 "):
						answered[id+" "+to[i]] = true
					case strings.HasPrefix(r, "5"):
						t.Errorf("a failure of ours is permanent: %q", r)
					case r != "":
						refused.Add(1)
					}
				}
				mu.Unlock()
				if err != nil || len(replies) > 0 && strings.HasPrefix(replies[0], "421") {
					lost.Add(1)
					m.conn.Close()
					m = nil
				}
			}
			if m != nil {
				m.conn.Close()
			}
		})
	}
	for round := range 3 {
		for _, name := range []string{"deliver-session", "lmtpd", "sessiond", "authd"} {
			time.Sleep(200 * time.Millisecond)
			h.kill(name)
			start[name]()
			t.Log(round, name, sent.Load())
		}
	}
	time.Sleep(200 * time.Millisecond)
	stop.Store(true)
	clients.Wait()
	found := h.delivered(accounts)
	for key := range answered {
		if found[key] != 1 {
			t.Errorf("%s was answered 250 and is there %d times", key, found[key])
		}
	}
	for key, n := range found {
		if n > 1 {
			t.Errorf("%s is there %d times", key, n)
		}
	}
	t.Logf("%d messages sent, %d recipients answered 250, %d refused for now, %d connections lost; %d are there", sent.Load(), len(answered), refused.Load(), lost.Load(), len(found))
	if len(answered) < 20 || lost.Load() == 0 {
		t.Error("too little has happened")
	}
}

// kill ends all processes of a program without a word.
func (h *house) kill(name string) {
	h.Helper()
	for _, dir := range h.processes(name) {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			h.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			h.Fatal(err)
		}
	}
}

// delivered counts the messages of TestLMTPKilled, by their name and account.
func (h *house) delivered(accounts []string) map[string]int {
	h.Helper()
	found := make(map[string]int)
	for _, name := range accounts {
		paths, err := filepath.Glob(h.path("mail", name, "Maildir", "new", "*"))
		if err != nil {
			h.Fatal(err)
		}
		for _, p := range paths {
			text, err := os.ReadFile(p)
			if err != nil {
				h.Fatal(err)
			}
			_, rest, _ := strings.Cut(string(text), "Subject: ")
			id, rest, _ := strings.Cut(rest, "\n")
			if id == "" || !strings.HasSuffix(rest, "line\nend "+id+"\n") || !strings.Contains(p, fmt.Sprintf(",S=%d,", len(text))) {
				h.Errorf("%s is torn: %d octets", p, len(text))
			}
			found[id+" "+name]++
		}
	}
	return found
}
