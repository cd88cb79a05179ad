// Package service is what the daemons have in common as services: what signals mean to
// them, and what the service manager hears of them (sd_notify(3)).
//
// SIGHUP reads what can be read again. Any other signal ends the daemon in peace; a
// second one ends it at once.
package service

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Service is a daemon.
type Service struct {
	Version string       // of the program
	Reload  func() error // nil: there is nothing to be read again
	Log     *slog.Logger
}

// Signals returns the signals that Run wants. Until then they wait.
func Signals() <-chan os.Signal {
	c := make(chan os.Signal, 4)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	return c
}

// Run runs serve, and returns what it returns. When stop ends, serve is to take nothing
// more and return when what runs has come to its end; when now ends, to end that.
func (s Service) Run(signals <-chan os.Signal, serve func(stop, now context.Context) error) error {
	now, kill := context.WithCancel(context.Background())
	defer kill()
	stop, end := context.WithCancel(now)
	served := make(chan error, 1)
	go func() { served <- serve(stop, now) }()
	for {
		select {
		case err := <-served:
			end()
			return err
		case sig := <-signals:
			switch {
			case sig == syscall.SIGHUP && stop.Err() == nil:
				s.reload()
			case sig == syscall.SIGHUP:
			case stop.Err() == nil:
				s.Log.Info("stopping")
				s.tell(daemon.SdNotifyStopping)
				end()
			default:
				kill()
			}
		}
	}
}

// reload reads again what can be. What is wrong changes nothing.
func (s Service) reload() {
	if s.Reload == nil {
		return
	}
	s.tell(daemon.SdNotifyReloading)
	if err := s.Reload(); err != nil {
		s.Log.Error("reload", "err", err)
	} else {
		s.Log.Info("reloaded")
	}
	s.tell(daemon.SdNotifyReady)
}

// Ready tells the log and the service manager, if there is one, that the daemon serves.
func (s Service) Ready() {
	s.Log.Info("started", "version", s.Version)
	s.tell(daemon.SdNotifyReady)
}

// tell tells the service manager. That it cannot be told is no reason to stop.
func (s Service) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.Log.Warn("service manager", "err", fmt.Errorf("tell it %s: %w", state, err))
	}
}
