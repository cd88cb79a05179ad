package handover

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
)

// tcp returns a client, and the descriptor of the server's end of its connection.
func tcp(t *testing.T) (client net.Conn, server int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); conn.Close() })
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) { server = int(fd) }); err != nil {
		t.Fatal(err)
	}
	if err := client.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return client, server
}

var someone = Hello{SID: "s", Remote: "192.0.2.7", Tag: "a"}

// passed is an introduction as a program gets it, with descriptors of its own.
func passed(t *testing.T, in Introduction) (front Channel, got Passage) {
	t.Helper()
	front, p, err := in.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { front.Close() })
	if err := front.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got = Passage{Record: p.Record, Files: duplicates(t, p.Files...)}
	if err := errors.Join(p.Check(), p.Sent()); err != nil {
		t.Fatal(err)
	}
	return front, got
}

func duplicates(t *testing.T, fds ...int) (list fdpass.Descriptors) {
	t.Helper()
	for _, fd := range fds {
		own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, own)
	}
	return list
}

// What the front has read comes before what the socket has, and is counted with it.
func TestGiven(t *testing.T) {
	for _, ahead := range []string{"", "b NOOP\r\n", strings.Repeat("x", MaxAhead)} {
		user, socket := tcp(t)
		const later = "c NOOP\r\nd LOGOUT\r\n"
		if _, err := io.WriteString(user, later); err != nil {
			t.Fatal(err)
		}
		front, p := passed(t, Introduction{someone, socket, []byte(ahead)})
		if p.Carried() {
			t.Error("carried")
		}
		h, c, err := Accept(p)
		if err != nil || h != someone {
			t.Fatalf("%+v, %v", h, err)
		}
		got := make([]byte, len(ahead)+len(later))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != ahead+later {
			t.Errorf("%q, %v", got, err)
		}
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Error(err)
		}
		_, err = c.Read(got)
		if timeout, ok := err.(net.Error); !errors.Is(err, os.ErrDeadlineExceeded) || !ok || !timeout.Timeout() {
			t.Error(err)
		}
		for range 2 {
			if _, err := io.WriteString(c, "* BYE\r\n"); err != nil {
				t.Error(err)
			}
		}
		if err := errors.Join(c.Close(), unix.Shutdown(socket, unix.SHUT_WR)); err != nil {
			t.Error(err)
		}
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed twice: %v", err)
		}
		if counts := Await(front); counts != (Counts{uint64(len(got)), 14}) {
			t.Errorf("%+v", counts)
		}
		if got, err := io.ReadAll(user); err != nil || string(got) != "* BYE\r\n* BYE\r\n" {
			t.Errorf("%q, %v", got, err)
		}
	}
	_, _, err := Introduction{someone, 0, make([]byte, MaxAhead+1)}.Open()
	if !errors.Is(err, ErrHello) {
		t.Errorf("too much ahead: %v", err)
	}
}

func TestCarried(t *testing.T) {
	front, p := passed(t, Introduction{Hello: someone, Ahead: []byte("b NOOP\r\n")})
	h, c, err := Accept(p)
	if err != nil || h != someone || !p.Carried() {
		t.Fatalf("%+v, %v", h, err)
	}
	if _, err := io.WriteString(front, "c NOOP\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := front.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for _, want := range []string{"b NOOP\r\n", "c NOOP\r\n"} {
		if line, err := r.ReadString('\n'); err != nil || line != want {
			t.Errorf("%q, %v", line, err)
		}
	}
	if _, err := r.ReadByte(); err != io.EOF {
		t.Error(err)
	}
	if _, err := io.WriteString(c, "c OK\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(front); err != nil || string(got) != "c OK\r\n" { // and no counts
		t.Errorf("%q, %v", got, err)
	}
}

