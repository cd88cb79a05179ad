package session

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Stdio is a Conn of two files, the standard input and output of a session
// program. Sockets and pipes get time-outs; a terminal or a plain file has none
// (RFC 1939 section 3 leaves autologout to the server).
type Stdio struct{ in, out stream }

// socket returns the input as a socket, and is closed by that. The file is closed,
// too.
func (s *Stdio) socket() (net.Conn, error) {
	in := s.in.File
	if s.in.given != nil {
		in = s.in.given
	}
	// Before conn exists: closing sets the mode of the socket, which conn shares.
	if err := s.Close(); err != nil {
		return nil, err
	}
	conn, err := net.FileConn(in)
	if err != nil {
		return nil, fmt.Errorf("use standard input as a socket: %w", err)
	}
	if err := in.Close(); err != nil { // conn has its own descriptor
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// NewStdio makes a Stdio. Time-outs need descriptors in non-blocking mode, which
// other programs that have the same socket or pipe see too, so Close must be
// called in the end. It leaves the files open.
func NewStdio(in, out *os.File) (*Stdio, error) {
	var s Stdio
	var err, errOut error
	s.in, err = newStream(in)
	s.out, errOut = newStream(out)
	if err := errors.Join(err, errOut); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &s, nil
}

// Close puts the descriptors back into the mode they came in.
func (s *Stdio) Close() error { return errors.Join(s.in.close(), s.out.close()) }

// Read reads from the input.
func (s *Stdio) Read(p []byte) (int, error) { return s.in.Read(p) }

// Write writes to the output.
func (s *Stdio) Write(p []byte) (int, error) { return s.out.Write(p) }

// SetReadDeadline limits the time of reads, if the input has time-outs.
func (s *Stdio) SetReadDeadline(t time.Time) error {
	if !s.in.timed {
		return nil
	}
	return s.in.File.SetReadDeadline(t)
}

// SetWriteDeadline limits the time of writes, if the output has time-outs.
func (s *Stdio) SetWriteDeadline(t time.Time) error {
	if !s.out.timed {
		return nil
	}
	return s.out.File.SetWriteDeadline(t)
}

// stream is one of the two files, or a duplicate of it that has time-outs.
type stream struct {
	*os.File
	given *os.File // whose duplicate File is; nil if it is none
	timed bool
}

func newStream(f *os.File) (stream, error) {
	if f.SetDeadline(time.Time{}) == nil {
		return stream{File: f, timed: true}, nil
	}
	info, err := f.Stat()
	if err != nil {
		return stream{}, err
	}
	if info.Mode()&(fs.ModeSocket|fs.ModeNamedPipe) == 0 {
		return stream{File: f}, nil
	}
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return stream{}, fmt.Errorf("duplicate %s: %w", f.Name(), err)
	}
	// The mode belongs to the open file, not to the descriptor: f has it too.
	err = unix.SetNonblock(fd, true)
	s := stream{File: os.NewFile(uintptr(fd), f.Name()), given: f, timed: true}
	if err != nil {
		return stream{}, errors.Join(fmt.Errorf("set %s to non-blocking mode: %w", f.Name(), err), s.File.Close())
	}
	return s, nil
}

func (s *stream) close() error {
	if s.given == nil {
		return nil
	}
	given := s.given
	s.given = nil // Close may be called again
	err := s.File.Close()
	if e := unix.SetNonblock(int(given.Fd()), false); e != nil {
		err = errors.Join(err, fmt.Errorf("set %s to blocking mode: %w", given.Name(), e))
	}
	return err
}
