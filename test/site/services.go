package site

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"fantail/internal/daemon/conf"
)

// Service is one address that a daemon listens on.
type Service struct {
	Name    string // as it is shown
	Program string // that listens
	Setting string // that names the address
	Address string // host:port
	TLS     bool   // from the first byte
	Greets  string // what the server's first line begins with; "" if it waits for a request

	proto string // its name in logs
}

// Services gives the addresses of a configuration, in the order in which
// they are shown.
func Services(c *conf.Config) []Service {
	var list []Service
	add := func(s Service, addresses []string) {
		for _, a := range addresses {
			s.Address = a
			list = append(list, s)
		}
	}
	add(Service{Name: "IMAP", Program: "imapd", Setting: "imap.listen", Greets: "* OK", proto: "imap"}, c.IMAP.Listen)
	add(Service{Name: "IMAPS", Program: "imapd", Setting: "imap.listen_tls", TLS: true, Greets: "* OK", proto: "imaps"}, c.IMAP.ListenTLS)
	add(Service{Name: "POP3", Program: "pop3d", Setting: "pop3.listen", Greets: "+OK", proto: "pop3"}, c.POP3.Listen)
	add(Service{Name: "POP3S", Program: "pop3d", Setting: "pop3.listen_tls", TLS: true, Greets: "+OK", proto: "pop3s"}, c.POP3.ListenTLS)
	add(Service{Name: "webmail", Program: "webmaild", Setting: "webmail.listen_tls", TLS: true, proto: "https"}, c.Webmail.ListenTLS)
	return list
}

// Programs gives the daemons that have an address to listen on.
func Programs(services []Service) []string {
	var list []string
	for _, s := range services {
		if !slices.Contains(list, s.Program) {
			list = append(list, s.Program)
		}
	}
	return list
}

// CheckFree listens on every address for a moment. The error names each one
// that does not go, and the setting in file that changes it.
func CheckFree(services []Service, file string) error {
	if len(services) == 0 {
		return fmt.Errorf("%s names no address to listen on", file)
	}
	var errs []error
	for _, s := range services {
		l, err := net.Listen("tcp", s.Address)
		if err == nil {
			err = l.Close()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s cannot listen on %s: %w: stop what listens there, or change %s in %s",
				s.Name, s.Address, cause(err), s.Setting, file))
		}
	}
	return errors.Join(errs...)
}

// cause is the innermost error, "address already in use" for example: the
// layers of net repeat the address.
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
