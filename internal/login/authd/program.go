package authd

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/fdpass"
	"fantail/internal/daemon/inetd"
	"fantail/internal/login/broker"
	"fantail/internal/login/passdb"
	"fantail/internal/login/sasl"
)

// Program is authd.
type Program struct {
	Version  string
	Accounts func(Means) (Sources, error) // makes the sources of the configuration

	hashing *passdb.Hashing
}

// Means are what sources are made with.
type Means struct {
	Config *conf.Config
	// Own is the user of everything if that is this program's, and nil if session
	// programs run as their accounts' users.
	Own     *Owner
	Decoy   sasl.Decoy      // the zero Decoy if there is no SCRAM
	Hashing *passdb.Hashing // the same one after a reload
	Log     *slog.Logger
}

// Owner is the one user where everything runs under one uid.
type Owner struct{ UID, GID uint32 }

// Sources are Accounts that know of their own state.
type Sources interface {
	Accounts
	// Check reports why sources cannot be asked, if they cannot.
	Check(ctx context.Context) error
}

// Exit status, as in sysexits.h.
const (
	exitOK          = 0
	exitUsage       = 64
	exitUnavailable = 69
	exitConfig      = 78
)

const (
	// failureDelay is how long the answer to a wrong password takes, at least.
	failureDelay = 2 * time.Second
	// checkTime is how long sources may take to say that they are there.
	checkTime = 20 * time.Second
)

type arguments struct {
	config, sockets       string
	child, check, version bool
}

// Main is the program; it returns the exit status. SIGHUP reads the configuration
// again, any other signal ends it.
func (p Program) Main(args []string, signals <-chan os.Signal, in *os.File, out, stderr io.Writer) int {
	a, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil: // parse has told
		return exitUsage
	case a.version:
		fmt.Fprintln(out, "authd", p.Version)
		return exitOK
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	p.hashing = passdb.NewHashing(runtime.GOMAXPROCS(0), passdb.HashingMemory)
	setup, check, err := p.setup(a, log)
	if err == nil && a.check {
		err = check()
	}
	if err != nil {
		fmt.Fprintf(stderr, "authd: %v\n", err)
		return exitConfig
	}
	if a.check {
		return exitOK
	}
	engine, err := New(Options{Log: log}, setup)
	if err != nil {
		log.Error("cannot start", "err", err)
		return exitConfig
	}
	go func() {
		if err := check(); err != nil { // may be mended while it runs
			log.Warn("not everybody can log in", "err", err)
		}
	}()
	d := daemon{Engine: engine, program: p, arguments: a, log: log}
	run := d.listen
	if a.child {
		run = func(ctx context.Context) error { return d.serveChild(ctx, in) }
	}
	if err := d.run(run, signals); err != nil {
		log.Error("cannot serve", "err", err)
		return exitUnavailable
	}
	return exitOK
}

func parse(args []string, stderr io.Writer) (a arguments, err error) {
	fs := flag.NewFlagSet("authd", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&a.config, "c", "", "configuration `file`")
	fs.StringVar(&a.sockets, "S", "", "`directory` in which to make the sockets, unless systemd passes them")
	fs.BoolVar(&a.child, "i", false, "serve the front on standard input, whose sessions run as the same user")
	fs.BoolVar(&a.check, "n", false, "check the configuration and exit")
	fs.BoolVar(&a.version, "v", false, "print the version and exit")
	if err := fs.Parse(args); err != nil {
		return a, err
	}
	if fs.NArg() > 0 {
		err = fmt.Errorf("what is %q?", fs.Arg(0))
		fmt.Fprintf(stderr, "authd: %v\n", err)
	}
	return a, err
}

