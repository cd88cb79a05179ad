// Package frontd is a front as a daemon: what imapd, pop3d and webmaild have in common
// from their command line to their sockets. What they serve they bring along, as a
// Server.
//
// In this order: the configuration is read; the certificate is loaded, or made if there
// is none; the way to authd and sessiond is found, with -S theirs, otherwise own ones;
// privileges are given up; then connections are accepted. The first signal to end stops
// that, and those that are logged in have the time of login.drain.
package frontd

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"fantail/internal/daemon/command"
	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/inetd"
	"fantail/internal/daemon/journal"
	"fantail/internal/daemon/metrics"
	"fantail/internal/daemon/processors"
	"fantail/internal/daemon/sandbox"
	"fantail/internal/daemon/service"
	"fantail/internal/daemon/slack"
	"fantail/internal/daemon/tlsconf"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/own"
)

const (
	// grace is how long session programs may take to end after their connections.
	grace = 5 * time.Second
	// readyTime is how long authd may take at the start to say what it offers.
	readyTime = 10 * time.Second
)

// Server is what a front serves with.
type Server interface {
	// Serve accepts connections until Shutdown, and then returns nil.
	Serve(inetd.Listener) error
	// Shutdown accepts nothing more, and ends connections in peace until ctx ends and
	// then at once. It returns when all have ended.
	Shutdown(ctx context.Context)
}

// ConnServer is a Server that can also serve one connection, for inetd.
type ConnServer interface {
	Server
	// ServeConn serves a connection until its end.
	ServeConn(inetd.Conn) error
}

// Program is a front.
type Program struct {
	Name, Version string
	Service       wire.Service
	// Inetd says that there is the option -i: New returns a ConnServer.
	Inetd bool
	// Want says where it listens.
	Want func(*conf.Config) []inetd.Wanted
	// Spool is the directory in which it keeps what is too large for memory, unless it
	// is nil.
	Spool func(*conf.Config) string
	// New makes what it serves with.
	New func(Parts) Server
}

// Parts are what a Server is made from.
type Parts struct {
	Config *conf.Config
	TLS    *tls.Config    // nil if there is none, for LMTP
	Broker broker.Daemons // for what one logs in to
	// Deliveries are for LMTP.
	Deliveries broker.Deliveries
	// Remote says that session programs are not the front's own.
	Remote bool
	// Metrics count what the front does.
	Metrics *metrics.Set
	Log     *slog.Logger
}

type arguments struct {
	*command.Line
	sockets string // the directory of authd's and sessiond's
	inetd   bool
}

// Main is the program; it returns the exit status. SIGHUP reads the certificate again,
// any other signal ends it.
func (p Program) Main(args []string, signals <-chan os.Signal, out, stderr io.Writer) int {
	a := arguments{Line: command.New(p.Name, p.Version, stderr)}
	a.StringVar(&a.sockets, "S", "", "`directory` of the sockets of authd and sessiond; without it they are part of this program")
	if p.Inetd {
		a.BoolVar(&a.inetd, "i", false, "serve the connection on standard input")
	}
	if status, done := a.Parse(args, out); done {
		return status
	}
	if a.inetd {
		return p.serveConn(a, signals)
	}
	d := daemon{Program: p, log: journal.New(stderr, p.Name)}
	if a.Check {
		if err := d.check(a); err != nil {
			return a.Fail(command.Config, err)
		}
		return command.OK
	}
	return d.run(a, signals, d.listen)
}

// serveConn serves one connection. Where its log goes is known only when the
// connection is.
func (p Program) serveConn(a arguments, signals <-chan os.Signal) int {
	conn, stderr, err := inetd.Connection()
	d := daemon{Program: p, log: journal.New(inetd.LogTo(stderr, p.Name), p.Name)}
	if err != nil {
		d.log.Error("cannot start", "err", err)
		return command.Unavailable
	}
	defer conn.Close()
	return d.run(a, signals, func(stop, now context.Context) error { return d.serve(conn, stop, now) })
}

// behind are the daemons behind a front.
type behind interface {
	// Ready waits until they can be asked.
	Ready(ctx context.Context) error
	// Check reports why there are no sessions of a service, if there are none.
	Check(s wire.Service) error
	Shutdown(ctx context.Context) error
}

// daemon is a front that runs.
type daemon struct {
	Program
	log     *slog.Logger
	cfg     *conf.Config
	behind  behind
	parts   Parts
	keys    *broker.Keys
	server  Server
	service service.Service

	sockets     string // the directory of authd's and sessiond's, "" if there are none
	certificate tlsconf.Options
}

// load reads the configuration.
func (d *daemon) load(a arguments) (certificate tlsconf.Options, err error) {
	if d.cfg, err = conf.Load(a.Config); err != nil {
		return certificate, err
	}
	d.sockets = a.sockets
	d.parts = Parts{Config: d.cfg, Remote: d.sockets != "", Metrics: metrics.New(metrics.Of(d.Name)), Log: d.log}
	if err := d.connect(); err != nil {
		return certificate, err
	}
	host, err := os.Hostname()
	if err != nil {
		return certificate, err
	}
	certificate = tlsconf.Options{
		Certificate: d.cfg.TLS.Certificate, Key: d.cfg.TLS.Key, Directory: d.cfg.TLS.Directory,
		Host: host, Clock: time.Now, Log: d.log,
	}
	if d.cfg.TLS.KeyProcess {
		certificate.Sign = d.keys.Signer
	}
	if d.Service != wire.Webmail && d.Service != wire.LMTP { // browsers would ask their users, and there is no use for it
		certificate.ClientCA = d.cfg.TLS.ClientCA
	}
	return certificate, nil
}

