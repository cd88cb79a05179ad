package front

import (
	"context"
	"log/slog"
	"os"
	"syscall"
	"time"

	"fantail/internal/daemon/inetd"
)

// Daemon is a Server with its sockets and signals.
type Daemon struct {
	Server *Server
	Want   []inetd.Wanted
	Reload func() error  // for SIGHUP: reads certificates again
	Drain  time.Duration // how long connections may go on after SIGTERM
	Log    *slog.Logger
}

// Run serves until SIGTERM or SIGINT comes from signals and every connection
// has ended; a second one of these ends the rest at once.
func (d Daemon) Run(signals <-chan os.Signal) error {
	listeners, err := inetd.Listeners(d.Want...)
	if err != nil {
		return err
	}
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		d.Log.Info("listening", "proto", l.Name, "address", l.Addr().String())
		go func() { failed <- d.Server.Serve(l) }()
	}
	d.notify(inetd.Ready)
	for {
		select {
		case err := <-failed:
			d.stop(signals)
			return err
		case s := <-signals:
			if s != syscall.SIGHUP {
				d.stop(signals)
				return nil
			}
			d.notify(inetd.Reloading)
			if err := d.Reload(); err != nil {
				d.Log.Error("reload", "err", err)
			} else {
				d.Log.Info("reloaded")
			}
			d.notify(inetd.Ready)
		}
	}
}

// stop ends all connections, in peace if there is time.
func (d Daemon) stop(signals <-chan os.Signal) {
	d.Log.Info("stopping")
	d.notify(inetd.Stopping)
	ctx, cancel := context.WithTimeout(context.Background(), d.Drain)
	defer cancel()
	done := make(chan struct{})
	go func() {
		d.Server.Shutdown(ctx)
		close(done)
	}()
	for {
		select {
		case <-done:
			return
		case s := <-signals:
			if s != syscall.SIGHUP {
				cancel()
			}
		}
	}
}

// notify tells the service manager. That it cannot be told is no reason to
// stop.
func (d Daemon) notify(tell func() error) {
	if err := tell(); err != nil {
		d.Log.Warn("service manager", "err", err)
	}
}

// RunConn serves the one connection that inetd handed over.
func (d Daemon) RunConn(conn inetd.Conn, signals <-chan os.Signal) error {
	served := make(chan error, 1)
	go func() { served <- d.Server.ServeConn(conn) }()
	for {
		select {
		case err := <-served:
			return err
		case s := <-signals:
			if s != syscall.SIGHUP {
				d.stop(signals)
				return <-served
			}
		}
	}
}
