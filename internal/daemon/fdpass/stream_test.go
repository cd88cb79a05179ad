package fdpass

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func streams(t *testing.T) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "end")
		conn, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		ends[i] = conn.(*net.UnixConn)
	}
	return ends[0], ends[1]
}

func TestStream(t *testing.T) {
	a, b := streams(t)
	var fds [2]int // of a pipe, in blocking mode
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	r, w := os.NewFile(uintptr(fds[0]), "r"), os.NewFile(uintptr(fds[1]), "w")
	defer w.Close()
	if err := WriteFile(a, []byte("hello"), r); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write([]byte("more")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Close(), a.Close()); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 3)
	n, f, err := ReadFile(b, buf)
	if err != nil || string(buf[:n]) != "hel" || f == nil {
		t.Fatalf("%q, %v, %v", buf[:n], f, err)
	}
	defer f.Close()
	if err := f.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Error(err)
	}
	if _, err := f.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	if n, f, err := ReadFile(b, buf); err != nil || string(buf[:n]) != "lo" && string(buf[:n]) != "lom" || f != nil {
		t.Errorf("%q, %v, %v", buf[:n], f, err)
	}
	if _, err := io.ReadAll(b); err != nil {
		t.Error(err)
	}
	if n, f, err := ReadFile(b, buf); n != 0 || f != nil || err != io.EOF {
		t.Errorf("%d, %v, %v", n, f, err)
	}
}

func TestStreamRefused(t *testing.T) {
	a, b := streams(t)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	before := open(t)
	if _, _, err := a.WriteMsgUnix([]byte("x"), unix.UnixRights(int(null.Fd()), int(null.Fd())), nil); err != nil {
		t.Fatal(err)
	}
	if n, f, err := ReadFile(b, make([]byte, 10)); !errors.Is(err, ErrMessage) || n != 0 || f != nil {
		t.Errorf("%d, %v, %v", n, f, err)
	}
	if after := open(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}
