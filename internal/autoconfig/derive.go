package autoconfig

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fantail/internal/daemon/conf"
)

// Machine is what a machine says of itself.
type Machine struct {
	Host         string   // its name
	MailName     string   // mailname(5); "" if there is none
	Certificate  []string // the names in its certificate
	PasswordFile bool     // there is one, so accounts need not be users of the system
	Sockets      []string // systemd's that are enabled, such as "fantail-imaps"
}

const (
	mailName     = "/etc/mailname"
	enabledUnits = "/etc/systemd/system/*.wants/fantail-*.socket"
)

// ThisMachine asks it. What cannot be read is not there.
func ThisMachine(cfg *conf.Config) Machine {
	var m Machine
	m.Host, _ = os.Hostname() // Derive says what to do without
	if text, err := os.ReadFile(mailName); err == nil {
		line, _, _ := strings.Cut(string(text), "\n")
		m.MailName = strings.TrimSpace(line)
	}
	if text, err := os.ReadFile(cfg.TLS.Certificate); err == nil {
		m.Certificate = certified(text)
	}
	_, err := os.Stat(cfg.Auth.PasswdFile)
	m.PasswordFile = !errors.Is(err, fs.ErrNotExist)
	units, _ := filepath.Glob(enabledUnits) // the pattern is right
	for _, path := range units {
		m.Sockets = append(m.Sockets, strings.TrimSuffix(filepath.Base(path), ".socket"))
	}
	return m
}

// certified returns the names of hosts in the first certificate of a PEM file.
func certified(text []byte) []string {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return c.DNSNames
}

// Derive makes a Provider of what is set, and of what the machine says where nothing is.
// It is an error if a name cannot be one of DNS.
func Derive(cfg *conf.Config, m Machine) (Provider, error) {
	set := cfg.Autoconfig
	p := Provider{LocalLogin: localLogin(cfg, m)}
	var err error
	if p.Host, err = host(set.Host, m); err != nil {
		return Provider{}, err
	}
	if p.Domains, err = domains(cfg, m, p.Host); err != nil {
		return Provider{}, err
	}
	if p.Name = set.Name; p.Name == "" {
		p.Name = Unicode(p.Domain())
	}
	proxied := len(cfg.Login.Proxies) > 0
	imap := listening(cfg.IMAP.ListenSettings, proxied, 993)
	pop3 := listening(cfg.POP3.ListenSettings, proxied, 995)
	if !hasPOP3(cfg, m) {
		pop3 = Service{}
	}
	for _, s := range []struct {
		setting string
		set     conf.Endpoint
		found   Service
		to      *Service
	}{
		{"imap", set.IMAP, imap, &p.IMAP},
		{"pop3", set.POP3, pop3, &p.POP3},
		{"submission", set.Submission, Service{Port: 465}, &p.Submission}, // RFC 8314 section 3.3
	} {
		if *s.to, err = service(s.set, s.found, p.Host); err != nil {
			return Provider{}, fmt.Errorf("autoconfig.%s: %w", s.setting, err)
		}
	}
	p.Webmail, err = webmail(cfg, p.Host)
	return p, err
}

// host is the name of the server: that of the machine, which is often its first label
// alone, or another than that for which it has a certificate.
func host(set string, m Machine) (string, error) {
	if set != "" {
		name, err := ASCII(set)
		if err != nil {
			return "", fmt.Errorf("autoconfig.host: %w", err)
		}
		return name, nil
	}
	candidates := append(slices.Clone(m.Certificate), m.Host)
	if len(m.Certificate) == 0 || covered(m.Host, m.Certificate) {
		candidates = slices.Insert(candidates, 0, m.Host)
	}
	if label := m.Host + "."; m.Host != "" && strings.HasPrefix(m.MailName, label) {
		candidates = append(candidates, m.MailName)
	}
	full := func(name string) bool {
		_, err := ASCII(name)
		return err == nil && strings.Contains(name, ".")
	}
	if i := slices.IndexFunc(candidates, full); i >= 0 {
		return ASCII(candidates[i])
	}
	if name, err := ASCII(m.Host); err == nil && name != "" {
		return name, nil
	}
	return "", errors.New("this machine has no name of DNS: set autoconfig.host")
}

// covered reports whether a host is among the names of a certificate, of which some may
// stand for all hosts of a domain (RFC 9525 section 6.3).
func covered(host string, names []string) bool {
	_, domain, _ := strings.Cut(host, ".")
	return slices.ContainsFunc(names, func(name string) bool {
		return strings.EqualFold(name, host) || strings.EqualFold(name, "*."+domain)
	})
}

