// Package inetd gets a daemon its connections, in the three ways that Unix
// knows:
//
//   - listening sockets inherited from systemd (LISTEN_FDS, one unit per port,
//     Accept=no), told apart by FileDescriptorName or else by their port;
//   - listening sockets of its own, on the addresses in the configuration;
//   - one connection handed over by inetd, xinetd, tcpserver or a socket unit
//     with Accept=yes: file descriptor 0, or the only one of LISTEN_FDS.
//
// A daemon states what it serves as a list of Wanted and calls Listeners, or
// Connection when it was started with -i.
//
// Invariants: no descriptor from here survives an exec; after Connection the
// descriptors 0, 1 and 2 are never the client's connection, so nothing that is
// printed by mistake (a log line, a stack) reaches a client. LISTEN_FDS is
// removed from the environment once it was read. Connections of TCP find out by
// themselves who is gone (keepalive.go).
package inetd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/processors"
)

// Wanted is one service of a daemon: its name, the setting that lists the
// daemon's own addresses for it, and these addresses.
type Wanted struct {
	Service   string   // of the table: imap, imaps, pop3, pop3s, https, lmtp, policy
	Setting   string   // named in errors, such as imap.listen
	Addresses []string // host:port, or the absolute path of a local socket
}

// Listener is a listening socket that knows what it serves.
type Listener struct {
	net.Listener
	Name string // a service of the table
}

// TLS reports whether connections of l begin with a TLS handshake.
func (l Listener) TLS() bool { return ImplicitTLS(l.Name) }

// Each has take take every connection until l is closed. An error of accepting (out of
// descriptors, out of memory) is logged, and tried again after a pause.
func (l Listener) Each(log *slog.Logger, take func(net.Conn)) {
	const shortest, longest = 5 * time.Millisecond, time.Second
	pause := shortest
	for {
		conn, err := l.Accept()
		processors.Stir()
		switch {
		case err == nil:
			pause = shortest
			take(conn)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			log.Error("accept", "proto", l.Name, "err", err)
			time.Sleep(pause)
			pause = min(2*pause, longest)
		}
	}
}

// Conn is a connection that knows what it serves.
type Conn struct {
	net.Conn
	Name string
}

// TLS reports whether c begins with a TLS handshake.
func (c Conn) TLS() bool { return ImplicitTLS(c.Name) }

// service is a row of the table of names that sockets may have.
type service struct {
	name string
	port int
	tls  bool // from the first byte (RFC 8314 section 3)
}

var services = []service{
	{"imap", 143, false},
	{"imaps", 993, true},
	{"pop3", 110, false},
	{"pop3s", 995, true},
	{"https", 443, true},
	{"lmtp", 24, false}, // for private mail systems, says the registry
	{"policy", 0, false},
}

// ImplicitTLS reports whether a service begins with a TLS handshake.
func ImplicitTLS(name string) bool {
	for _, s := range services {
		if s.name == name {
			return s.tls
		}
	}
	return false
}

// ErrNone is returned by Listeners when there is nothing to listen on.
var ErrNone = errors.New("no socket to listen on")

// Listeners returns every socket on which to accept: first the inherited ones,
// then its own. An inherited socket that is none of want is an error: the
// administrator started the wrong program for it.
func Listeners(want ...Wanted) ([]Listener, error) {
	list, err := inherited(want)
	if err != nil {
		return nil, err
	}
	for _, w := range want {
		for _, address := range w.Addresses {
			l, err := listen(address)
			if err != nil {
				closeAll(list)
				return nil, fmt.Errorf("%s = %q: %w", w.Setting, address, err)
			}
			list = append(list, Listener{l, w.Service})
		}
	}
	if len(list) == 0 {
		return nil, none(want)
	}
	return list, nil
}

// listen listens on an address.
func listen(address string) (net.Listener, error) {
	if !strings.HasPrefix(address, "/") {
		l := net.ListenConfig{KeepAlive: -1, Control: keepAlives} // -1: what the socket has
		return l.Listen(context.Background(), "tcp", address)
	}
	if err := removeStale(address); err != nil {
		return nil, err
	}
	// Nobody can connect before it has its mode. Its group is that of the directory, if
	// that is setgid.
	old := unix.Umask(0o177)
	l, err := net.Listen("unix", address)
	unix.Umask(old)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(address, 0o660); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// removeStale removes a socket on which nobody listens any more.
func removeStale(path string) error {
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case st.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there and no socket", path)
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		return errors.Join(fmt.Errorf("somebody listens on %s", path), c.Close())
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

// none says what to do about a daemon without sockets.
func none(want []Wanted) error {
	settings := make([]string, len(want))
	for i, w := range want {
		settings[i] = w.Setting
	}
	hint := fmt.Sprintf("set %s, or start the program by socket units", strings.Join(settings, " or "))
	if isConnection(0) {
		hint = "standard input is a connection: use -i"
	}
	return fmt.Errorf("%w: %s", ErrNone, hint)
}

func closeAll(list []Listener) {
	for _, l := range list {
		l.Close()
	}
}

// serviceOf finds the service of an inherited socket: its name if that is a
// wanted service, else the wanted service whose usual port or whose configured
// port it has.
func serviceOf(name string, local net.Addr, want []Wanted) (string, error) {
	for _, w := range want {
		if w.Service == name {
			return name, nil
		}
	}
	if slices.ContainsFunc(services, func(s service) bool { return s.name == name }) {
		return "", fmt.Errorf("inherited socket on %s is for %s, which this program does not serve", local, name)
	}
	if tcp, ok := local.(*net.TCPAddr); ok {
		if s, ok := byPort(tcp.Port, want); ok {
			return s, nil
		}
	}
	names := make([]string, len(want))
	for i, w := range want {
		names[i] = w.Service
	}
	return "", fmt.Errorf("inherited socket on %s has the name %q: set FileDescriptorName to one of %s",
		local, name, strings.Join(names, ", "))
}

// byPort finds the wanted service of a port.
func byPort(port int, want []Wanted) (string, bool) {
	for _, w := range want {
		for _, address := range w.Addresses {
			if _, p, err := net.SplitHostPort(address); err == nil && p == fmt.Sprint(port) {
				return w.Service, true
			}
		}
	}
	for _, s := range services {
		if s.port == port && slices.ContainsFunc(want, func(w Wanted) bool { return w.Service == s.name }) {
			return s.name, true
		}
	}
	return "", false
}
