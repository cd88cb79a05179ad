// Package autoconfig is what mail programs are told so that they set themselves up: all
// of it follows from one Provider.
//
//	derive.go        a Provider, from the configuration and what the machine says of itself
//	mozilla.go       config-v1.1.xml, for Thunderbird, K-9, Evolution, KMail and others
//	autodiscover.go  Autodiscover, for Outlook and eM Client: XML and JSON
//	apple.go         a profile for Apple's Mail
//	pacc.go          user-agent-configuration.json, and the record that vouches for it
//	dns.go           records of DNS: RFC 6186, and names under which all this is looked for
//
// A Provider is plain data, and everything is a pure function of it and, for some, of a
// mail address that somebody has typed. No answer says whether an address exists, for
// nobody is asked. Names of hosts and domains are A-labels throughout, since programs
// refuse others; people read them as Unicode makes of them.
//
// What is served has no password and cannot have one.
package autoconfig

import (
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
)

// Provider is what mail programs are told.
type Provider struct {
	Name    string   // for people
	Host    string   // of this server
	Domains []string // of mail addresses; at least one
	// LocalLogin says that people log in with what stands before the @ of their
	// address, and not with all of it.
	LocalLogin bool

	IMAP, POP3, Submission Service

	Webmail string // URL without a path
}

// Service is where mail programs find a service. The zero value is none.
type Service struct {
	Host     string
	Port     int
	STARTTLS bool // otherwise TLS from the first byte
}

// Exists reports whether there is such a service.
func (s Service) Exists() bool { return s.Port != 0 }

// Paths of the answers, below Webmail.
const (
	PathHelp         = "/help/setup"
	PathProfile      = PathHelp + "/mail.mobileconfig"
	PathAutodiscover = "/autodiscover/autodiscover.xml"
	PathPACC         = "/.well-known/user-agent-configuration.json"
)

// Help is the URL of the page for people.
func (p Provider) Help() string { return p.Webmail + PathHelp }

// Domain is the first one, which stands for all.
func (p Provider) Domain() string { return p.Domains[0] }

// contact is an address at which somebody reads: RFC 5321 section 4.5.1 wants it.
func (p Provider) contact() string { return "postmaster@" + p.Domain() }

// maxAddress is the length of the longest address, in octets: RFC 5321 section 4.5.3.1.3
// with the angle brackets.
const maxAddress = 254

// Address is a mail address that somebody has typed.
type Address struct{ local, domain string }

// ParseAddress reads a mail address such as ann@example.org. It reports whether it could
// be one.
func ParseAddress(text string) (a Address, ok bool) {
	text = strings.TrimSpace(text)
	if len(text) > maxAddress || !strings.Contains(text, "@") {
		return Address{}, false
	}
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Name != "" || parsed.Address != text { // quoted, or with a display name
		return Address{}, false
	}
	at := strings.LastIndexByte(text, '@')
	domain, err := ASCII(text[at+1:])
	if err != nil {
		return Address{}, false
	}
	return Address{text[:at], domain}, true
}

func (a Address) String() string {
	if a == (Address{}) {
		return ""
	}
	return a.local + "@" + a.domain
}

// Login is the name with which the owner of an address logs in; "" of none.
func (p Provider) Login(a Address) string {
	if p.LocalLogin {
		return a.local
	}
	return a.String()
}

// ASCII returns the A-labels of a name, in small letters.
func ASCII(name string) (string, error) { return idna.Lookup.ToASCII(strings.TrimSuffix(name, ".")) }

// Unicode returns a name of A-labels as people read it.
func Unicode(name string) string {
	if shown, err := idna.Display.ToUnicode(name); err == nil {
		return shown
	}
	return name
}
