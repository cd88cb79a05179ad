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
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/command"
	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/fdpass"
	"fantail/internal/daemon/journal"
	"fantail/internal/daemon/metrics"
	"fantail/internal/daemon/service"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/crossed"
	"fantail/internal/login/launch"
	"fantail/internal/login/userdb"
)

// Socket is the name of its socket.
const Socket = "submit"

// leave is how long what runs may take to end when the daemon does. What is not sent then
// is found by the next one.
const leave = time.Minute

// Inquiry asks authd for an account: inquiry.Account, which fronts, that know this package,
// must not link.
type Inquiry func(ctx context.Context, cfg *conf.Config, name string, answer any) error

// Main is the program submitd; it returns the exit status. Every signal but SIGHUP ends it,
// when what runs has ended.
func Main(version string, args []string, signals <-chan os.Signal, out, stderr io.Writer, ask Inquiry) int {
	line := command.New("submitd", version, stderr)
	directory := line.String("S", "/run/fantail", "`directory` of its socket, unless systemd passes it")
	single := line.Bool("i", false, "serve the connection on standard input, and end with it")
	forget := line.Bool("f", false, "keep no file of what is due")
	if status, done := line.Parse(args, out); done {
		return status
	}
	log := journal.New(stderr, "submitd")
	s, cfg, err := load(line.Config, log)
	if err == nil && line.Check {
		return command.OK
	}
	if err != nil {
		return line.Fail(command.Config, err)
	}
	if !*forget {
		s.Table = table(cfg, log)
	}
	if err := s.Load(); err != nil {
		return line.Fail(command.Config, err)
	}
	s.Metrics = metrics.New(metrics.Submitd)
	s.Metrics.Process(version)
	s.measure()
	daemon := service.Service{Version: version, Log: log}
	err = daemon.Run(signals, func(stop, now context.Context) error {
		var err error
		ctx, cancel := context.WithCancel(stop)
		var hearing sync.WaitGroup
		// What one user runs for himself watches no directory of the system's.
		if dir := cfg.Mail.Warnings.Directory; dir != "" && (!*single || cfg.IsSet("mail.quota_warning_directory")) {
			hearing.Go(func() { s.hear(ctx, cfg, dir, ask) })
		}
		if *single {
			err = s.serveInput(stop)
		} else {
			hearing.Go(func() { s.Metrics.Open(*directory, "submitd", log)(ctx) })
			err = broker.Sockets{
				List:      []broker.Socket{{Name: Socket, Mode: 0o600, Serve: s.Serve}},
				Directory: *directory,
				GiveUp:    func() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) },
				Log:       log,
			}.Serve(stop, daemon.Ready)
		}
		cancel()
		hearing.Wait()
		ctx, cancel = context.WithTimeout(now, leave)
		defer cancel()
		if left := s.Shutdown(ctx); left != nil {
			log.Warn("something still runs")
		}
		return err
	})
	if err != nil {
		log.Error("cannot serve", "err", err)
		return command.Unavailable
	}
	return command.OK
}

// load makes the server by the configuration. It has no table.
func load(file string, log *slog.Logger) (*Server, *conf.Config, error) {
	cfg, err := conf.Load(file)
	if err == nil {
		err = cfg.CheckSubmit()
	}
	if err != nil {
		return nil, nil, err
	}
	programs, err := launch.Programs(cfg.Programs.Directory, "webmail-submit")
	if err != nil {
		return nil, nil, err
	}
	needed := []Work{Outbox}
	if len(cfg.Mail.Warnings.Command) > 0 {
		needed = append(needed, Quota)
	}
	for _, w := range needed {
		if _, err := exec.LookPath(filepath.Join(programs, w.Program())); err != nil {
			return nil, nil, fmt.Errorf("find %s: %w", w.Program(), err)
		}
	}
	o := launch.Options{
		Programs: programs, ConfigFile: cfg.File, ConfigStamp: func() string { return conf.Stamp(cfg.File) },
		Become: os.Geteuid() == 0, OwnUID: uint32(os.Geteuid()),
		FirstUID: uint32(cfg.Session.FirstUID), FirstGID: uint32(cfg.Session.FirstGID),
	}
	start := map[Work]func(*wire.Account) (*exec.Cmd, error){Outbox: o.Submit, Quota: o.QuotaCommand}
	return &Server{
		Command: func(w Work, a *wire.Account) (*exec.Cmd, error) { return start[w](a) },
		UID:     uint32(os.Geteuid()), Log: log,
	}, cfg, nil
}

// inquiryTime is how long authd may take to say whose an account is.
const inquiryTime = 30 * time.Second

// hear hears of accounts by files, until ctx ends. Whose an account is authd says; and
// nobody is believed whose account it is not.
func (s *Server) hear(ctx context.Context, cfg *conf.Config, dir string, ask Inquiry) {
	err := crossed.Watch(ctx, dir, s.Log, func(ctx context.Context, account string, uid uint32) error {
		ctx, cancel := context.WithTimeout(ctx, inquiryTime)
		defer cancel()
		var a wire.Account
		err := ask(ctx, cfg, account, &a)
		switch {
		case errors.Is(err, userdb.ErrUnknown):
			return fmt.Errorf("%w: there is no account %s", crossed.ErrRefused, account)
		case err != nil:
			return err
		case uid != a.UID && uid != 0:
			return fmt.Errorf("%w: the account %s is uid %d's", crossed.ErrRefused, a.Name, a.UID)
		}
		s.Due(Quota, a)
		return nil
	})
	if err != nil {
		s.Log.Error("nothing is heard of what is delivered on pipes", "err", err)
	}
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
