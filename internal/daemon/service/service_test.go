package service

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// manager is a service manager that listens.
func manager(t *testing.T) func(want string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", path)
	return func(want string) {
		t.Helper()
		buf := make([]byte, 100)
		n, err := conn.Read(buf)
		if err != nil || string(buf[:n]) != want {
			t.Fatalf("%q, %v; want %q", buf[:n], err, want)
		}
	}
}

// The two ends of a service: in peace, and at once.
func TestRun(t *testing.T) {
	hears := manager(t)
	var log bytes.Buffer
	reloads := 0
	wrong := errors.New("line 7")
	s := Service{Log: slog.New(slog.NewTextHandler(&log, nil)), Reload: func() error {
		if reloads++; reloads > 1 {
			return wrong
		}
		return nil
	}}
	signals := make(chan os.Signal)
	stopped := make(chan struct{})
	done := make(chan error)
	go func() {
		done <- s.Run(signals, func(stop, now context.Context) error {
			s.Ready()
			<-stop.Done()
			if now.Err() != nil {
				return errors.New("not in peace")
			}
			close(stopped)
			<-now.Done()
			return wrong
		})
	}()
	hears("READY=1")
	for range 2 {
		signals <- syscall.SIGHUP
		hears("RELOADING=1")
		hears("READY=1")
	}
	signals <- syscall.SIGTERM
	hears("STOPPING=1")
	<-stopped
	signals <- syscall.SIGHUP // too late
	signals <- syscall.SIGINT
	if err := <-done; !errors.Is(err, wrong) {
		t.Errorf("%v", err)
	}
	if reloads != 2 {
		t.Errorf("%d reloads", reloads)
	}
	for _, want := range []string{"msg=reloaded", `msg=reload err="line 7"`, "msg=stopping"} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("want %s once in the log: %s", want, &log)
		}
	}
}

// A service that ends by itself, without anything to reload and without a manager.
func TestRunEnds(t *testing.T) {
	var log bytes.Buffer
	s := Service{Version: "1.2", Log: slog.New(slog.NewTextHandler(&log, nil))}
	signals := make(chan os.Signal)
	heard := make(chan struct{})
	go func() {
		signals <- syscall.SIGHUP
		close(heard)
	}()
	err := s.Run(signals, func(_, _ context.Context) error {
		s.Ready()
		<-heard
		return nil
	})
	if err != nil || strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "msg=started version=1.2") {
		t.Errorf("%v, %s", err, &log)
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	if s.Ready(); !strings.Contains(log.String(), "service manager") {
		t.Error("it does not say that the manager is not there")
	}
}
