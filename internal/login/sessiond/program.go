package sessiond

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/fdpass"
	"fantail/internal/daemon/inetd"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/launch"
	"fantail/internal/login/roster"
)

// Exit status, as in sysexits.h.
const (
	exitOK          = 0
	exitUsage       = 64
	exitUnavailable = 69
	exitConfig      = 78
)

type arguments struct {
	config, sockets string
	check, version  bool
}

// Main is the program sessiond; it returns the exit status. Every signal ends it;
// the sessions go on.
func Main(version string, args []string, signals <-chan os.Signal, out, stderr io.Writer) int {
	a, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil: // parse has told
		return exitUsage
	case a.version:
		fmt.Fprintln(out, "sessiond", version)
		return exitOK
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	d, err := load(a, log)
	if err == nil && a.check {
		err = d.check()
	}
	if err != nil {
		fmt.Fprintf(stderr, "sessiond: %v\n", err)
		return exitConfig
	}
	if a.check {
		return exitOK
	}
	if err := d.check(); err != nil { // may be mended while it runs
		log.Warn("not every session can be started", "err", err)
	}
	if err := d.run(a, signals); err != nil {
		log.Error("cannot serve", "err", err)
		return exitUnavailable
	}
	return exitOK
}

func parse(args []string, stderr io.Writer) (a arguments, err error) {
	fs := flag.NewFlagSet("sessiond", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&a.config, "c", "", "configuration `file`")
	fs.StringVar(&a.sockets, "S", "/run/fantail", "`directory` of the socket of authd, and of its own unless systemd passes them")
	fs.BoolVar(&a.check, "n", false, "check the configuration and exit")
	fs.BoolVar(&a.version, "v", false, "print the version and exit")
	if err := fs.Parse(args); err != nil {
		return a, err
	}
	if fs.NArg() > 0 {
		err = fmt.Errorf("what is %q?", fs.Arg(0))
		fmt.Fprintf(stderr, "sessiond: %v\n", err)
	}
	return a, err
}

// daemon is a Server with its socket.
type daemon struct {
	*Server
	conns sync.WaitGroup
}

// load reads the configuration.
func load(a arguments, log *slog.Logger) (*daemon, error) {
	cfg, err := conf.Load(a.config)
	if err != nil {
		return nil, err
	}
	programs, err := launch.Programs(cfg.Programs.Directory, "imap-session")
	if err != nil {
		return nil, err
	}
	return &daemon{Server: &Server{
		Authd: broker.NewLink(broker.DialPath(filepath.Join(a.sockets, broker.SocketTicket)), nil),
		Launch: &launch.Options{
			Programs:    programs,
			ConfigFile:  cfg.File,
			ConfigStamp: func() string { return conf.Stamp(cfg.File) },
			Become:      os.Geteuid() == 0,
			OwnUID:      uint32(os.Geteuid()),
			FirstUID:    uint32(cfg.Session.FirstUID),
			FirstGID:    uint32(cfg.Session.FirstGID),
		},
		Programs: roster.New(launch.RosterOptions(log)),
		Log:      log,
	}}, nil
}

// check says which sessions cannot be started.
func (d *daemon) check() error {
	var errs []error
	for _, s := range []wire.Service{wire.IMAP, wire.POP3, wire.Webmail} {
		errs = append(errs, d.Launch.Check(s))
	}
	return errors.Join(errs...)
}

// run serves fronts until a signal comes.
func (d *daemon) run(a arguments, signals <-chan os.Signal) error {
	// Nothing that is started, nor what that starts, can gain a privilege by
	// executing a program, and nobody else can look into this process.
	err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	if err == nil {
		err = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	}
	if err != nil {
		return fmt.Errorf("give up privileges: %w", err)
	}
	listeners, err := broker.Listen(a.sockets,
		broker.Socket{Name: broker.SocketSession, Mode: 0o660}, broker.Socket{Name: broker.SocketAdmin, Mode: 0o600})
	if err != nil {
		return err
	}
	fronts, admins := listeners[broker.SocketSession], listeners[broker.SocketAdmin]
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	failed := make(chan error, 2)
	go func() { failed <- d.accept(ctx, fronts, d.Serve) }()
	go func() { failed <- d.accept(ctx, admins, d.ServeAdmin) }()
	d.tell(inetd.Ready)
	for {
		select {
		case err := <-failed:
			return err
		case s := <-signals:
			if s == syscall.SIGHUP { // the configuration is read by what is started
				continue
			}
			d.tell(inetd.Stopping)
			cancel()
			err := errors.Join(fronts.Close(), admins.Close(), <-failed, <-failed)
			d.conns.Wait()
			return err
		}
	}
}

// accept serves those who connect, until the socket is closed.
func (d *daemon) accept(ctx context.Context, l *fdpass.Listener, serve func(context.Context, *fdpass.Conn) error) error {
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ECONNABORTED):
			d.Log.Error("accept", "err", err)
			time.Sleep(time.Second)
			continue
		case err != nil:
			return err
		}
		d.conns.Go(func() {
			if err := serve(ctx, c); err != nil && ctx.Err() == nil {
				d.Log.Warn("a peer was sent away", "err", err)
			}
		})
	}
}

// tell tells the service manager. That it cannot be told is no reason to stop.
func (d *daemon) tell(what func() error) {
	if err := what(); err != nil {
		d.Log.Warn("service manager", "err", err)
	}
}
