package conf

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// WebmailSettings say where webmail is, what it believes, and how what is written there is
// sent.
type WebmailSettings struct {
	ListenTLS   []string // host:port
	AuthservID  string   // of our mail servers (RFC 8601 section 2.5); "": the machine's name
	MessageSize int64    // octets of a message that is sent, as it is transferred
	SendLimit   int      // recipients of an account in an hour; 0: any number
	Addresses   []AccountAddresses
	Submit      SubmitSettings
}

// AccountAddresses are further addresses that an account may write as.
type AccountAddresses struct {
	Account   string
	Addresses []string // local@domain, or @domain: every one in it
}

// String is the rule as it stands in the configuration.
func (a AccountAddresses) String() string { return a.Account + ": " + strings.Join(a.Addresses, " ") }

// parseAccountAddresses reads such as "ann: info@example.org @lists.example.org".
func parseAccountAddresses(text string) (AccountAddresses, error) {
	account, rest, ok := strings.Cut(text, ": ")
	a := AccountAddresses{strings.TrimSpace(account), strings.Fields(rest)}
	if !ok || a.Account == "" || len(a.Addresses) == 0 {
		return a, fmt.Errorf(`%q is not such as "ann: info@example.org @lists.example.org"`, text)
	}
	for i, s := range a.Addresses {
		at := strings.LastIndexByte(s, '@')
		if at < 0 {
			return a, fmt.Errorf("%q is no address", s)
		}
		if _, err := parseDomain(s[at+1:]); err != nil || s[at+1:] == "*" {
			return a, fmt.Errorf("%q is no address", s)
		}
		a.Addresses[i] = strings.ToLower(s)
	}
	return a, nil
}

// SubmitSettings say how messages leave.
type SubmitSettings struct {
	Transport   Transport
	Sendmail    string // path of the program
	Server      string // host:port, or the absolute path of a local socket
	TLS         SubmitTLS
	Credentials string // file: name and password, a line each; "": none
	Directory   string // of submitd's own files
}

// Transport is the way in which messages leave.
type Transport string

// The values of webmail.transport.
const (
	TransportSendmail Transport = "sendmail"
	TransportSMTP     Transport = "smtp"
)

// SubmitTLS says whether the way to a server is encrypted.
type SubmitTLS string

// The values of webmail.smtp_tls.
const (
	SubmitSTARTTLS SubmitTLS = "starttls"
	SubmitImplicit SubmitTLS = "implicit"
	SubmitPlain    SubmitTLS = "none"
)

// socket is one of sockets, or "".
func socket(field func(*Config) *string) kind {
	return kind{
		words: "address or socket",
		set: func(c *Config, v value, _ string) error {
			text, err := v.text()
			if err == nil && text != "" {
				text, err = parseSocket(text)
			}
			*field(c) = text
			return err
		},
		show: func(c *Config) string { return quote(*field(c)) },
	}
}

// CheckSubmit says what of the settings does not fit together.
func (c *Config) CheckSubmit() error {
	s := c.Webmail.Submit
	switch {
	case s.Transport == TransportSMTP && s.Server == "":
		return errors.New(`webmail.transport is "smtp", and webmail.smtp_server says no server`)
	case s.Credentials != "" && s.TLS == SubmitPlain && !strings.HasPrefix(s.Server, "/"):
		return errors.New(`webmail.smtp_credentials would be sent in clear: webmail.smtp_tls is "none"`)
	}
	return nil
}

// SenderAddresses returns the addresses that an account may write as: its name, if that is
// an address, or else its name in the domains of autoconfig.domains, or lmtp.domains, or
// that of the machine; and what webmail.addresses says. Those that begin with @ are all in
// a domain. The first is the one it usually has.
func (c *Config) SenderAddresses(account string) []string { return c.Senders()(account) }

// Senders returns SenderAddresses with what it reads from files read already.
func (c *Config) Senders() func(account string) []string {
	domains := c.mailDomains()
	return func(account string) []string { return c.senders(strings.ToLower(account), domains) }
}

func (c *Config) senders(account string, domains []string) []string {
	var out []string
	if strings.Contains(account, "@") {
		out = append(out, account)
	} else {
		for _, d := range domains {
			out = append(out, account+"@"+d)
		}
	}
	for _, a := range c.Webmail.Addresses {
		if strings.EqualFold(a.Account, account) {
			out = append(out, a.Addresses...)
		}
	}
	return out
}

// mailDomains are those whose addresses have the names of accounts.
func (c *Config) mailDomains() []string {
	if len(c.Autoconfig.Domains) > 0 {
		return c.Autoconfig.Domains
	}
	if list := slices.DeleteFunc(slices.Clone(c.LMTP.Domains), func(d string) bool { return d == "*" }); len(list) > 0 {
		return list
	}
	if text, err := os.ReadFile("/etc/mailname"); err == nil {
		line, _, _ := strings.Cut(string(text), "\n")
		if d, err := parseDomain(strings.TrimSpace(line)); err == nil && d != "*" {
			return []string{d}
		}
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	return []string{strings.ToLower(host)}
}

// MaySend reports whether an address is one of those that SenderAddresses returns, or one
// of them with a detail, such as ann+shop@example.org.
func (c *Config) MaySend(allowed []string, address string) bool {
	return MaySend(allowed, c.Deliver.RecipientDelimiter, address)
}

// MaySend is Config.MaySend with what it takes of the configuration.
func MaySend(allowed []string, delimiters, address string) bool {
	address = strings.ToLower(address)
	at := strings.LastIndexByte(address, '@')
	if at <= 0 {
		return false
	}
	local, domain := address[:at], address[at:]
	base := local
	if i := strings.IndexAny(local, delimiters); i > 0 {
		base = local[:i]
	}
	return slices.Contains(allowed, address) || slices.Contains(allowed, base+domain) || slices.Contains(allowed, domain)
}
