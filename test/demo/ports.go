package main

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"fantail/internal/daemon/conf"
)

// service is one address that a daemon listens on.
type service struct {
	name    string // as it is shown
	program string // that listens
	setting string // that names the address
	address string // host:port
	tls     bool   // from the first byte
	greets  string // what the server's first line begins with; "" if it waits for a request
}

// servicesOf gives the addresses of the configuration, in the order in which
// they are shown.
func servicesOf(c *conf.Config) []service {
	var list []service
	add := func(s service, addresses []string) {
		for _, a := range addresses {
			s.address = a
			list = append(list, s)
		}
	}
	add(service{name: "IMAP", program: "imapd", setting: "imap.listen", greets: "* OK"}, c.IMAP.Listen)
	add(service{name: "IMAPS", program: "imapd", setting: "imap.listen_tls", tls: true, greets: "* OK"}, c.IMAP.ListenTLS)
	add(service{name: "POP3", program: "pop3d", setting: "pop3.listen", greets: "+OK"}, c.POP3.Listen)
	add(service{name: "POP3S", program: "pop3d", setting: "pop3.listen_tls", tls: true, greets: "+OK"}, c.POP3.ListenTLS)
	add(service{name: "webmail", program: "webmaild", setting: "webmail.listen_tls", tls: true}, c.Webmail.ListenTLS)
	return list
}

// programsOf gives the daemons that have an address to listen on.
func programsOf(services []service) []string {
	var list []string
	for _, s := range services {
		if !slices.Contains(list, s.program) {
			list = append(list, s.program)
		}
	}
	return list
}

// checkFree listens on every address for a moment. The error names each one
// that does not go, and the setting in file that changes it.
func checkFree(services []service, file string) error {
	if len(services) == 0 {
		return fmt.Errorf("%s names no address to listen on", file)
	}
	var errs []error
	for _, s := range services {
		l, err := net.Listen("tcp", s.address)
		if err == nil {
			err = l.Close()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s cannot listen on %s: %w: stop what listens there, or change %s in %s",
				s.name, s.address, cause(err), s.setting, file))
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
