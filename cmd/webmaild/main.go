// Webmaild serves webmail over HTTPS: the login page, and for whoever has logged
// in the pages of webmail-session, which it starts for each login.
//
//	webmaild [-nv] [-c file] [-S directory]
//
// The options:
//
//	-c file       the configuration, in place of /etc/fantail/fantail.toml
//	-n            check the configuration and exit
//	-S directory  of the sockets of authd and sessiond; without it they are part of
//	              this program
//	-v            print the version and exit
//
// It listens on the sockets that the service manager passes (named https) and on
// those that webmail.listen_tls names. There is no -i: a login lasts over many
// connections, and a process for each of them could not know it.
//
// SIGHUP reads the certificate again. SIGTERM ends it, after who has connected was
// answered and requests that run have had the time of login.drain; a second one ends it
// at once. Logins do not
// outlive it.
//
// Exit status (sysexits): 0 when it was told to end, 64 on a wrong command line,
// 69 if there is no socket to serve, 78 if the configuration is wrong.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"os"

	"fantail/internal/autoconfig"
	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/inetd"
	"fantail/internal/daemon/service"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/frontd"
	"fantail/internal/login/webfront"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, stderr io.Writer) int {
	p := frontd.Program{
		Name: "webmaild", Version: version, Service: wire.Webmail,
		Want: func(cfg *conf.Config) []inetd.Wanted {
			return []inetd.Wanted{{Service: "https", Setting: "webmail.listen_tls", Addresses: cfg.Webmail.ListenTLS}}
		},
		New: newServer,
	}
	return p.Main(args, service.Signals(), out, stderr)
}

// server serves webmail over TLS.
type server struct {
	front *webfront.Server
	tls   *tls.Config
	log   *slog.Logger
}

func newServer(p frontd.Parts) frontd.Server {
	provider, err := autoconfig.Derive(p.Config, autoconfig.ThisMachine(p.Config))
	if err != nil { // people can still log in
		p.Log.Warn("mail programs are told nothing", "err", err)
	}
	return server{
		front: webfront.New(webfront.Options{
			Entrance: webfront.Broker{Authenticator: p.Broker, Starter: p.Broker, Manager: p.Broker},
			Limits:   webfront.Limits{Connections: p.Config.Login.Connections, PerSource: p.Config.Login.ConnectionsPerSource},
			Proxies:  p.Config.Login.Proxies,
			Provider: told(provider),
			Metrics:  p.Metrics,
			Log:      p.Log,
		}),
		tls: p.TLS,
		log: p.Log,
	}
}

// told is what mail programs are told; nil if that is nothing.
func told(p autoconfig.Provider) *autoconfig.Provider {
	if p.Host == "" {
		return nil
	}
	return &p
}

// Serve implements frontd.Server.
func (s server) Serve(l inetd.Listener) error { return s.front.Serve(l, s.tls) }

// Shutdown implements frontd.Server. The session programs see that their connections
// have ended.
func (s server) Shutdown(ctx context.Context) {
	err := s.front.Close(ctx)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = nil // requests were cut off: that is what the time is for
	}
	if err != nil {
		s.log.Error("shutdown", "err", err)
	}
}
