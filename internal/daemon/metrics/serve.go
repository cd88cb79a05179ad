package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	// SocketName is that of a daemon's socket, in a directory of the daemon's own: who can
	// look into the directory decides who can read the numbers.
	SocketName = "openmetrics"
	// Directory is where those directories are, in that of the daemons' other sockets.
	Directory = "metrics"

	// atOnce is how many are told at the same time.
	atOnce = 4
	// unread is how long somebody may leave unread what he is told.
	unread = 3 * time.Second
)

// Listen makes the socket of a daemon in the directory, and its own directory there unless
// there is one: its group, and so that of the socket, is given to it by its setgid bit. A
// socket that is there is one of a daemon that has ended.
func Listen(dir, daemon string) (net.Listener, error) {
	own := filepath.Join(dir, daemon)
	if err := os.MkdirAll(own, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(own, SocketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // in its sandbox it cannot
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Serve tells the numbers to whoever connects, until ctx ends.
func (s *Set) Serve(ctx context.Context, l net.Listener) error {
	defer context.AfterFunc(ctx, func() { l.Close() })() // an error says that it is closed
	var telling sync.WaitGroup
	defer telling.Wait()
	room := make(chan struct{}, atOnce)
	for {
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			if conn != nil {
				conn.Close()
			}
			return nil
		case err != nil: // no descriptors: later there may be some
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		}
		room <- struct{}{}
		telling.Go(func() {
			defer func() { <-room }()
			s.tell(conn)
		})
	}
}

// tell tells the numbers to somebody. If he does not listen, that is his affair.
func (s *Set) tell(conn net.Conn) {
	defer conn.Close()
	if conn.SetWriteDeadline(time.Now().Add(unread)) == nil {
		_, _ = conn.Write(Append(nil, s.Samples()))
	}
}

// Open makes the socket of a daemon, as Listen does, in Directory of the directory with its
// other sockets, and returns what serves it until ctx ends. Without a socket, which is told
// to the log, or a directory the daemon goes on: then that waits, and nothing more.
func (s *Set) Open(sockets, daemon string, log *slog.Logger) (serve func(ctx context.Context)) {
	if sockets == "" {
		return func(ctx context.Context) { <-ctx.Done() }
	}
	l, err := Listen(filepath.Join(sockets, Directory), daemon)
	if err != nil {
		log.Warn("nobody is told how much happens", "err", err)
		return func(ctx context.Context) { <-ctx.Done() }
	}
	return func(ctx context.Context) {
		if err := s.Serve(ctx, l); err != nil {
			log.Error("nobody is told any more how much happens", "err", err)
		}
	}
}
