package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"os/user"
	"syscall"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/broker"
	"fantail/internal/pop3"
	"fantail/internal/pop3/pop3d"
	"fantail/internal/store"
)

// logTo returns where the log goes. inetd connects standard error to the client,
// who must not see it.
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

// serve runs the session until the client is gone or somebody stops the program.
func (a *arguments) serve(in, out *os.File, log *slog.Logger) error {
	// A client that is gone is an error of a write, not the end of the program.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	conn, err := pop3d.NewStdio(in, out)
	if err != nil {
		return err
	}
	err = a.talk(ctx, conn, store.Options{Host: host, Log: log})
	return errors.Join(err, conn.Close())
}

// helloTimeout is for a front that is on the same machine and sends its record
// at once.
const helloTimeout = 30 * time.Second

func (a *arguments) talk(ctx context.Context, conn pop3d.Conn, so store.Options) error {
	o := pop3d.Options{Greeting: "Fantail ready, you are logged in.", Log: so.Log}
	if a.front {
		if err := conn.SetReadDeadline(time.Now().Add(helloTimeout)); err != nil {
			return err
		}
		hello, err := broker.ReadHello(conn)
		if err != nil {
			return err
		}
		o.Greeting = "Logged in."
		o.Offer = pop3.Offer{User: true, Mechanisms: []string{pop3.PLAIN}}
		o.Log = so.Log.With("sid", hello.SID, "remote", hello.Remote, "tls", hello.TLS)
		so.Log = o.Log
	}
	var account *store.Account
	open := func(ctx context.Context) (pop3d.Mailbox, error) {
		opened, err := store.OpenAccount(a.maildir, so)
		if err != nil {
			return nil, err
		}
		account = opened
		return pop3d.OpenInbox(ctx, account)
	}
	err := pop3d.Serve(ctx, conn, open, o)
	if account != nil {
		err = errors.Join(err, account.Close())
	}
	return err
}