// connect finds the way to the daemons behind.
func (d *daemon) connect() error {
	switch {
	case d.sockets == "":
		daemons, err := own.New(d.cfg, d.log)
		if err != nil {
			return err
		}
		d.behind, d.keys = daemons, daemons.Keys()
		d.parts.Broker, d.parts.Deliveries = daemons, daemons.Delivery()
	case d.Service == wire.LMTP:
		remote := broker.NewRemoteDelivery(d.sockets)
		d.behind, d.parts.Deliveries = remote, remote
	default:
		remote := broker.NewRemote(d.sockets)
		d.behind, d.parts.Broker = remote, remote
	}
	if d.sockets != "" {
		d.keys = broker.RemoteKeys(d.sockets, d.log)
	}
	return nil
}

// check says what is wrong with the configuration and what it names.
func (d *daemon) check(a arguments) error {
	certificate, err := d.load(a)
	if err != nil {
		return err
	}
	return errors.Join(tlsconf.Check(certificate), d.behind.Check(d.Service))
}

// build puts the daemon together. It opens no socket to the network.
func (d *daemon) build(a arguments) error {
	options, err := d.load(a)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyTime)
	defer cancel()
	if options.Sign != nil {
		if err := d.keys.Ready(ctx); err != nil {
			return err
		}
	}
	d.service = service.Service{Version: d.Version, Log: d.log}
	certificate, err := tlsconf.Load(options)
	switch {
	case err == nil:
		d.service.Reload, d.parts.TLS = certificate.Reload, certificate.Config()
		d.parts.Metrics.Ask(metrics.CertificateExpiry, func() (float64, bool) {
			return float64(certificate.Expiry().Unix()), true
		})
	case d.Service == wire.LMTP && !d.cfg.IsSet("tls.certificate"): // the self-signed one is the others'
		d.log.Info("there is no TLS", "reason", "tls.certificate names no certificate")
	case d.Service == wire.LMTP: // mail comes from this machine
		d.log.Warn("there is no TLS", "err", err)
	default:
		return err
	}
	err = d.behind.Ready(ctx)
	if err == nil {
		err = d.behind.Check(d.Service)
	}
	if err != nil { // may be mended while it runs
		d.log.Warn("nobody can log in", "err", err)
	}
	if o, ok := d.behind.(*own.Daemons); ok && (d.Service == wire.Webmail || len(d.cfg.Mail.Warnings.Command) > 0) {
		if err := o.Submits(ctx, d.Service); err != nil {
			d.log.Warn("submitd is not there: nothing is sent, and no program is run for quota", "err", err)
		}
	}
	d.certificate = options
	d.server = d.New(d.parts)
	return nil
}

// giveUp gives up what is not needed once the sockets listen, before anybody is served.
func (d *daemon) giveUp() error {
	switch {
	case d.cfg.Programs.Sandbox == conf.SandboxOff:
		return nil
	case d.sockets == "":
		return sandbox.Begin(sandbox.Rootless, sandbox.Options{}, d.log)
	}
	role, options := sandbox.Front, sandbox.Options{
		Reading: d.certificate.Places(),
		Sockets: []string{d.sockets, os.Getenv("NOTIFY_SOCKET"), "/dev/log"},
	}
	if d.Spool != nil {
		role, options.Trees = sandbox.Spooler, []string{d.Spool(d.cfg)}
	}
	return sandbox.Begin(role, options, d.log)
}

// run puts the daemon together, serves, and waits for its sessions.
func (d *daemon) run(a arguments, signals <-chan os.Signal, serve func(stop, now context.Context) error) int {
	slack.Allow(slack.Message, d.log)
	processors.Follow()
	if err := d.build(a); err != nil {
		d.log.Error("cannot start", "err", err)
		return command.Config
	}
	status := command.OK
	if err := d.service.Run(signals, serve); err != nil {
		d.log.Error("cannot serve", "err", err)
		status = command.Unavailable
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := errors.Join(d.behind.Shutdown(ctx), d.keys.Close()); err != nil {
		d.log.Warn("sessions are left", "err", err)
	}
	return status
}

// listen serves whoever connects.
func (d *daemon) listen(stop, now context.Context) error {
	listeners, err := inetd.Listeners(d.Want(d.cfg)...)
	if err != nil {
		return err
	}
	d.parts.Metrics.Process(d.Version)
	tell := d.parts.Metrics.Open(d.sockets, d.Name, d.log)
	if err := d.giveUp(); err != nil {
		return err
	}
	go tell(now)
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		d.log.Info("listening", "proto", l.Name, "address", l.Addr().String())
		go func() { failed <- d.server.Serve(l) }()
	}
	d.service.Ready()
	select {
	case err = <-failed:
	case <-stop.Done():
	}
	d.shutdown(now)
	return err
}

// serve serves the one connection that inetd handed over.
func (d *daemon) serve(conn net.Conn, stop, now context.Context) error {
	if err := d.giveUp(); err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- d.server.(ConnServer).ServeConn(inetd.Serving(conn, d.Want(d.cfg)...)) }()
	select {
	case err := <-served:
		return err
	case <-stop.Done():
	}
	d.shutdown(now)
	return <-served
}

// shutdown ends the connections, in peace if there is time.
func (d *daemon) shutdown(now context.Context) {
	ctx, cancel := context.WithTimeout(now, d.cfg.Login.Drain)
	defer cancel()
	d.server.Shutdown(ctx)
}