// What is refused leaves no descriptor open.
func TestAcceptRefused(t *testing.T) {
	_, socket := tcp(t)
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(null)
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[0])
	defer unix.Close(ends[1])
	_, blocking := tcp(t)
	if err := unix.SetNonblock(blocking, false); err != nil {
		t.Fatal(err)
	}
	defer unix.SetNonblock(blocking, true)
	channel, p, err := Introduction{Hello: someone}.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer channel.Close()
	defer p.Sent()
	end := p.Files[0]
	descriptors := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	before := descriptors()
	for _, tc := range []struct {
		name  string
		files []int
		r     record
	}{
		{"no socket", []int{end}, record{someone, true, 0}},
		{"a socket too many", []int{end, socket}, record{someone, false, 0}},
		{"a file", []int{end, null}, record{someone, true, 0}},
		{"a unix socket", []int{end, ends[0]}, record{someone, true, 0}},
		{"a socket that blocks", []int{end, blocking}, record{someone, true, 0}},
		{"a channel that blocks", []int{ends[0]}, record{someone, false, 0}},
		{"less ahead than said", []int{end, socket}, record{someone, true, 2}},
		{"ahead in a file", []int{null, socket}, record{someone, true, 2}},
	} {
		b, err := tc.r.append(nil)
		if err != nil {
			t.Fatal(err)
		}
		got := Passage{Record: string(b), Files: duplicates(t, tc.files...)}
		if h, c, err := Accept(got); !errors.Is(err, ErrHello) || c != nil || h != (Hello{}) {
			t.Errorf("%s: %+v, %v, %v", tc.name, h, c, err)
		}
	}
	for _, half := range []string{"x", "fantail 3 sid=", p.Record[:len(p.Record)-1], p.Record + "\n"} {
		if _, _, err := Accept(Passage{Record: half, Files: duplicates(t, end)}); !errors.Is(err, ErrHello) {
			t.Errorf("%q: %v", half, err)
		}
	}
	if after := descriptors(); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

// Who has lost the starter sees whether a program has the connection.
func TestAdopted(t *testing.T) {
	front, p := passed(t, Introduction{Hello: someone})
	if !Adopted(front) {
		t.Error("a program has it")
	}
	if err := front.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Error(err)
	}
	_, c, err := Accept(p)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, "a OK")
	c.Close()
	if !Adopted(front) {
		t.Error("a program has answered")
	}
	if got, err := io.ReadAll(front); string(got) != "a OK" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, ahead := range []string{"", "ahead"} {
		front, p = passed(t, Introduction{Hello: someone, Ahead: []byte(ahead)})
		p.Close()
		if Adopted(front) {
			t.Error("nobody has it")
		}
	}
}

// The last counts count; half of one is none.
func TestAwait(t *testing.T) {
	front, p := passed(t, Introduction{Hello: someone})
	Counts{1, 2}.write(p.Files[0])
	Counts{1 << 40, 3}.write(p.Files[0])
	if _, err := unix.Write(p.Files[0], []byte("half")); err != nil {
		t.Fatal(err)
	}
	p.Close()
	if got := Await(front); got != (Counts{1 << 40, 3}) {
		t.Errorf("%+v", got)
	}
}

// FuzzAccept: a record and descriptors that do not fit it are refused, and what is refused
// is closed.
func FuzzAccept(f *testing.F) {
	for _, r := range records {
		b, err := r.append(nil)
		if err != nil {
			f.Fatal(err)
		}
		for kind := range uint8(12) {
			f.Add(string(b), kind)
		}
	}
	f.Fuzz(func(t *testing.T, text string, kind uint8) {
		_, socket := tcp(t)
		null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		channel, p, err := Introduction{Hello: someone, Ahead: make([]byte, MaxAhead)}.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer channel.Close()
		files := [][]int{{p.Files[0]}, {p.Files[0], socket}, {p.Files[0], null}, {null, socket}, {socket, p.Files[0]}, {null}}[kind%6]
		got := Passage{Record: text, Files: duplicates(t, files...)}
		_, c, err := Accept(got)
		if err := errors.Join(p.Sent(), unix.Close(null)); err != nil {
			t.Fatal(err)
		}
		if err == nil {
			c.Close()
			r, e := parseRecord(text)
			if e != nil || r.socket != (len(files) == 2) || r.socket && files[1] != socket {
				t.Errorf("%q with %d was accepted", text, kind%6)
			}
		} else if !errors.Is(err, ErrHello) {
			t.Error(err)
		} else if err = got.Close(); err == nil {
			t.Errorf("%q with %d was left open", text, kind%6)
		}
	})
}
