package front

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"fantail/internal/login/handover"
)

// random returns n octets, the same ones for the same seed.
func random(seed, n uint64) []byte {
	var key [32]byte
	key[0] = byte(seed)
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b)
	return b
}

// Both directions at once, through TLS, octet for octet; the client then says
// that it has sent everything, and still gets what the session has to say.
func TestPumpBothWays(t *testing.T) {
	for _, service := range []string{"imap", "imaps"} {
		b := start(t, nil)
		up, down := random(1, 5<<20), random(2, 5<<20)
		sum := make(chan [32]byte, 1)
		b.fake.session = func(conn *handover.Client, h handover.Hello) {
			fmt.Fprintf(conn, "%s OK\r\n", h.Tag)
			go func() {
				got := sha256.New()
				io.Copy(got, conn)
				sum <- [32]byte(got.Sum(nil))
			}()
			conn.Write(down)
			got := <-sum // after the client's end
			sum <- got
			io.WriteString(conn, "late")
		}
		p := b.dial(service)
		p.want("* OK")
		p.send("a LOGIN alice right\r\n")
		p.want("a OK")
		go func() {
			p.conn.Write(up)
			p.conn.(interface{ CloseWrite() error }).CloseWrite()
		}()
		got, err := io.ReadAll(p.r)
		if err != nil || !bytes.Equal(got, append(down, "late"...)) {
			t.Errorf("%s: down: %d octets, %v", service, len(got), err)
		}
		if <-sum != sha256.Sum256(up) {
			t.Errorf("%s: up differs", service)
		}
		p.conn.Close()
		b.fake.wait.Wait()
		waitFor(t, func() bool { return strings.Contains(b.log.String(), "msg=logout") })
		if want := fmt.Sprintf(" in=%d out=%d", len(up), len("a OK\r\n")+len(down)+len("late")); !strings.Contains(b.log.String(), want) {
			t.Errorf("%s: want %s in the log: %s", service, want, b.log)
		}
	}
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for range 500 {
		if done() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("it did not happen")
}

func (s *Server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.clients)
}

// The session ends while the client still talks: its last answer arrives, and
// then the end, in TLS by close_notify.
func TestSessionEnds(t *testing.T) {
	for _, service := range []string{"imap", "imaps"} {
		b := start(t, nil)
		b.fake.session = func(conn *handover.Client, h handover.Hello) {
			fmt.Fprintf(conn, "%s OK\r\n", h.Tag)
			conn.Read(make([]byte, 1))
			io.WriteString(conn, "* BYE\r\nb OK\r\n")
		}
		p := b.dial(service)
		p.want("* OK")
		p.say("a LOGIN alice right", "a OK")
		p.say("b LOGOUT\r\n"+strings.Repeat("c NOOP\r\n", 1000), "* BYE", "b OK")
		p.end() // io.EOF, not a reset and not a truncated TLS stream
		p.conn.Close()
		waitFor(t, func() bool { return b.server.count() == 0 })
	}
}

func TestSessionEndsBeforeItAnswers(t *testing.T) {
	b := start(t, nil)
	b.fake.session = func(*handover.Client, handover.Hello) {}
	p := b.dial("imaps")
	p.want("* OK")
	p.say("a LOGIN alice right", "* BYE [UNAVAILABLE] The session could not be started.")
	p.end()
	p = b.dial("pop3s")
	p.want("+OK")
	p.say("USER alice", "+OK")
	p.say("PASS right", "-ERR [SYS/TEMP] The session could not be started.")
	p.end()
}

// A client that breaks off ends its session.
func TestClientBreaksOff(t *testing.T) {
	b := start(t, nil)
	ended := make(chan struct{})
	b.fake.session = func(conn *handover.Client, h handover.Hello) {
		defer close(ended)
		fmt.Fprintf(conn, "%s OK\r\n", h.Tag)
		for {
			if _, err := conn.Write(make([]byte, 100_000)); err != nil {
				return
			}
		}
	}
	p := b.dial("imaps")
	p.want("* OK")
	p.say("a LOGIN alice right", "a OK")
	tcp := p.conn.(*tls.Conn).NetConn().(*net.TCPConn)
	if err := tcp.SetLinger(0); err != nil { // reset
		t.Fatal(err)
	}
	tcp.Close()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("the session goes on")
	}
	waitFor(t, func() bool { return b.server.count() == 0 })
}

// A session that takes nothing and a client that takes nothing do not make the
// front hold anything but full sockets, and both end.
func TestStuck(t *testing.T) {
	b := start(t, nil, func(l *timeouts) { l.stuck, l.linger = 300*time.Millisecond, 300*time.Millisecond })
	ended := make(chan struct{})
	b.fake.session = func(conn *handover.Client, h handover.Hello) {
		defer close(ended)
		fmt.Fprintf(conn, "%s OK\r\n", h.Tag)
		for {
			if _, err := conn.Write(make([]byte, 100_000)); err != nil {
				return
			}
		}
	}
	p := b.dial("imaps")
	p.want("* OK")
	p.say("a LOGIN alice right", "a OK")
	select { // nothing is read from here on
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("a client that takes nothing goes on")
	}
	waitFor(t, func() bool { return b.server.count() == 0 })
}

func TestLogoutLine(t *testing.T) {
	for _, service := range []string{"imap", "imaps"} {
		b := start(t, nil)
		p := b.dial(service)
		p.want("* OK")
		p.say("a LOGIN alice right", "a OK")
		p.conn.Close()
		waitFor(t, func() bool { return b.server.count() == 0 })
		if !regexp.MustCompile(`level=INFO msg=logout sid=[0-9a-f]{16} proto=imap remote=127.0.0.1 user=alice dur=\S+ in=0 out=\d+`).MatchString(b.log.String()) {
			t.Errorf("%s: log: %s", service, b.log)
		}
	}
}

func BenchmarkPump(b *testing.B) {
	ben := start(b, nil)
	block := make([]byte, 1<<20)
	ben.fake.session = func(conn *handover.Client, h handover.Hello) {
		fmt.Fprintf(conn, "%s OK\r\n", h.Tag)
		for {
			if _, err := conn.Write(block); err != nil {
				return
			}
		}
	}
	p := ben.dial("imaps")
	p.want("* OK")
	p.say("a LOGIN alice right", "a OK")
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		if _, err := io.ReadFull(p.r, block); err != nil {
			b.Fatal(err)
		}
	}
}
