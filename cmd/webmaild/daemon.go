package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"syscall"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/inetd"
	"fantail/internal/daemon/tlsconf"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/own"
	"fantail/internal/login/webfront"
)

// grace is how long session programs may take to end after their connections.
const grace = 5 * time.Second

// readyTime is how long authd may take to say that it is there.
const readyTime = 10 * time.Second

// daemon is everything that runs.
type daemon struct {
	front *webfront.Server
	local broker.Daemons
	tls   *tlsconf.Server
	want  inetd.Wanted
	drain time.Duration
	log   *slog.Logger
}

// parts are what the daemon is put together from.
type parts struct {
	cfg         *conf.Config
	certificate tlsconf.Options
	broker      broker.Daemons
}

// load reads the configuration.
func load(a arguments, log *slog.Logger) (*parts, error) {
	cfg, err := conf.Load(a.config)
	if err != nil {
		return nil, err
	}
	var daemons broker.Daemons = broker.NewRemote(a.sockets)
	if a.sockets == "" {
		if daemons, err = own.New(cfg, log); err != nil {
			return nil, err
		}
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return &parts{
		cfg:         cfg,
		certificate: tlsconf.Options{Certificate: cfg.TLS.Certificate, Key: cfg.TLS.Key, Host: host, Clock: time.Now, Log: log},
		broker:      daemons,
	}, nil
}

// service is what session programs are asked for.
const service = wire.Webmail

// check says what is wrong with the configuration and what it names.
func check(a arguments, log *slog.Logger) error {
	p, err := load(a, log)
	if err != nil {
		return err
	}
	return errors.Join(tlsconf.Check(p.certificate), p.broker.Check(service))
}

// build makes the daemon, and a certificate if there is none; it opens no
// socket.
func build(a arguments, log *slog.Logger) (*daemon, error) {
	p, err := load(a, log)
	if err != nil {
		return nil, err
	}
	certificate, err := tlsconf.Load(p.certificate)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyTime)
	defer cancel()
	if err := errors.Join(p.broker.Ready(ctx), p.broker.Check(service)); err != nil { // may be mended while it runs
		log.Warn("nobody can log in", "err", err)
	}
	if err := own.Enclose(p.cfg, log); err != nil {
		return nil, err
	}
	return &daemon{
		front: webfront.New(webfront.Options{
			Entrance: webfront.Broker{Authenticator: p.broker, Starter: p.broker},
			Limits:   webfront.Limits{Connections: p.cfg.Login.Connections, PerSource: p.cfg.Login.ConnectionsPerSource},
			Log:      log,
		}),
		local: p.broker,
		tls:   certificate,
		want:  inetd.Wanted{Service: "https", Setting: "webmail.listen_tls", Addresses: p.cfg.Webmail.ListenTLS},
		drain: p.cfg.Login.Drain,
		log:   log,
	}, nil
}

// run serves until a signal other than SIGHUP comes.
func (d *daemon) run(signals <-chan os.Signal) error {
	listeners, err := inetd.Listeners(d.want)
	if err != nil {
		return err
	}
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		d.log.Info("listening", "proto", l.Name, "address", l.Addr().String())
		go func() { failed <- d.front.Serve(l, d.tls.Config()) }()
	}
	d.notify(inetd.Ready)
	for {
		select {
		case err := <-failed:
			return errors.Join(err, d.stop(signals))
		case s := <-signals:
			if s != syscall.SIGHUP {
				return d.stop(signals)
			}
			d.reload()
		}
	}
}

func (d *daemon) reload() {
	d.notify(inetd.Reloading)
	if err := d.tls.Reload(); err != nil {
		d.log.Error("reload", "err", err)
	} else {
		d.log.Info("reloaded")
	}
	d.notify(inetd.Ready)
}

// stop ends what runs, in peace if there is time and no second signal.
func (d *daemon) stop(signals <-chan os.Signal) error {
	d.log.Info("stopping")
	d.notify(inetd.Stopping)
	ctx, cancel := context.WithTimeout(context.Background(), d.drain)
	defer cancel()
	go func() {
		for s := range signals {
			if s != syscall.SIGHUP {
				cancel()
			}
		}
	}()
	err := d.front.Close(ctx)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = nil // requests were cut off: that is what the time is for
	}
	// The session programs see that their connections have ended.
	wait, done := context.WithTimeout(context.Background(), grace)
	defer done()
	if late := d.local.Shutdown(wait); late != nil {
		d.log.Warn("sessions go on", "err", late)
	}
	return err
}

// notify tells the service manager. That it cannot be told is no reason to
// stop.
func (d *daemon) notify(tell func() error) {
	if err := tell(); err != nil {
		d.log.Warn("service manager", "err", err)
	}
}