// setup reads the configuration. check asks the sources whether they are there.
func (p Program) setup(a arguments, log *slog.Logger) (s Setup, check func() error, err error) {
	cfg, err := conf.Load(a.config)
	if err != nil {
		return s, nil, err
	}
	var own *Owner
	if a.child || a.sockets == "" && a.check {
		own = &Owner{uint32(os.Geteuid()), uint32(os.Getegid())}
	}
	decoy, err := decoy(cfg)
	if err != nil {
		return s, nil, err
	}
	accounts, err := p.Accounts(Means{cfg, own, decoy, p.hashing, log})
	if err != nil {
		return s, nil, err
	}
	s = Setup{
		Accounts:     accounts,
		SASL:         sasl.Config{Enabled: cfg.Auth.Mechanisms, Decoy: decoy, OAuth: oauthOf(cfg.OAuth)},
		FailureDelay: failureDelay,
	}
	return s, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), checkTime)
		defer cancel()
		return accounts.Check(ctx)
	}, nil
}

// oauthOf is what clients with a wrong token are told.
func oauthOf(s conf.OAuthSettings) sasl.OAuth {
	o := sasl.OAuth{Scope: s.Scope}
	if s.Issuer != "" {
		o.Configuration = s.Configuration()
	}
	return o
}

// daemon is an engine with its sockets and signals.
type daemon struct {
	*Engine
	program   Program
	arguments arguments
	log       *slog.Logger
	conns     sync.WaitGroup
}

// run runs serve until a signal ends it.
func (d *daemon) run(serve func(context.Context) error, signals <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- serve(ctx) }()
	for {
		select {
		case err := <-served:
			return err
		case s := <-signals:
			if s != syscall.SIGHUP {
				cancel()
				return <-served
			}
			d.reload()
		}
	}
}

// reload reads the configuration again. One that is wrong changes nothing.
func (d *daemon) reload() {
	d.tell(inetd.Reloading)
	old := d.Engine.setup.Load().Accounts
	setup, _, err := d.program.setup(d.arguments, d.log)
	if err == nil {
		err = d.Configure(setup)
	}
	if c, ok := old.(io.Closer); ok && err == nil {
		// By then every exchange that began with it is over.
		time.AfterFunc(exchangeLife, func() { c.Close() }) // it has no more to do
	}
	if err != nil {
		d.log.Error("reload", "err", err)
	} else {
		d.log.Info("reloaded")
	}
	d.tell(inetd.Ready)
}

// tell tells the service manager. That it cannot be told is no reason to stop.
func (d *daemon) tell(what func() error) {
	if err := what(); err != nil {
		d.log.Warn("service manager", "err", err)
	}
}

// serveChild serves the front that started it.
func (d *daemon) serveChild(ctx context.Context, in *os.File) error {
	c, err := fdpass.Open(in)
	if err != nil {
		return err
	}
	return d.Serve(ctx, c, Both)
}

// sockets are authd's, by role.
var sockets = []struct {
	broker.Socket
	role Role
}{
	{broker.Socket{Name: broker.SocketLogin, Mode: 0o660}, Front},
	{broker.Socket{Name: broker.SocketTicket, Mode: 0o600}, Session},
}

// listen serves whoever connects.
func (d *daemon) listen(ctx context.Context) error {
	var names []broker.Socket
	for _, s := range sockets {
		names = append(names, s.Socket)
	}
	listeners, err := broker.Listen(d.arguments.sockets, names...)
	if err != nil {
		return err
	}
	failed := make(chan error, len(sockets))
	for _, s := range sockets {
		go func() { failed <- d.accept(ctx, listeners[s.Name], s.role) }()
	}
	d.tell(inetd.Ready)
	select {
	case err = <-failed:
	case <-ctx.Done():
		d.tell(inetd.Stopping)
	}
	for _, l := range listeners {
		err = errors.Join(err, l.Close())
	}
	d.conns.Wait()
	return err
}

// accept serves the connections of one socket until it is closed.
func (d *daemon) accept(ctx context.Context, l *fdpass.Listener, role Role) error {
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ECONNABORTED):
			d.log.Error("accept", "err", err)
			if pause(ctx, time.Second) != nil {
				return nil
			}
			continue
		case err != nil:
			return err
		}
		d.conns.Go(func() {
			if err := d.Serve(ctx, c, role); err != nil && ctx.Err() == nil {
				d.log.Warn("a peer was sent away", "peer", role.name, "err", err)
			}
		})
	}
}
