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
)

// Broker is what a Program needs behind the login.
type Broker interface {
	broker.Authenticator
	broker.Starter
	// Interrupt asks every session that was started to take leave of its client
	// and end. It does not wait.
	Interrupt()
	// Check reports why nobody can log in to a service, if nobody can.
	Check(service string) error
	// Shutdown starts nothing any more, and returns when every session program has
	// ended, or with ctx's error.
	Shutdown(ctx context.Context) error
}

// Program is what imapd and pop3d have in common: the command line, and how the
// parts are put together.
type Program struct {
	Name     string // of the program
	Protocol string // imap or pop3; with "s" behind it the service with TLS first
	Version  string
	// Listen returns the protocol's part of the configuration.
	Listen func(*conf.Config) conf.ListenSettings
	// Broker makes the broker, whose session programs are in the directory
	// programs. It opens no socket and writes no file.
	Broker func(cfg *conf.Config, programs string, log *slog.Logger) Broker
	// Enclose has the process give up what it does not need to serve; nil: nothing.
	Enclose func(cfg *conf.Config, log *slog.Logger) error
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
	config                string
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
		return p.serveConn(a.config, signals)
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	if a.check {
		if err := p.check(a.config, log); err != nil {
			fmt.Fprintf(stderr, "%s: %v\n", p.Name, err)
			return ExitConfig
		}
		return ExitOK
	}
	return p.start(a.config, log, func(d Daemon) error { return d.Run(signals) })
}

func (p Program) parse(args []string, stderr io.Writer) (a arguments, err error) {
	fs := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&a.config, "c", "", "configuration `file`")
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
	broker      Broker
	log         *slog.Logger
}

// load reads the configuration.
func (p Program) load(file string, log *slog.Logger) (*parts, error) {
	cfg, err := conf.Load(file)
	if err != nil {
		return nil, err
	}
	programs, err := broker.Programs(cfg.Programs.Directory, "imap-session")
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
		broker:      p.Broker(cfg, programs, log),
		log:         log,
	}, nil
}

// check says what is wrong with the configuration and what it names.
func (p Program) check(file string, log *slog.Logger) error {
	q, err := p.load(file, log)
	if err != nil {
		return err
	}
	return errors.Join(tlsconf.Check(q.certificate), q.broker.Check(p.Protocol))
}

// build makes the daemon, and a certificate if there is none.
func (p Program) build(q *parts) (Daemon, error) {
	certificate, err := tlsconf.Load(q.certificate)
	if err != nil {
		return Daemon{}, err
	}
	if err := q.broker.Check(p.Protocol); err != nil { // may be mended while it runs
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
func (p Program) serveConn(file string, signals <-chan os.Signal) int {
	conn, stderr, err := inetd.Connection()
	log := slog.New(slog.NewTextHandler(inetd.LogTo(stderr, p.Name), nil))
	if err != nil {
		log.Error("cannot start", "err", err)
		return ExitUnavailable
	}
	defer conn.Close()
	return p.start(file, log, func(d Daemon) error { return d.RunConn(inetd.Serving(conn, d.Want...), signals) })
}

// start puts the daemon together, runs it, and waits for its sessions.
func (p Program) start(file string, log *slog.Logger, run func(Daemon) error) int {
	q, err := p.load(file, log)
	var d Daemon
	if err == nil {
		d, err = p.build(q)
	}
	if err == nil && p.Enclose != nil {
		err = p.Enclose(q.cfg, log)
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
