package conf

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// AutoconfigSettings say what mail programs are told of this server, as far as it is not
// known otherwise: package autoconfig finds out the rest.
type AutoconfigSettings struct {
	Name    string   // of who runs the server, for people
	Host    string   // of the server, in DNS
	Domains []string // of mail addresses
	Login   LoginName

	IMAP, POP3, Submission Endpoint

	Webmail string // URL without a path
}

// LoginName says with which name of theirs people log in.
type LoginName string

// The values of autoconfig.login.
const (
	LoginDerived LoginName = ""
	LoginAddress LoginName = "address" // ann@example.org
	LoginLocal   LoginName = "local"   // ann
)

// Endpoint is where a service is for people outside. The zero value says nothing.
type Endpoint struct {
	Off      bool   // there is no such service
	Host     string // "": autoconfig.host
	Port     int
	STARTTLS bool // otherwise TLS from the first byte
}

const (
	endpointOff      = "off"
	endpointSTARTTLS = " starttls"
	endpointTLS      = " tls"
)

// cleartext are the ports on which TLS begins by a command.
var cleartext = map[int]bool{25: true, 110: true, 143: true, 587: true}

// ParseEndpoint reads "mail.example.org:993", ":587", "mail.example.org:10143 starttls",
// "off" or "".
func ParseEndpoint(text string) (Endpoint, error) {
	switch text {
	case "":
		return Endpoint{}, nil
	case endpointOff:
		return Endpoint{Off: true}, nil
	}
	address, starttls := strings.CutSuffix(text, endpointSTARTTLS)
	address, tls := strings.CutSuffix(address, endpointTLS)
	host, port, err := net.SplitHostPort(address)
	n, bad := strconv.ParseUint(port, 10, 16)
	if err != nil || bad != nil || n == 0 || starttls && tls {
		return Endpoint{}, fmt.Errorf(`%q is neither "off" nor an address such as "mail.example.org:993" or ":587 starttls"`, text)
	}
	if host != "" {
		if host, err = parseHost(host); err != nil {
			return Endpoint{}, err
		}
	}
	return Endpoint{Host: host, Port: int(n), STARTTLS: starttls || !tls && cleartext[int(n)]}, nil
}

func (e Endpoint) String() string {
	switch {
	case e.Off:
		return endpointOff
	case e.Port == 0:
		return ""
	case e.STARTTLS && !cleartext[e.Port]:
		return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) + endpointSTARTTLS
	case !e.STARTTLS && cleartext[e.Port]:
		return net.JoinHostPort(e.Host, strconv.Itoa(e.Port)) + endpointTLS
	}
	return net.JoinHostPort(e.Host, strconv.Itoa(e.Port))
}

// domainName is the name of a host or domain, or empty.
func domainName(field func(*Config) *string) kind {
	return kind{
		words: "domain",
		set: func(c *Config, v value, _ string) error {
			text, err := v.text()
			if err == nil && text != "" {
				text, err = parseHost(text)
			}
			*field(c) = text
			return err
		},
		show: func(c *Config) string { return quote(*field(c)) },
	}
}

// parseHost reads a domain name, which may have letters of any script.
func parseHost(text string) (string, error) {
	text = strings.TrimSuffix(text, ".")
	if strings.ContainsAny(text, `*:/[]"'\`) || strings.Contains("."+text+".", "..") {
		return "", fmt.Errorf("%q is no name such as mail.example.org", text)
	}
	return parseDomain(text)
}

// site is the URL of a web server, without a path, or empty.
func site(field func(*Config) *string) kind {
	return kind{
		words: "URL",
		set: func(c *Config, v value, _ string) error {
			text, err := v.text()
			if err != nil {
				return err
			}
			text = strings.TrimSuffix(text, "/")
			u, err := url.Parse(text)
			if text != "" && (err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Path+u.RawQuery+u.Fragment != "" || u.User != nil) {
				return fmt.Errorf(`%q is no URL such as "https://mail.example.org"`, text)
			}
			*field(c) = text
			return nil
		},
		show: func(c *Config) string { return quote(*field(c)) },
	}
}
