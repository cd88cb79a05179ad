package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

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
}

// Listen returns the listening sockets of a daemon by name: those that systemd passes,
// told apart by FileDescriptorName, or if it passes none, new ones in a directory. A
// socket that a daemon left there that is gone is replaced.
func Listen(dir string, sockets ...Socket) (map[string]*fdpass.Listener, error) {
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
