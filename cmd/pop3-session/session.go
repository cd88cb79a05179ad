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

	"fantail/internal/daemon/conf"
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
	var account *store.Account
	open := func(ctx context.Context) (pop3d.Mailbox, error) {
		account, err = store.OpenAccount(a.maildir, store.Options{Host: host, Log: log})
		if err != nil {
			return nil, err
		}
		return pop3d.OpenInbox(ctx, account)
	}
	err = pop3d.Serve(ctx, conn, open, pop3d.Options{Greeting: "Fantail ready, you are logged in.", Log: log})
	if account != nil {
		err = errors.Join(err, account.Close())
	}
	return errors.Join(err, conn.Close())
}
