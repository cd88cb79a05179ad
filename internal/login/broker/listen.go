package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"

	"fantail/internal/daemon/fdpass"
)

// Socket is one of the sockets of a daemon, of the type SOCK_SEQPACKET, or SOCK_STREAM if
// it is served by Stream.
type Socket struct {
	Name string
	// Mode is what the socket gets if the daemon makes it. The directory decides on
	// its group, by its setgid bit.
	Mode fs.FileMode
	// Serve serves somebody who has connected until the connection or ctx ends. It
	// closes the connection. Its error is what the peer did wrong.
	Serve func(ctx context.Context, c *fdpass.Conn) error
	// Stream is Serve of a connection of the other type. There need be no such socket,
	// and there may be several.
	Stream func(ctx context.Context, c *net.UnixConn) error
	// Paths are where the daemon makes those that are served by Stream, whatever
	// systemd passes.
	Paths []string
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
	listeners, err := s.listen()
	if err != nil {
		return err
	}
	if err := s.GiveUp(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, len(listeners))
	var conns sync.WaitGroup
	for _, l := range listeners {
		conns.Go(func() { failed <- s.accept(ctx, l, &conns) })
	}
	ready()
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	cancel()
	err = errors.Join(err, closeAll(listeners))
	conns.Wait()
	return err
}

// accept serves the connections of one socket until it is closed.
func (s Sockets) accept(ctx context.Context, l listener, conns *sync.WaitGroup) error {
	for {
		serve, err := l.accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ECONNABORTED):
			s.Log.Error("accept", "socket", l.socket.Name, "err", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			continue
		case err != nil:
			return err
		}
		conns.Go(func() {
			if err := serve(ctx); err != nil && ctx.Err() == nil {
				s.Log.Warn("a peer was sent away", "socket", l.socket.Name, "err", err)
			}
		})
	}
}

// listen returns the listening sockets.
func (s Sockets) listen() ([]listener, error) {
	list, err := inherit(s.List)
	if err == nil && len(list) == 0 {
		list, err = create(s.Directory, s.List)
	}
	for _, socket := range s.List {
		has := slices.ContainsFunc(list, func(l listener) bool { return l.socket.Name == socket.Name })
		if err == nil && !has && socket.Stream == nil {
			err = fmt.Errorf("systemd passes no socket %s", socket.Name)
		}
		for _, path := range socket.Paths {
			var l listener
			if err == nil {
				if l, err = makeSocket(path, socket); err == nil {
					list = append(list, l)
				}
			}
		}
	}
	if err != nil {
		return nil, errors.Join(err, closeAll(list))
	}
	return list, nil
}

func closeAll(list []listener) error {
	var errs []error
	for _, l := range list {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

func names(sockets []Socket) string {
	var list []string
	for _, s := range sockets {
		list = append(list, s.Name)
	}
	return strings.Join(list, ", ")
}

// inherit returns those that systemd passes, also beside an error.
func inherit(sockets []Socket) (list []listener, err error) {
	for _, f := range activation.Files(true) {
		defer f.Close()
		i := slices.IndexFunc(sockets, func(s Socket) bool { return s.Name == f.Name() })
		if i < 0 {
			return list, fmt.Errorf("inherited socket has the name %q: set FileDescriptorName to one of %s", f.Name(), names(sockets))
		}
		again := slices.ContainsFunc(list, func(l listener) bool { return l.socket.Name == f.Name() })
		if again && sockets[i].Stream == nil {
			return list, fmt.Errorf("systemd passes two sockets %s", f.Name())
		}
		l, err := openListener(f, sockets[i])
		if err != nil {
			return list, err
		}
		list = append(list, l)
	}
	return list, nil
}

// create makes those that there must be, and returns them also beside an error.
func create(dir string, sockets []Socket) (list []listener, err error) {
	if dir == "" {
		return nil, fmt.Errorf("no sockets: say where to make them, or start the program by socket units (%s)", names(sockets))
	}
	for _, s := range sockets {
		if s.Stream != nil {
			continue
		}
		l, err := makeSocket(filepath.Join(dir, s.Name), s)
		if err != nil {
			return list, err
		}
		list = append(list, l)
	}
	return list, nil
}
