package front

import (
	"crypto/tls"
	"io"
	"os"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/inetd"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/frontd"
)

// Program is what imapd and pop3d have in common.
type Program struct {
	Name     string // of the program
	Protocol string // imap or pop3; with "s" behind it the service with TLS first
	Version  string
	// Listen returns the protocol's part of the configuration.
	Listen func(*conf.Config) conf.ListenSettings
}

// Main is the program (frontd.Program).
func (p Program) Main(args []string, signals <-chan os.Signal, out, stderr io.Writer) int {
	return p.front().Main(args, signals, out, stderr)
}

func (p Program) front() frontd.Program {
	service, ok := wire.ServiceOf(p.Protocol)
	if !ok {
		panic("front: " + p.Protocol + " is no service")
	}
	return frontd.Program{
		Name: p.Name, Version: p.Version, Service: service, Inetd: true,
		Want: func(cfg *conf.Config) []inetd.Wanted {
			listen := p.Listen(cfg)
			return []inetd.Wanted{
				{Service: p.Protocol, Setting: p.Protocol + ".listen", Addresses: listen.Listen},
				{Service: p.Protocol + "s", Setting: p.Protocol + ".listen_tls", Addresses: listen.ListenTLS},
			}
		},
		New: func(parts frontd.Parts) frontd.Server {
			parts.TLS = only(parts.TLS, p.Protocol)
			return serverOf(parts)
		},
	}
}

// only returns a configuration for clients of one protocol: one that says it wants
// others (RFC 7301 section 3.2) was led here by somebody who wants it to take our answers
// for a web server's, or ours to take its octets for commands. Most say nothing.
func only(config *tls.Config, protocol string) *tls.Config {
	config = config.Clone()
	config.NextProtos = []string{protocol}
	return config
}

// serverOf returns a Server as it is configured.
func serverOf(p frontd.Parts) frontd.Server {
	return New(Options{
		Auth:        p.Broker,
		Starter:     p.Broker,
		Interrupt:   p.Broker.Interrupt,
		Outlived:    p.Remote,
		TLS:         p.TLS,
		ClientName:  p.Config.TLS.ClientName,
		Plaintext:   p.Config.Login.Plaintext,
		Proxies:     p.Config.Login.Proxies,
		Connections: p.Config.Login.Connections,
		PerSource:   p.Config.Login.ConnectionsPerSource,
		IMAPWithout: p.Config.IMAP.Without,
		POP3:        p.Config.POP3,
		Metrics:     p.Metrics,
		Log:         p.Log,
	})
}
