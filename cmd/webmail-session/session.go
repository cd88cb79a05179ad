package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"os/user"
	"syscall"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/broker"
	"fantail/internal/store"
	"fantail/internal/webmail"
)

// logTo returns where the log goes. inetd connects standard error to the other
// end, who must not see it.
func logTo(in, stderr *os.File) io.Writer {
	i, err := in.Stat()
	e, errE := stderr.Stat()
	if errors.Join(err, errE) != nil || i.Mode()&os.ModeSocket != 0 && os.SameFile(i, e) {
		return io.Discard
	}
	return stderr
}

// complete reads the configuration and finds out what the command line left
// open.
func (a *arguments) complete() error {
	cfg, err := conf.Load(a.config)
	if err != nil {
		return err
	}
	if a.account != "" && a.maildir != "" {
		return nil
	}
	u, err := user.Current()
	if err != nil {
		return fmt.Errorf("find out whose session this is: %w", err)
	}
	if a.account == "" {
		a.account = u.Username
	}
	if a.maildir == "" {
		a.maildir, err = cfg.MailPath(u.HomeDir)
	}
	return err
}

// helloTimeout is for a front that is on the same machine and sends its record
// at once.
const helloTimeout = 30 * time.Second

// serve answers requests until the connection is closed or somebody stops the
// program.
func (a *arguments) serve(in *os.File, log *slog.Logger) error {
	conn, err := net.FileConn(in)
	if err != nil {
		return fmt.Errorf("use standard input as a socket: %w", err)
	}
	if err := in.Close(); err != nil { // conn has its own descriptor
		return err
	}
	if a.front {
		if log, err = greet(conn, log); err != nil {
			return err
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, func() { conn.Close() }) // which ends Serve
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	account, err := store.OpenAccount(a.maildir, store.Options{Host: host, Log: log})
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	site := webmail.New(webmail.Options{Account: account, Name: a.account, Log: log})
	return errors.Join(webmail.Serve(conn, site, log), account.Close())
}

// greet reads what the front says of the client.
func greet(conn net.Conn, log *slog.Logger) (*slog.Logger, error) {
	if err := conn.SetReadDeadline(time.Now().Add(helloTimeout)); err != nil {
		return log, err
	}
	hello, err := broker.ReadHello(conn)
	if err != nil {
		return log, err
	}
	return log.With("sid", hello.SID, "remote", hello.Remote), conn.SetReadDeadline(time.Time{})
}
