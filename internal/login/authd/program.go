package authd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"fantail/internal/daemon/command"
	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/fdpass"
	"fantail/internal/daemon/journal"
	"fantail/internal/daemon/metrics"
	"fantail/internal/daemon/processors"
	"fantail/internal/daemon/service"
	"fantail/internal/daemon/slack"
	"fantail/internal/login/broker"
	"fantail/internal/login/passdb"
	"fantail/internal/login/passdb/apppw"
	"fantail/internal/login/passdb/factor"
	"fantail/internal/login/sasl"
	"fantail/internal/login/userdb"
)

// Program is authd.
type Program struct {
	Version  string
	Accounts func(Means) (Sources, error) // makes the sources of the configuration

	hashing *passdb.Hashing
	metrics *metrics.Set
}

// Means are what sources are made with.
type Means struct {
	Config *conf.Config
	// Own is the user of everything if that is this program's, and nil if session
	// programs run as their accounts' users.
	Own     *Owner
	Decoy   sasl.Decoy      // the zero Decoy if there is no SCRAM
	Hashing *passdb.Hashing // the same one after a reload
	Metrics *metrics.Set    // the same one, too
	Log     *slog.Logger
}

// Owner is the one user where everything runs under one uid.
type Owner struct{ UID, GID uint32 }

// Sources are Accounts that know of their own state.
type Sources interface {
	Accounts
	// Check reports why sources cannot be asked, if they cannot.
	Check(ctx context.Context) error
	Needs() Needs
	// Find returns the account called name, of whom nobody has proven anything, and the
	// name of its source.
	Find(ctx context.Context, name string) (source string, user userdb.User, err error)
	// Admit returns the account called q.Name if it may log in with some other proof.
	Admit(ctx context.Context, q passdb.Query) (userdb.User, error)
}

const (
	// failureDelay is how long the answer to a wrong password takes, at least.
	failureDelay = 2 * time.Second
	// checkTime is how long sources may take to say that they are there.
	checkTime = 20 * time.Second
)

type arguments struct {
	*command.Line
	sockets string
	child   bool
	account string
}

// Main is the program; it returns the exit status. SIGHUP reads the configuration
// again, any other signal ends it.
func (p Program) Main(args []string, signals <-chan os.Signal, in *os.File, out, stderr io.Writer) int {
	a := arguments{Line: command.New("authd", p.Version, stderr)}
	a.StringVar(&a.sockets, "S", "", "`directory` in which to make the sockets, unless systemd passes them")
	a.BoolVar(&a.child, "i", false, "serve the front on standard input, whose sessions run as the same user")
	a.StringVar(&a.account, "q", "", "say what is known of the account called `name`, and exit")
	if status, done := a.Parse(args, out); done {
		return status
	}
	log := journal.New(stderr, "authd")
	p.metrics = metrics.New(metrics.Authd)
	p.hashing = passdb.NewHashing(processors.Follow(), passdb.HashingMemory)
	r, err := p.read(a, log)
	if err == nil && a.Check {
		err = r.check()
	}
	switch {
	case err != nil:
		return a.Fail(command.Config, err)
	case a.Check:
		return command.OK
	case a.account != "":
		return a.answer(r.sources, out)
	}
	slack.Allow(slack.Work, log)
	engine, err := New(Options{Metrics: p.metrics, Log: log}, r.setup)
	if err != nil {
		log.Error("cannot start", "err", err)
		return command.Config
	}
	go func() {
		if err := r.check(); err != nil { // may be mended while it runs
			log.Warn("not everybody can log in", "err", err)
		}
	}()
	d := daemon{Engine: engine, program: p, arguments: a, log: log, needs: r.needs, programs: r.programs, smtp: r.smtp}
	d.service = service.Service{Version: p.Version, Reload: d.reload, Log: log}
	serve := d.listen
	if a.child {
		serve = func(stop context.Context) error { return d.serveChild(stop, in) }
	}
	err = d.service.Run(signals, func(stop, _ context.Context) error { return serve(stop) })
	if err != nil {
		log.Error("cannot serve", "err", err)
		return command.Unavailable
	}
	return command.OK
}

