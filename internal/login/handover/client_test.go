package handover

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"fantail/internal/daemon/fdpass"
)

// ends returns both ends of a channel.
func ends(t *testing.T) (front, program *net.UnixConn) {
	t.Helper()
	front, end, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer end.Close()
	conn, err := net.FileConn(end)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { front.Close(); conn.Close() })
	if err := errors.Join(front.SetDeadline(time.Now().Add(30*time.Second)), conn.SetDeadline(time.Now().Add(30*time.Second))); err != nil {
		t.Fatal(err)
	}
	return front, conn.(*net.UnixConn)
}

// tcp returns a client, and the server's end of its connection.
func tcp(t *testing.T) (client net.Conn, server *net.TCPConn) {
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
	if err := client.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return client, conn.(*net.TCPConn)
}

var someone = Hello{SID: "s", Remote: "192.0.2.7", Tag: "a"}

// What the front has read comes before what the socket has, and is counted with it.
func TestGive(t *testing.T) {
	for _, ahead := range []string{"", "b NOOP\r\n", strings.Repeat("x", MaxAhead)} {
		front, program := ends(t)
		user, socket := tcp(t)
		const later = "c NOOP\r\nd LOGOUT\r\n"
		if _, err := io.WriteString(user, later); err != nil {
			t.Fatal(err)
		}
		if err := someone.Give(front, socket, []byte(ahead)); err != nil {
			t.Fatal(err)
		}
		h, c, err := Accept(program)
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
		if _, err := c.Read(got); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		for range 2 {
			if _, err := io.WriteString(c, "* BYE\r\n"); err != nil {
				t.Error(err)
			}
		}
		if err := errors.Join(c.Close(), socket.Close()); err != nil {
			t.Error(err)
		}
		if counts := Await(front); counts != (Counts{uint64(len(got)), 14}) {
			t.Errorf("%+v", counts)
		}
		if got, err := io.ReadAll(user); err != nil || string(got) != "* BYE\r\n* BYE\r\n" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if err := someone.Give(nil, nil, make([]byte, MaxAhead+1)); !errors.Is(err, ErrHello) {
		t.Errorf("too much ahead: %v", err)
	}
}

func TestCarry(t *testing.T) {
	front, program := ends(t)
	if err := someone.Carry(front, []byte("b NOOP\r\n")); err != nil {
		t.Fatal(err)
	}
	h, c, err := Accept(program)
	if err != nil || h != someone {
		t.Fatalf("%+v, %v", h, err)
	}
	if _, err := io.WriteString(front, "c NOOP\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for _, want := range []string{"b NOOP\r\n", "c NOOP\r\n"} {
		if line, err := r.ReadString('\n'); err != nil || line != want {
			t.Errorf("%q, %v", line, err)
		}
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

// A record that comes in pieces is whole in the end.
func TestAcceptPieces(t *testing.T) {
	front, program := ends(t)
	user, socket := tcp(t)
	b, err := record{someone, true, 3}.append(nil)
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, "abc"...)
	if err := fdpass.WriteFile(front, b[:1], socket); err != nil {
		t.Fatal(err)
	}
	go func() {
		for i := range b[1:] {
			front.Write(b[1+i : 2+i])
			time.Sleep(100 * time.Microsecond)
		}
	}()
	_, c, err := Accept(program)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(user, "d"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "abcd" {
		t.Errorf("%q, %v", got, err)
	}
}

// What is refused leaves no descriptor open.
func TestAcceptRefused(t *testing.T) {
	front, program := ends(t)
	_, socket := tcp(t)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	descriptors := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	before := descriptors()
	for _, tc := range []struct {
		name   string
		socket syscall.Conn
		r      record
		ahead  string
	}{
		{"no socket", nil, record{someone, true, 0}, ""},
		{"a socket too many", socket, record{someone, false, 0}, ""},
		{"a file", null, record{someone, true, 0}, ""},
		{"a unix socket", front, record{someone, true, 0}, ""},
		{"more ahead than said", socket, record{someone, true, 2}, "abc"},
	} {
		b, err := tc.r.append(nil)
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, tc.ahead...)
		if tc.socket == nil {
			_, err = front.Write(b)
		} else {
			err = fdpass.WriteFile(front, b, tc.socket)
		}
		if err != nil {
			t.Fatal(err)
		}
		if h, c, err := Accept(program); !errors.Is(err, ErrHello) || c != nil || h != (Hello{}) {
			t.Errorf("%s: %+v, %v, %v", tc.name, h, c, err)
		}
	}
	if after := descriptors(); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	for _, half := range []string{"", "fantail 3 sid="} {
		front, program := ends(t)
		fmt.Fprint(front, half)
		front.Close()
		if _, _, err := Accept(program); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %v", half, err)
		}
	}
}

// The last counts count; half of one is none.
func TestAwait(t *testing.T) {
	front, program := ends(t)
	if err := errors.Join((Counts{1, 2}).write(program), (Counts{1 << 40, 3}).write(program)); err != nil {
		t.Fatal(err)
	}
	program.Write([]byte("half"))
	program.Close()
	if got := Await(front); got != (Counts{1 << 40, 3}) {
		t.Errorf("%+v", got)
	}
}
