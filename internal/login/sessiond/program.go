package sessiond

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/command"
	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/journal"
	"fantail/internal/daemon/metrics"
	"fantail/internal/daemon/processors"
	"fantail/internal/daemon/sandbox"
	"fantail/internal/daemon/service"
	"fantail/internal/daemon/slack"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/launch"
	"fantail/internal/login/roster"
	"fantail/internal/login/submitd"
)

// Main is the program sessiond; it returns the exit status. SIGHUP changes nothing: what
// is started reads the configuration. Every other signal ends it; the sessions go on.
func Main(version string, args []string, signals <-chan os.Signal, out, stderr io.Writer) int {
	line := command.New("sessiond", version, stderr)
	directory := line.String("S", "/run/fantail", "`directory` of the socket of authd, and of its own unless systemd passes it")
	if status, done := line.Parse(args, out); done {
		return status
	}
	log := journal.New(stderr, "sessiond")
	s, err := load(line.Config, *directory, log)
	if err == nil && line.Check {
		err = s.check()
	}
	if err != nil {
		return line.Fail(command.Config, err)
	}
	if line.Check {
		return command.OK
	}
	if err := s.check(); err != nil { // may be mended while it runs
		log.Warn("not every session can be started", "err", err)
	}
	slack.Allow(slack.Message, log)
	processors.Follow()
	s.Metrics.Process(version)
	daemon := service.Service{Version: version, Log: log}
	err = daemon.Run(signals, func(stop, _ context.Context) error {
		tell := s.Metrics.Open(*directory, "sessiond", log)
		sockets := broker.Sockets{
			List: []broker.Socket{
				{Name: broker.SocketSession, Mode: 0o660, Serve: s.Serve},
				{Name: broker.SocketAdmin, Mode: 0o600, Serve: s.ServeAdmin},
			},
			Directory: *directory,
			GiveUp:    s.giveUp,
			Log:       log,
		}
		go tell(stop)
		return sockets.Serve(stop, daemon.Ready)
	})
	if err != nil {
		log.Error("cannot serve", "err", err)
		return command.Unavailable
	}
	return command.OK
}

// load makes the server by the configuration.
func load(file, directory string, log *slog.Logger) (*Server, error) {
	cfg, err := conf.Load(file)
	if err != nil {
		return nil, err
	}
	programs, err := launch.Programs(cfg.Programs.Directory, "imap-session")
	if err != nil {
		return nil, err
	}
	fence, err := cfg.Fence()
	if err != nil {
		return nil, err
	}
	options := launch.RosterOptions(log)
	options.Metrics = metrics.New(metrics.Sessiond)
	running := roster.New(options)
	running.Measure(wire.IMAP.String(), wire.POP3.String(), wire.Webmail.String(), wire.LMTP.String())
	return &Server{
		Authd: broker.NewLink(broker.DialPath(filepath.Join(directory, broker.SocketTicket)), nil),
		Launch: &launch.Options{
			Programs:    programs,
			ConfigFile:  cfg.File,
			ConfigStamp: func() string { return conf.Stamp(cfg.File) },
			Fence:       fence,
			Become:      os.Geteuid() == 0,
			OwnUID:      uint32(os.Geteuid()),
			FirstUID:    uint32(cfg.Session.FirstUID),
			FirstGID:    uint32(cfg.Session.FirstGID),
		},
		Programs: running,
		Metrics:  options.Metrics,
		Submit:   submitd.NewClient(broker.DialPath(filepath.Join(directory, submitd.Socket)), log),
		Enclosed: cfg.Programs.Sandbox != conf.SandboxOff,
		Log:      log,
	}, nil
}

// check says which sessions cannot be started.
func (s *Server) check() error {
	var errs []error
	for _, service := range []wire.Service{wire.IMAP, wire.POP3, wire.Webmail, wire.LMTP} {
		errs = append(errs, s.Launch.Check(service))
	}
	return errors.Join(errs...)
}

// giveUp sees to it that nothing that is started, nor what that starts, can gain a
// privilege by executing a program, and that nobody else can look into this process;
// and enters the sandbox, which holds for what is started too.
func (s *Server) giveUp() error {
	err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	if err == nil {
		err = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	}
	if err == nil {
		err = launch.SmallPages()
	}
	if err != nil {
		return fmt.Errorf("give up privileges: %w", err)
	}
	if !s.Enclosed {
		return nil
	}
	return sandbox.Begin(sandbox.Starter, sandbox.Options{Programs: []string{s.Launch.Programs}}, s.Log)
}
