package session

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// blocking makes a pipe or socket pair whose ends are in blocking mode, as a
// program finds its standard input.
func blocking(t *testing.T, socket bool) (near, far *os.File) {
	var fds [2]int
	err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC)
	if socket {
		fds, err = syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fds[0]), "near"), os.NewFile(uintptr(fds[1]), "far")
}

func isNonblock(t *testing.T, fd uintptr) bool {
	t.Helper()
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	return flags&syscall.O_NONBLOCK != 0
}

func TestStdioDeadlines(t *testing.T) {
	for name, socket := range map[string]bool{"pipe": false, "socket": true} {
		t.Run(name, func(t *testing.T) {
			in, peerOut := blocking(t, socket)
			peerIn, out := blocking(t, socket)
			inFD, outFD := in.Fd(), out.Fd()
			s, err := NewStdio(in, out)
			if err != nil {
				t.Fatal(err)
			}
			past := time.Unix(1, 0)
			if err := errors.Join(s.SetReadDeadline(past), s.SetWriteDeadline(past)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("read: %v", err)
			}
			if _, err := s.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("write: %v", err)
			}
			if err := errors.Join(s.SetReadDeadline(time.Time{}), s.SetWriteDeadline(time.Time{})); err != nil {
				t.Fatal(err)
			}
			echo(t, s, peerIn, peerOut)
			if !isNonblock(t, inFD) || !isNonblock(t, outFD) {
				t.Error("there are no time-outs")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if isNonblock(t, inFD) || isNonblock(t, outFD) {
				t.Error("the descriptors are not as they were")
			}
			if err := errors.Join(peerIn.Close(), peerOut.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}

func echo(t *testing.T, s *Stdio, peerIn, peerOut *os.File) {
	t.Helper()
	p := make([]byte, 4)
	if _, err := peerOut.WriteString("in"); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Read(p); err != nil || string(p[:n]) != "in" {
		t.Errorf("read %q, %v", p[:n], err)
	}
	if _, err := s.Write([]byte("out")); err != nil {
		t.Fatal(err)
	}
	if n, err := peerIn.Read(p); err != nil || string(p[:n]) != "out" {
		t.Errorf("the peer read %q, %v", p[:n], err)
	}
}

// A file has no time-outs; asking for them is no error.
func TestStdioFile(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := NewStdio(f, f)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.SetReadDeadline(time.Now()), s.SetWriteDeadline(time.Now()), s.Close()); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := NewStdio(f, f); err == nil {
		t.Error("closed files are no connection")
	}
}
