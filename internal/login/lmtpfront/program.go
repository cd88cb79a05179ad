package lmtpfront

import (
	"io"
	"os"
	"strings"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/inetd"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/frontd"
)

// Main is the program lmtpd (frontd.Program).
func Main(version string, args []string, signals <-chan os.Signal, out, stderr io.Writer) int {
	p := frontd.Program{
		Name: "lmtpd", Version: version, Service: wire.LMTP, Inetd: true,
		Want: func(cfg *conf.Config) []inetd.Wanted {
			return []inetd.Wanted{
				{Service: nameLMTP, Setting: "lmtp.listen", Addresses: cfg.LMTP.Listen},
				{Service: namePolicy, Setting: "lmtp.policy_listen", Addresses: cfg.LMTP.Policy},
			}
		},
		Spool: func(cfg *conf.Config) string { return cfg.LMTP.Spool },
		New:   serverOf,
	}
	return p.Main(args, signals, out, stderr)
}

// serverOf returns a Server as it is configured.
func serverOf(p frontd.Parts) frontd.Server {
	host := hostName()
	o := Options{
		Deliveries:  p.Deliveries,
		TLS:         p.TLS,
		Host:        host,
		Size:        p.Config.LMTP.Size,
		Domains:     p.Config.LMTP.Domains,
		Delimiters:  p.Config.Deliver.RecipientDelimiter,
		Spool:       p.Config.LMTP.Spool,
		XClient:     p.Config.LMTP.XClient,
		Connections: p.Config.LMTP.Connections,
		Metrics:     p.Metrics,
		Log:         p.Log,
	}
	if len(o.Domains) == 0 {
		o.Domains = ownDomains(host, "/etc/mailname")
	}
	return New(o)
}

// hostName is the name of this machine, as it can stand in a trace field.
func hostName() string {
	name, err := os.Hostname()
	if err != nil || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("()<>;", r) }) {
		return "localhost"
	}
	return name
}

// ownDomains are those of this machine: its name, and the one that a Debian gives to mail
// (mailname(5)).
func ownDomains(host, mailname string) []string {
	list := []string{host, "localhost"}
	if text, err := os.ReadFile(mailname); err == nil { // there need be none
		if name, _, _ := strings.Cut(string(text), "\n"); strings.TrimSpace(name) != "" {
			list = append(list, strings.TrimSpace(name))
		}
	}
	return list
}
