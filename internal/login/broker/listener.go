package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
)

// listener is a socket that listens.
type listener struct {
	socket Socket
	l      interface{ Close() error } // *fdpass.Listener, or *net.UnixListener of a stream
}

// network is the type of a socket in package net.
func (s Socket) network() string {
	if s.Stream != nil {
		return "unix"
	}
	return "unixpacket"
}

// accept waits for the next connection, and returns what serves it.
func (l listener) accept() (serve func(context.Context) error, err error) {
	if stream, ok := l.l.(*net.UnixListener); ok {
		c, err := stream.AcceptUnix()
		return func(ctx context.Context) error { return l.socket.Stream(ctx, c) }, err
	}
	c, err := l.l.(*fdpass.Listener).Accept()
	return func(ctx context.Context) error { return l.socket.Serve(ctx, c) }, err
}

// Close closes the socket; accept returns net.ErrClosed.
func (l listener) Close() error { return l.l.Close() }

// openListener returns the listening socket that f is, which stays the caller's to close.
func openListener(f *os.File, s Socket) (listener, error) {
	if s.Stream == nil {
		l, err := fdpass.OpenListener(f)
		return listener{s, l}, err
	}
	l, err := net.FileListener(f)
	if err != nil {
		return listener{}, fmt.Errorf("listen on %s: %w", f.Name(), err)
	}
	u, ok := l.(*net.UnixListener)
	if !ok || u.Addr().Network() != s.network() {
		return listener{}, errors.Join(fmt.Errorf("listen on %s: it is of another type", f.Name()), l.Close())
	}
	return listener{s, u}, nil
}

// makeSocket makes a socket that nobody could connect to before it had its mode.
func makeSocket(path string, s Socket) (l listener, err error) {
	if err := removeStale(path, s.network()); err != nil {
		return l, err
	}
	l.socket = s
	old := unix.Umask(0o177)
	if s.Stream != nil {
		l.l, err = net.ListenUnix(s.network(), &net.UnixAddr{Name: path, Net: s.network()})
	} else {
		l.l, err = fdpass.Listen(path)
	}
	unix.Umask(old)
	if err != nil {
		return l, err
	}
	if err := os.Chmod(path, s.Mode); err != nil {
		return l, errors.Join(err, l.Close())
	}
	return l, nil
}

// removeStale removes a socket on which nobody listens.
func removeStale(path, network string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is there and no socket", path)
	}
	c, err := net.Dial(network, path)
	if err == nil {
		return errors.Join(fmt.Errorf("another daemon listens on %s", path), c.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}
