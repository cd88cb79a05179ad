package keyd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"time"

	"fantail/internal/daemon/command"
	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/fdpass"
	"fantail/internal/daemon/journal"
	"fantail/internal/daemon/metrics"
	"fantail/internal/daemon/processors"
	"fantail/internal/daemon/sandbox"
	"fantail/internal/daemon/service"
	"fantail/internal/daemon/slack"
	"fantail/internal/daemon/tlsconf"
	"fantail/internal/login/broker"
)

// Main is the program keyd; it returns the exit status. SIGHUP reads the keys again, any
// other signal ends it.
func Main(version string, args []string, signals <-chan os.Signal, in *os.File, out, stderr io.Writer) int {
	line := command.New("keyd", version, stderr)
	directory := line.String("S", "", "`directory` in which to make the socket, unless systemd passes it")
	child := line.Bool("i", false, "serve the front on standard input")
	if status, done := line.Parse(args, out); done {
		return status
	}
	log := journal.New(stderr, "keyd")
	d := daemon{directory: *directory, log: log}
	err := d.load(line.Config)
	if err == nil && line.Check {
		err = tlsconf.CheckKeys(d.options, broker.KeyID)
	}
	if err != nil {
		return line.Fail(command.Config, err)
	}
	if line.Check {
		return command.OK
	}
	slack.Allow(slack.Message, log)
	most := processors.Follow()
	keys, err := tlsconf.LoadKeys(d.options, broker.KeyID)
	if err != nil {
		log.Error("cannot start", "err", err)
		return command.Config
	}
	d.server = NewServer(keys, most, log)
	d.server.Metrics = metrics.New(metrics.Keyd)
	d.server.Metrics.Process(version)
	d.service = service.Service{Version: version, Reload: keys.Reload, Log: log}
	serve := d.listen
	if *child {
		serve = func(stop, _ context.Context) error { return d.serveChild(stop, in) }
	}
	if err := d.service.Run(signals, serve); err != nil {
		log.Error("cannot serve", "err", err)
		return command.Unavailable
	}
	return command.OK
}

// daemon is a Server with its socket.
type daemon struct {
	directory string
	cfg       *conf.Config
	options   tlsconf.Options
	server    *Server
	service   service.Service
	log       *slog.Logger
}

func (d *daemon) load(file string) (err error) {
	if d.cfg, err = conf.Load(file); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	d.options = tlsconf.Options{
		Certificate: d.cfg.TLS.Certificate, Key: d.cfg.TLS.Key, Directory: d.cfg.TLS.Directory,
		Host: host, Clock: time.Now, Log: d.log,
	}
	return nil
}

// listen serves whoever connects.
func (d *daemon) listen(stop, _ context.Context) error {
	sockets := broker.Sockets{
		List:      []broker.Socket{{Name: broker.SocketKey, Mode: 0o660, Serve: d.server.Serve}},
		Directory: d.directory,
		GiveUp:    d.giveUp,
		Log:       d.log,
	}
	go d.server.Metrics.Open(d.directory, "keyd", d.log)(stop)
	return sockets.Serve(stop, d.service.Ready)
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
	return d.server.Serve(ctx, c)
}

// giveUp gives up what is not needed once the socket listens, before anybody is served.
// What is left is what a front has: files to be read, and connections.
func (d *daemon) giveUp() error {
	if d.cfg.Programs.Sandbox == conf.SandboxOff {
		return nil
	}
	keys := d.options
	keys.Certificate = keys.Key // which may be where it cannot look
	return sandbox.Begin(sandbox.Front, sandbox.Options{
		Reading: keys.Places(),
		Sockets: []string{os.Getenv("NOTIFY_SOCKET"), "/dev/log"},
	}, d.log)
}
