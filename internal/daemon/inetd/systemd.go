package inetd

import (
	"fmt"
	"net"
	"os"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// inherited returns the listening sockets of LISTEN_FDS.
func inherited(want []Wanted) (list []Listener, err error) {
	defer func() {
		if err != nil {
			closeAll(list)
			list = nil
		}
	}()
	for _, f := range activation.Files(true) {
		l, err := listener(f, want)
		if err != nil {
			return list, err
		}
		list = append(list, l)
	}
	return list, nil
}

// listener takes over f, which it closes.
func listener(f *os.File, want []Wanted) (Listener, error) {
	defer f.Close()
	if isConnection(int(f.Fd())) {
		return Listener{}, fmt.Errorf("inherited socket %q is a connection (Accept=yes): use -i", f.Name())
	}
	l, err := net.FileListener(f)
	if err != nil {
		return Listener{}, fmt.Errorf("inherited socket %q: %w", f.Name(), err)
	}
	name, err := serviceOf(f.Name(), l.Addr(), want)
	if err != nil {
		l.Close()
		return Listener{}, err
	}
	return Listener{l, name}, nil
}

// Ready tells the service manager, if there is one, that the daemon accepts
// connections (sd_notify(3)).
func Ready() error { return notify(daemon.SdNotifyReady) }

// Reloading tells the service manager that the configuration is being read
// again; Ready must follow.
func Reloading() error { return notify(daemon.SdNotifyReloading) }

// Stopping tells the service manager that no more connections are accepted.
func Stopping() error { return notify(daemon.SdNotifyStopping) }

func notify(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("notify the service manager of %s: %w", state, err)
	}
	return nil
}
