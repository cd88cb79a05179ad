package fdpass

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// room is for the longest message of these tests.
const room = 64

func pair(t *testing.T) (a, b *Conn) {
	t.Helper()
	a, f, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err = Open(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// open counts this process's descriptors.
func open(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// null is a descriptor of no socket.
func null(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestPass(t *testing.T) {
	a, b := pair(t)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	r, w := os.NewFile(uintptr(pipe[0]), "r"), pipe[1]
	defer r.Close()
	sent := []Descriptors{{w}, nil, {w, w}}
	for i, fds := range sent {
		if err := a.Send(fmt.Append(nil, "message ", i), fds); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(unix.Close(w), a.Close()); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, room)
	for i := range sent {
		m, fds, err := b.Receive(buf)
		if err != nil || string(m) != fmt.Sprint("message ", i) || len(fds) != len(sent[i]) {
			t.Fatalf("%q, %v, %v", m, fds, err)
		}
		for _, fd := range fds {
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("the descriptor is inherited: %v", err)
			}
			if _, err := unix.Write(fd, fmt.Append(nil, i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := fds.Close(); err != nil {
			t.Error(err)
		}
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "022" {
		t.Errorf("%q, %v", got, err)
	}
	if _, _, err := b.Receive(buf); err != io.EOF {
		t.Error(err)
	}
	if err := b.Send([]byte("x"), nil); !errors.Is(err, unix.EPIPE) {
		t.Error(err)
	}
}

// A peer that closes without having read is at its end, as any other, behind what it has
// sent.
func TestUnread(t *testing.T) {
	a, b := pair(t)
	if err := errors.Join(a.Send([]byte("x"), nil), b.Send([]byte("1"), nil), b.Send([]byte("2"), Descriptors{0}), b.Close()); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, room)
	for _, want := range []string{"1", "2"} {
		m, fds, err := a.Receive(buf)
		if string(m) != want || err != nil {
			t.Errorf("%q, %v", m, err)
		}
		fds.Close()
	}
	if _, _, err := a.Receive(buf); err != io.EOF {
		t.Error(err)
	}
}

func TestHalf(t *testing.T) {
	a, b := pair(t)
	if err := errors.Join(a.CloseWrite(), b.Send([]byte("x"), nil)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, room)
	if _, _, err := b.Receive(buf); err != io.EOF {
		t.Error(err)
	}
	if m, _, err := a.Receive(buf); err != nil || string(m) != "x" {
		t.Errorf("%q, %v", m, err)
	}
}

// What is not a message is refused, and leaves no descriptor open.
func TestRefused(t *testing.T) {
	a, b := pair(t)
	null := null(t)
	before := open(t)
	for name, send := range map[string]func() (int, int, error){
		"long": func() (int, int, error) { return a.c.WriteMsgUnix(make([]byte, room+1), nil, nil) },
		"long with one": func() (int, int, error) {
			return a.c.WriteMsgUnix(make([]byte, room+1), unix.UnixRights(int(null.Fd())), nil)
		},
		"three": func() (int, int, error) {
			fd := int(null.Fd())
			return a.c.WriteMsgUnix([]byte("x"), unix.UnixRights(fd, fd, fd), nil)
		},
		"many": func() (int, int, error) {
			fds := make([]int, 100)
			for i := range fds {
				fds[i] = int(null.Fd())
			}
			return a.c.WriteMsgUnix([]byte("x"), unix.UnixRights(fds...), nil)
		},
	} {
		if _, _, err := send(); err != nil {
			t.Fatal(name, err)
		}
		if m, f, err := b.Receive(make([]byte, room)); !errors.Is(err, ErrMessage) || m != nil || f != nil {
			t.Errorf("%s: %q, %v, %v", name, m, f, err)
		}
	}
	if after := open(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	if err := a.Send([]byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	if m, _, err := b.Receive(make([]byte, room)); err != nil || string(m) != "x" {
		t.Errorf("afterwards: %q, %v", m, err)
	}
}

func TestNoRoom(t *testing.T) {
	a, _ := pair(t)
	if err := a.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var err error
	for i := 0; i < 1e6 && err == nil; i++ {
		err = a.Send([]byte("x"), nil)
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

func TestOpen(t *testing.T) {
	null := null(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tcp, err := c.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	for _, f := range []*os.File{null, tcp} {
		if c, err := Open(f); err == nil {
			t.Errorf("%s: %v", f.Name(), c)
		}
	}
}

func FuzzDescriptors(f *testing.F) {
	f.Add([]byte{})
	f.Add(unix.UnixRights(3))
	f.Add(unix.UnixRights(3, 4, 5))
	f.Add(append(unix.UnixRights(3), unix.UnixRights(4)...))
	f.Add(unix.UnixCredentials(&unix.Ucred{Pid: 1}))
	f.Fuzz(func(t *testing.T, oob []byte) {
		given := bytes.Clone(oob)
		fds, err := descriptors(oob)
		if len(fds) > len(oob)/4 {
			t.Errorf("%d descriptors in %d octets", len(fds), len(oob))
		}
		if err != nil && !errors.Is(err, ErrMessage) {
			t.Error(err)
		}
		if !bytes.Equal(oob, given) {
			t.Error("changed")
		}
	})
}

func TestListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.l.File() // as systemd passes one
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	passed, err := OpenListener(f)
	if err != nil {
		t.Fatal(err)
	}
	defer passed.Close()
	client, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := passed.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	me := Peer{int32(os.Getpid()), uint32(os.Geteuid())}
	for _, c := range []*Conn{client, server} {
		if p, err := c.Peer(); p != me || err != nil {
			t.Errorf("peer %v, %v; want %v", p, err, me)
		}
	}
	if err := client.Send([]byte("hello"), nil); err != nil {
		t.Fatal(err)
	}
	if m, _, err := server.Receive(make([]byte, room)); string(m) != "hello" || err != nil {
		t.Errorf("%q, %v", m, err)
	}
	if err := errors.Join(l.Close(), passed.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := passed.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept on a closed socket: %v", err)
	}
	stream, err := net.Listen("unix", filepath.Join(t.TempDir(), "stream"))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	f2, err := stream.(*net.UnixListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f2.Close()
	if _, err := OpenListener(f2); err == nil {
		t.Error("a stream socket was taken")
	}
}