// domains are those of mail addresses.
func domains(cfg *conf.Config, m Machine, host string) ([]string, error) {
	names := cfg.Autoconfig.Domains
	if len(names) == 0 {
		names = slices.DeleteFunc(slices.Clone(cfg.LMTP.Domains), func(name string) bool { return name == "*" })
	}
	if _, err := ASCII(m.MailName); len(names) == 0 && strings.Contains(m.MailName, ".") && err == nil {
		names = []string{m.MailName}
	}
	if len(names) == 0 {
		names = []string{host}
		if _, above, ok := strings.Cut(host, "."); ok && strings.Contains(above, ".") {
			names = []string{above}
		}
	}
	var list []string
	for _, name := range names {
		name, err := ASCII(name)
		if err != nil {
			return nil, fmt.Errorf("domains of mail: %w", err)
		}
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list, nil
}

// localLogin reports whether names of accounts have no domain.
func localLogin(cfg *conf.Config, m Machine) bool {
	switch cfg.Autoconfig.Login {
	case conf.LoginLocal:
		return true
	case conf.LoginAddress:
		return false
	}
	system := func(source string) bool { return source == "pam" || source == "shadow" }
	if len(cfg.Auth.Sources) > 0 {
		return !slices.ContainsFunc(cfg.Auth.Sources, func(s string) bool { return !system(s) })
	}
	return !m.PasswordFile && cfg.LDAP.URI == "" && cfg.SQL.Driver == conf.SQLNone && cfg.OAuth.Issuer == "" && len(cfg.Checkpassword.Command) == 0
}

// service is where it is set, or else where it was found.
func service(set conf.Endpoint, found Service, host string) (Service, error) {
	if set.Off {
		return Service{}, nil
	}
	if set.Port != 0 {
		found = Service{set.Host, set.Port, set.STARTTLS}
	}
	if found.Port == 0 {
		return Service{}, nil
	}
	if found.Host == "" {
		found.Host = host
		return found, nil
	}
	var err error
	found.Host, err = ASCII(found.Host)
	return found, err
}

// listening is where a front listens: with TLS, or else with STARTTLS, or else on a socket
// of systemd on the usual port.
func listening(set conf.ListenSettings, proxied bool, usual int) Service {
	if n := port(set.ListenTLS, proxied); n != 0 {
		return Service{Port: n}
	}
	if n := port(set.Listen, proxied); n != 0 {
		return Service{Port: n, STARTTLS: true}
	}
	return Service{Port: usual}
}

// port is the first port of addresses that others can reach. Those of loopback count only
// if there are no others and no proxy: then the whole installation is for this machine.
func port(addresses []string, proxied bool) int {
	var loopback int
	for _, a := range addresses {
		host, text, err := net.SplitHostPort(a)
		n, bad := strconv.Atoi(text)
		if err != nil || bad != nil || n == 0 { // 0: the system chooses another one each time
			continue
		}
		if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
			return n
		}
		if loopback == 0 && !proxied {
			loopback = n
		}
	}
	return loopback
}

// hasPOP3 reports whether there is POP3, as far as can be known: where nothing is said of
// any service there may be.
func hasPOP3(cfg *conf.Config, m Machine) bool {
	has := func(s conf.ListenSettings, units ...string) bool {
		return len(s.Listen)+len(s.ListenTLS) > 0 || slices.ContainsFunc(units, func(u string) bool { return slices.Contains(m.Sockets, u) })
	}
	return has(cfg.POP3.ListenSettings, "fantail-pop3", "fantail-pop3s") || !has(cfg.IMAP.ListenSettings, "fantail-imap", "fantail-imaps")
}

// webmail is its URL.
func webmail(cfg *conf.Config, host string) (string, error) {
	if set := cfg.Autoconfig.Webmail; set != "" {
		u, err := url.Parse(set)
		if err != nil {
			return "", fmt.Errorf("autoconfig.webmail: %w", err)
		}
		name, err := ASCII(u.Hostname())
		if err != nil {
			return "", fmt.Errorf("autoconfig.webmail: %w", err)
		}
		return site(name, u.Port()), nil
	}
	if n := port(cfg.Webmail.ListenTLS, len(cfg.Login.Proxies) > 0); n != 0 {
		return site(host, strconv.Itoa(n)), nil
	}
	return site(host, ""), nil
}

func site(host, port string) string {
	if port == "" || port == "443" {
		return "https://" + host
	}
	return "https://" + net.JoinHostPort(host, port)
}
