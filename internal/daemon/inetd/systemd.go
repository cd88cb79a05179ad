package inetd

import (
	"fmt"
	"net"
	"os"

	"github.com/coreos/go-systemd/v22/activation"
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
	return Listener{asked{l}, name}, nil
}
