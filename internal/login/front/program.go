package front

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/inetd"
	"fantail/internal/daemon/tlsconf"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/own"
)

// Program is what imapd and pop3d have in common: the command line, and how the
// parts are put together.
type Program struct {
	Name     string // of the program
	Protocol string // imap or pop3; with "s" behind it the service with TLS first
	Version  string
	// Listen returns the protocol's part of the configuration.
	Listen func(*conf.Config) conf.ListenSettings
}

// Exit status, as in sysexits.h.
const (
	ExitOK          = 0
	ExitUsage       = 64 // wrong command line
	ExitUnavailable = 69 // no socket or connection to serve
	ExitConfig      = 78 // wrong configuration
)

// grace is how long session programs may take to end after their connections.
const grace = 5 * time.Second

// arguments are the command line.
type arguments struct {
	config, sockets       string
	inetd, check, version bool
}

// Main is the program; it returns the exit status. Signals come from signals:
// SIGHUP reads the certificate again, any other one ends the program.
func (p Program) Main(args []string, signals <-chan os.Signal, out, stderr io.Writer) int {
	a, err := p.parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return ExitOK
	case err != nil: // parse has told
		return ExitUsage
	case a.version:
		fmt.Fprintln(out, p.Name, p.Version)
		return ExitOK
	case a.inetd:
		return p.serveConn(a, signals)
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	if a.check {
		if err := p.check(a, log); err != nil {
			fmt.Fprintf(stderr, "%s: %v\n", p.Name, err)
			return ExitConfig
		}
		return ExitOK
	}
	return p.start(a, log, func(d Daemon) error { return d.Run(signals) })
}

func (p Program) parse(args []string, stderr io.Writer) (a arguments, err error) {
	fs := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&a.config, "c", "", "configuration `file`")
	fs.StringVar(&a.sockets, "S", "", "`directory` of the sockets of authd and sessiond; without it they are part of this program")
	fs.BoolVar(&a.inetd, "i", false, "serve the connection on standard input")
	fs.BoolVar(&a.check, "n", false, "check the configuration and exit")
	fs.BoolVar(&a.version, "v", false, "print the version and exit")
	if err := fs.Parse(args); err != nil {
		return a, err
	}
	if fs.NArg() > 0 {
		err = fmt.Errorf("what is %q?", fs.Arg(0))
		fmt.Fprintf(stderr, "%s: %v\n", p.Name, err)
	}
	return a, err
}

// parts are what the daemon is put together from.
type parts struct {
	cfg         *conf.Config
	certificate tlsconf.Options
	broker      broker.Daemons
	log         *slog.Logger
}

// load reads the configuration.
func (p Program) load(a arguments, log *slog.Logger) (*parts, error) {
	cfg, err := conf.Load(a.config)
	if err != nil {
		return nil, err
	}
	b, err := daemons(cfg, a.sockets, log)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return &parts{
		cfg:         cfg,
		certificate: tlsconf.Options{Certificate: cfg.TLS.Certificate, Key: cfg.TLS.Key, Host: host, Clock: time.Now, Log: log},
		broker:      b,
		log:         log,
	}, nil
}

// daemons returns the way to the daemons whose sockets are in the directory sockets, or
// if that is "" to one's own.
func daemons(cfg *conf.Config, sockets string, log *slog.Logger) (broker.Daemons, error) {
	if sockets != "" {
		return broker.NewRemote(sockets), nil
	}
	return own.New(cfg, log)
}

// service is the program's in the language of the broker.
func (p Program) service() wire.Service {
	s, ok := wire.ServiceOf(p.Protocol)
	if !ok {
		panic("front: " + p.Protocol + " is no service")
	}
	return s
}

// readyTime is how long a front waits at its start for authd to say what it offers.
const readyTime = 10 * time.Second

// check says what is wrong with the configuration and what it names.
func (p Program) check(a arguments, log *slog.Logger) error {
	q, err := p.load(a, log)
	if err != nil {
		return err
	}
	return errors.Join(tlsconf.Check(q.certificate), q.broker.Check(p.service()))
}

// build makes the daemon, and a certificate if there is none.
func (p Program) build(q *parts) (Daemon, error) {
	certificate, err := tlsconf.Load(q.certificate)
	if err != nil {
		return Daemon{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyTime)
	defer cancel()
	err = q.broker.Ready(ctx)
	if err == nil {
		err = q.broker.Check(p.service())
	}
	if err != nil { // may be mended while it runs
		q.log.Warn("nobody can log in", "err", err)
	}
	listen := p.Listen(q.cfg)
	return Daemon{
		Server: New(Options{
			Auth:        q.broker,
			Starter:     q.broker,
			Interrupt:   q.broker.Interrupt,
			TLS:         certificate.Config(),
			Plaintext:   q.cfg.Login.Plaintext,
			Connections: q.cfg.Login.Connections,
			PerSource:   q.cfg.Login.ConnectionsPerSource,
			IMAPWithout: q.cfg.IMAP.Without,
			Log:         q.log,
		}),
		Want: []inetd.Wanted{
			{Service: p.Protocol, Setting: p.Protocol + ".listen", Addresses: listen.Listen},
			{Service: p.Protocol + "s", Setting: p.Protocol + ".listen_tls", Addresses: listen.ListenTLS},
		},
		Reload: certificate.Reload,
		Drain:  q.cfg.Login.Drain,
		Log:    q.log,
	}, nil
}

// serveConn serves one connection. Where its log goes is known only when the
// connection is.
func (p Program) serveConn(a arguments, signals <-chan os.Signal) int {
	conn, stderr, err := inetd.Connection()
	log := slog.New(slog.NewTextHandler(inetd.LogTo(stderr, p.Name), nil))
	if err != nil {
		log.Error("cannot start", "err", err)
		return ExitUnavailable
	}
	defer conn.Close()
	return p.start(a, log, func(d Daemon) error { return d.RunConn(inetd.Serving(conn, d.Want...), signals) })
}

// start puts the daemon together, runs it, and waits for its sessions.
func (p Program) start(a arguments, log *slog.Logger, run func(Daemon) error) int {
	q, err := p.load(a, log)
	var d Daemon
	if err == nil {
		d, err = p.build(q)
	}
	if err == nil {
		err = own.Enclose(q.cfg, log)
	}
	if err != nil {
		log.Error("cannot start", "err", err)
		return ExitConfig
	}
	status := ExitOK
	if err := run(d); err != nil {
		log.Error("cannot serve", "err", err)
		status = ExitUnavailable
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := q.broker.Shutdown(ctx); err != nil {
		log.Warn("sessions are left", "err", err)
	}
	return status
}
