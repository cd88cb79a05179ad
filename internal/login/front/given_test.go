package front

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/login/broker"
	"fantail/internal/login/handover"
	"fantail/internal/login/session/sessiontest"
)

// What comes in one packet with the login is neither lost nor doubled, nor is what
// comes while the password is checked, whoever carries it.
func TestPipelineBehindLogin(t *testing.T) {
	for _, service := range []string{"imap", "imaps", "pop3", "pop3s"} {
		b := start(t, nil)
		heard := make(chan string, 1)
		b.fake.session = func(conn *handover.Client, h handover.Hello) {
			fmt.Fprintf(conn, "%s OK\r\n", h.Tag)
			all, _ := io.ReadAll(conn)
			heard <- string(all)
		}
		p := b.dial(service)
		p.line()
		login, tail := "a LOGIN alice right\r\n", strings.Repeat("b NOOP\r\n", 300)
		if strings.HasPrefix(service, "pop3") {
			login = "USER alice\r\nPASS right\r\n"
		}
		p.send(login + tail)
		time.Sleep(10 * time.Millisecond)
		p.send("c LOGOUT\r\n")
		p.conn.(interface{ CloseWrite() error }).CloseWrite()
		if got := <-heard; got != tail+"c LOGOUT\r\n" {
			t.Errorf("%s: %d octets, ...%.40q", service, len(got), got[max(0, len(got)-40):])
		}
		p.conn.Close()
		waitFor(t, func() bool { return b.server.count() == 0 })
		if want := fmt.Sprintf(" in=%d ", len(tail)+10); !strings.Contains(b.log.String(), want) {
			t.Errorf("%s: want %s in the log: %s", service, want, b.log)
		}
	}
}

// A connection counts until it has ended, whoever ends it.
func TestLimitsAfterLogin(t *testing.T) {
	for _, service := range []string{"imap", "imaps"} {
		b := start(t, func(o *Options) { o.PerSource = 2 })
		b.fake.session = func(conn *handover.Client, h handover.Hello) {
			fmt.Fprintf(conn, "%s OK\r\n", h.Tag)
			conn.Read(make([]byte, 1))
		}
		for _, end := range []func(*peer){
			func(p *peer) { p.conn.Close() },
			func(p *peer) { p.send("b LOGOUT\r\n"); p.end(); p.conn.Close() },
		} {
			var peers []*peer
			for range 2 {
				p := b.dial(service)
				p.want("* OK")
				p.say("a LOGIN alice right", "a OK")
				peers = append(peers, p)
			}
			if n := b.server.count(); n != 2 {
				t.Errorf("%s: %d connections", service, n)
			}
			third, err := net.Dial("tcp", b.at["imap"])
			if err != nil {
				t.Fatal(err)
			}
			defer third.Close()
			if line, err := bufio.NewReader(third).ReadString('\n'); !strings.HasPrefix(line, "* BYE [UNAVAILABLE] Too many") {
				t.Errorf("%s: a third one: %q, %v", service, line, err)
			}
			end(peers[0])
			waitFor(t, func() bool { return b.server.count() == 1 })
			end(peers[1])
			waitFor(t, func() bool { return b.server.count() == 0 })
		}
	}
}

// A session that breaks after it has answered says nothing more in anybody's name.
func TestGivenSessionBreaks(t *testing.T) {
	b := start(t, nil)
	b.fake.session = func(conn *handover.Client, h handover.Hello) { fmt.Fprintf(conn, "%s OK\r\n* 1 FETCH", h.Tag) }
	p := b.dial("imap")
	p.want("* OK")
	p.say("a LOGIN alice right", "a OK")
	if rest, err := io.ReadAll(p.r); err != nil || string(rest) != "* 1 FETCH" {
		t.Errorf("%q, %v", rest, err)
	}
	p = b.dial("imap")
	p.want("* OK")
	b.fake.session = func(*handover.Client, handover.Hello) {}
	p.say("a LOGIN alice right", "* BYE [UNAVAILABLE] The session could not be started.")
	p.end()
	p = b.dial("pop3")
	p.want("+OK")
	p.say("USER alice", "+OK")
	p.say("PASS right", "-ERR [SYS/TEMP] The session could not be started.")
	p.end()
}

// keeper starts programs that are the test.
type keeper chan handover.Passage

func (k keeper) Start(_ context.Context, _ *broker.Grant, in handover.Introduction) (handover.Channel, error) {
	channel, p, err := in.Open()
	if err != nil {
		return nil, err
	}
	defer p.Sent()
	got, err := sessiontest.Received(p)
	if err != nil {
		return nil, errors.Join(err, channel.Close())
	}
	k <- got
	return channel, nil
}

// A session that has answered and then crashes, so that it cannot tell what it has said.
func TestSessionCrashes(t *testing.T) {
	started := make(keeper, 1)
	b := start(t, func(o *Options) { o.Starter = started })
	p := b.dial("imap")
	p.want("* OK")
	p.send("a LOGIN alice right\r\n")
	program := <-started
	_, err := unix.Write(program.Files[1], []byte("a OK\r\n* 1 FETCH"))
	if err := errors.Join(err, program.Close()); err != nil {
		t.Fatal(err)
	}
	p.want("a OK")
	if rest, err := io.ReadAll(p.r); err != nil || string(rest) != "* 1 FETCH" {
		t.Errorf("%q, %v", rest, err)
	}
}

// A session that keeps the socket, and does to it what it can, keeps no connection,
// and the front neither waits for it nor stops counting too early.
func TestSessionKeepsSocket(t *testing.T) {
	started := make(keeper, 1)
	b := start(t, func(o *Options) { o.Starter = started }, func(l *timeouts) { l.linger = 100 * time.Millisecond })
	p := b.dial("imap")
	p.want("* OK")
	p.send("a LOGIN alice right\r\n")
	program := <-started
	fd := program.Files[1]
	defer unix.Close(fd)
	err := errors.Join(unix.SetNonblock(fd, false), // for both
		unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 3600}))
	if err != nil {
		t.Fatal(err)
	}
	if n := b.server.count(); n != 1 {
		t.Errorf("%d connections", n)
	}
	unix.Close(program.Files[0])
	p.want("* BYE [UNAVAILABLE] The session could not be started.")
	p.end()
	waitFor(t, func() bool { return b.server.count() == 0 }) // though the client has not closed
	if _, err := unix.SendmsgN(fd, []byte("* OK still here\r\n"), nil, nil, unix.MSG_NOSIGNAL); !errors.Is(err, unix.EPIPE) {
		t.Errorf("the session writes: %v", err)
	}
}

// A client whose session was refused goes on with the front, which has nothing left of
// the attempt. One of whom nobody knows is not spoken to any more, for two might, unless
// the front carries.
func TestNoSession(t *testing.T) {
	b := start(t, nil)
	p := b.dial("imap")
	p.want("* OK")
	before := descriptors(t)
	for range 3 {
		p.send("a LOGIN nostart right\r\nb NOOP\r\n")
		p.want("a NO [UNAVAILABLE]")
		p.want("b OK")
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	p.say("a LOGIN alice right", "a OK")
	p.conn.Close()

	given, carried := b.dial("imap"), b.dial("imaps")
	given.want("* OK")
	given.send("a LOGIN unsure right\r\n")
	if rest, err := io.ReadAll(given.r); len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
	carried.want("* OK")
	carried.say("a LOGIN unsure right", "a NO [UNAVAILABLE]")
	carried.say("b NOOP", "b OK")
}

// descriptors counts those of this process.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
