package login

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stop has a front end, by SIGTERM.
func (h *house) stop(name string) {
	h.Helper()
	pid, err := strconv.Atoi(field(h.status(name, "-S"), "Pid"))
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGTERM)
	}
	if err != nil {
		h.Fatal(err)
	}
}

// TestFrontEnds: when a front ends, clients hear why whose connections it carries, never
// within a literal, and the others go on.
func TestFrontEnds(t *testing.T) {
	const size = 16 << 20
	h := build(t, func(h *house, config string) string {
		body := "Subject: large\n\n" + strings.Repeat(strings.Repeat("x", 63)+"\n", size/64)
		file := h.path("mail", "ann", "Maildir", "cur", "1000000002.large.host:2,")
		if err := os.WriteFile(file, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
		return config + "[login]\ndrain = \"100ms\"\n"
	})
	secure := func() net.Conn {
		conn, err := tls.Dial("tcp", h.imaps, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	clear := h.dial(h.imap)
	idle, waits, reads := h.talk(secure()), h.talk(secure()), secure()
	reading := bufio.NewReader(reads)
	for _, say := range []func(string, string) string{clear, idle, waits} {
		say("a LOGIN ann secret", "a OK")
		say("b SELECT INBOX", "b OK")
	}
	idle("c IDLE", "+")
	fmt.Fprintf(reads, "a LOGIN ann secret\r\nb SELECT INBOX\r\nc FETCH 2 BODY[]\r\n")
	t.Cleanup(func() { reads.Close() })

	// The large message is on its way, and more of it than sockets hold.
	for line := ""; !strings.HasPrefix(line, "* 2 FETCH"); {
		var err error
		if line, err = reading.ReadString('\n'); err != nil {
			t.Fatal(line, err)
		}
	}
	h.stop("imapd")
	for _, say := range []func(string, string) string{waits, idle} {
		if got := say(silent, "* BYE"); got != "* BYE [UNAVAILABLE] The server is shutting down." {
			t.Error(got)
		}
	}
	clear("c NOOP", "c OK") // its session has its socket
	time.Sleep(200 * time.Millisecond)
	rest, err := io.ReadAll(reading)
	if err != nil {
		t.Errorf("after %d octets: %v", len(rest), err)
	}
	text := string(rest)
	if i := strings.Index(text, "* BYE"); i < size || !strings.Contains(text[:i], ")\r\nc OK") {
		t.Errorf("BYE after %d octets of a literal of more than %d: %q", i, size, text[max(0, len(text)-200):])
	}
}
