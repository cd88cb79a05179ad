package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
)

// Socket is one of the sockets of a daemon.
type Socket struct {
	Name string
	// Mode is what the socket gets if the daemon makes it. The directory decides on
	// its group, by its setgid bit.
	Mode fs.FileMode
	// Serve serves somebody who has connected until the connection or ctx ends. It
	// closes the connection. Its error is what the peer did wrong.
	Serve func(ctx context.Context, c *fdpass.Conn) error
}

// Sockets are those of a daemon. It gets them from systemd, told apart by
// FileDescriptorName, or if that passes none it makes them in a directory. One that a
// daemon left there that is gone is replaced.
type Sockets struct {
	List      []Socket
	Directory string // "": there must be some from systemd
	// GiveUp is called when the sockets listen, before anybody is served: the daemon
	// gives up what it does not need any more.
	GiveUp func() error
	Log    *slog.Logger
}

// Serve serves whoever connects until ctx ends, and calls ready once somebody can. It
// returns when all connections have ended.
func (s Sockets) Serve(ctx context.Context, ready func()) error {
	listeners, err := listen(s.Directory, s.List)
	if err != nil {
		return err
	}
	if err := s.GiveUp(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, len(s.List))
	var conns sync.WaitGroup
	for _, socket := range s.List {
		conns.Go(func() { failed <- s.accept(ctx, listeners[socket.Name], socket, &conns) })
	}
	ready()
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	cancel()
	for _, l := range listeners {
		err = errors.Join(err, l.Close())
	}
	conns.Wait()
	return err
}

// accept serves the connections of one socket until it is closed.
func (s Sockets) accept(ctx context.Context, l *fdpass.Listener, socket Socket, conns *sync.WaitGroup) error {
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ECONNABORTED):
			s.Log.Error("accept", "socket", socket.Name, "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		case err != nil:
			return err
		}
		conns.Go(func() {
			if err := socket.Serve(ctx, c); err != nil && ctx.Err() == nil {
				s.Log.Warn("a peer was sent away", "socket", socket.Name, "err", err)
			}
		})
	}
}

// listen returns the listening sockets by name.
func listen(dir string, sockets []Socket) (map[string]*fdpass.Listener, error) {
	list := make(map[string]*fdpass.Listener)
	err := inherit(list, sockets)
	if err == nil && len(list) == 0 {
		err = create(list, dir, sockets)
	}
	if err == nil && len(list) < len(sockets) {
		err = fmt.Errorf("systemd passes %d of the %d sockets %s", len(list), len(sockets), names(sockets))
	}
	if err != nil {
		for _, l := range list {
			err = errors.Join(err, l.Close())
		}
		return nil, err
	}
	return list, nil
}

func names(sockets []Socket) string {
	var list []string
	for _, s := range sockets {
		list = append(list, s.Name)
	}
	return strings.Join(list, ", ")
}

func inherit(list map[string]*fdpass.Listener, sockets []Socket) error {
	for _, f := range activation.Files(true) {
		defer f.Close()
		if !slices.ContainsFunc(sockets, func(s Socket) bool { return s.Name == f.Name() }) {
			return fmt.Errorf("inherited socket has the name %q: set FileDescriptorName to one of %s", f.Name(), names(sockets))
		}
		l, err := fdpass.OpenListener(f)
		if err != nil {
			return err
		}
		list[f.Name()] = l
	}
	return nil
}

func create(list map[string]*fdpass.Listener, dir string, sockets []Socket) error {
	if dir == "" {
		return fmt.Errorf("no sockets: say where to make them, or start the program by socket units (%s)", names(sockets))
	}
	for _, s := range sockets {
		l, err := makeSocket(filepath.Join(dir, s.Name), s.Mode)
		if err != nil {
			return err
		}
		list[s.Name] = l
	}
	return nil
}

// makeSocket makes a socket that nobody could connect to before it had its mode.
func makeSocket(path string, mode fs.FileMode) (*fdpass.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	old := unix.Umask(0o177)
	l, err := fdpass.Listen(path)
	unix.Umask(old)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// removeStale removes a socket on which nobody listens.
func removeStale(path string) error {
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
	c, err := fdpass.Dial(context.Background(), path)
	if err == nil {
		return errors.Join(fmt.Errorf("another daemon listens on %s", path), c.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}
