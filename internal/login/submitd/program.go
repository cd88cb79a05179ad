package submitd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/command"
	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/fdpass"
	"fantail/internal/daemon/service"
	"fantail/internal/login/broker"
	"fantail/internal/login/launch"
)

// Socket is the name of its socket.
const Socket = "submit"

// leave is how long what runs may take to end when the daemon does. What is not sent then
// is found by the next one.
const leave = time.Minute

// Main is the program submitd; it returns the exit status. Every signal but SIGHUP ends it,
// when what runs has ended.
func Main(version string, args []string, signals <-chan os.Signal, out, stderr io.Writer) int {
	line := command.New("submitd", version, stderr)
	directory := line.String("S", "/run/fantail", "`directory` of its socket, unless systemd passes it")
	single := line.Bool("i", false, "serve the connection on standard input, and end with it")
	if status, done := line.Parse(args, out); done {
		return status
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	s, err := load(line.Config, log)
	if err == nil && line.Check {
		return command.OK
	}
	if err != nil {
		return line.Fail(command.Config, err)
	}
	if err := s.Load(); err != nil {
		return line.Fail(command.Config, err)
	}
	daemon := service.Service{Log: log}
	err = daemon.Run(signals, func(stop, now context.Context) error {
		var err error
		if *single {
			err = s.serveInput(stop)
		} else {
			err = broker.Sockets{
				List:      []broker.Socket{{Name: Socket, Mode: 0o600, Serve: s.Serve}},
				Directory: *directory,
				GiveUp:    func() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) },
				Log:       log,
			}.Serve(stop, daemon.Ready)
		}
		ctx, cancel := context.WithTimeout(now, leave)
		defer cancel()
		if left := s.Shutdown(ctx); left != nil {
			log.Warn("something is still being sent")
		}
		return err
	})
	if err != nil {
		log.Error("cannot serve", "err", err)
		return command.Unavailable
	}
	return command.OK
}

func load(file string, log *slog.Logger) (*Server, error) {
	cfg, err := conf.Load(file)
	if err == nil {
		err = cfg.CheckSubmit()
	}
	if err != nil {
		return nil, err
	}
	programs, err := launch.Programs(cfg.Programs.Directory, "webmail-submit")
	if err != nil {
		return nil, err
	}
	if _, err := exec.LookPath(filepath.Join(programs, "webmail-submit")); err != nil {
		return nil, fmt.Errorf("find webmail-submit: %w", err)
	}
	o := launch.Options{
		Programs: programs, ConfigFile: cfg.File, ConfigStamp: func() string { return conf.Stamp(cfg.File) },
		Become: os.Geteuid() == 0, OwnUID: uint32(os.Geteuid()),
		FirstUID: uint32(cfg.Session.FirstUID), FirstGID: uint32(cfg.Session.FirstGID),
	}
	return &Server{Command: o.Submit, Table: table(cfg, log), UID: uint32(os.Geteuid()), Log: log}, nil
}

// table returns the path of the table; "" if there cannot be one.
func table(cfg *conf.Config, log *slog.Logger) string {
	dir := cfg.Webmail.Submit.Directory
	if dir == "" {
		return ""
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		log.Warn("what is due later is forgotten when this ends", "err", err)
		return ""
	}
	return filepath.Join(dir, "table.json")
}

// serveInput serves the connection on standard input.
func (s *Server) serveInput(ctx context.Context) error {
	c, err := fdpass.Open(os.Stdin)
	if err != nil {
		return err
	}
	return errors.Join(os.Stdin.Close(), s.Serve(ctx, c))
}