// reading is the configuration, read.
type reading struct {
	setup    Setup
	sources  Sources
	needs    Needs
	programs conf.Sandbox
	smtp     []string     // paths of sockets
	check    func() error // asks the sources whether they are there
}

// read reads the configuration.
func (p Program) read(a arguments, log *slog.Logger) (r reading, err error) {
	cfg, err := conf.Load(a.Config)
	if err != nil {
		return r, err
	}
	var own *Owner
	if a.child || a.sockets == "" && a.Check {
		own = &Owner{uint32(os.Geteuid()), uint32(os.Getegid())}
	}
	decoy, err := decoy(cfg)
	if err != nil {
		return r, err
	}
	r.sources, err = p.Accounts(Means{cfg, own, decoy, p.hashing, p.metrics, log})
	if err != nil {
		return r, err
	}
	r.needs, r.programs = r.sources.Needs(), cfg.Programs.Sandbox
	r.smtp = cfg.SMTPAuth.Sockets
	r.setup = Setup{
		Accounts:     r.sources,
		SASL:         sasl.Config{Enabled: cfg.Auth.Mechanisms, Decoy: decoy, OAuth: oauthOf(cfg.OAuth)},
		Plaintext:    cfg.Login.Plaintext,
		FailureDelay: failureDelay,
		AppPasswords: apppw.Open(filepath.Join(cfg.Auth.Directory, "apppw"), log),
		Factors:      factor.Open(filepath.Join(cfg.Auth.Directory, "totp")),
	}
	r.check = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), checkTime)
		defer cancel()
		return r.sources.Check(ctx)
	}
	return r, nil
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
	service   service.Service
	log       *slog.Logger

	needs, entered Needs // of the sources; those that the sandbox was made for
	programs       conf.Sandbox
	smtp           []string // paths of sockets; they are those of the start
}

// reload reads the configuration again. One that is wrong changes nothing.
func (d *daemon) reload() error {
	old := d.Engine.setup.Load().Accounts
	r, err := d.program.read(d.arguments, d.log)
	if err == nil {
		err = d.Configure(r.setup)
	}
	if err != nil {
		return err
	}
	if d.programs != conf.SandboxOff && !d.entered.cover(r.needs) {
		d.log.Warn("the sandbox was made for other sources: restart authd")
	}
	if c, ok := old.(io.Closer); ok {
		// By then every exchange that began with it is over.
		time.AfterFunc(exchangeLife, func() { c.Close() }) // it has no more to do
	}
	return nil
}

// serveChild serves the front that started it.
func (d *daemon) serveChild(ctx context.Context, in *os.File) error {
	c, err := fdpass.Open(in)
	if err != nil {
		return err
	}
	if err := d.giveUp(); err != nil {
		return errors.Join(err, c.Close())
	}
	return d.Serve(ctx, c, All)
}

// listen serves whoever connects.
func (d *daemon) listen(ctx context.Context) error {
	as := func(role Role) func(context.Context, *fdpass.Conn) error {
		return func(ctx context.Context, c *fdpass.Conn) error { return d.Serve(ctx, c, role) }
	}
	sockets := broker.Sockets{
		List: []broker.Socket{
			{Name: broker.SocketLogin, Mode: 0o660, Serve: as(Front)},
			{Name: broker.SocketTicket, Mode: 0o600, Serve: as(Session)},
			{Name: broker.SocketDeliver, Mode: 0o660, Serve: as(Delivery)},
			{Name: broker.SocketSMTP, Mode: 0o660, Stream: d.ServeMailServer, Paths: d.smtp},
		},
		Directory: d.arguments.sockets,
		GiveUp:    d.giveUp,
		Log:       d.log,
	}
	d.o.Metrics.Process(d.program.Version)
	go d.o.Metrics.Open(d.arguments.sockets, "authd", d.log)(ctx)
	return sockets.Serve(ctx, d.service.Ready)
}
