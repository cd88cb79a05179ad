// Webmail-submit sends what an account has written in webmail: the jobs of its outbox that
// are due, and those that will be within a minute.
//
//	webmail-submit [-nv] [-c file] [-m maildir] [-quota limits] [-u account]
//
// It is started by submitd(8) as the account's user, or by that user. When something is
// due later, it says so on standard output in a line "next" with the time in seconds of
// Unix. What it may do and why is in the comment of package submit; see webmail-submit(8).
//
// Exit status (sysexits): 0 when nothing is due any more, 64 on a wrong command line, 71 on
// an error of its own, 78 if the configuration is wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"fantail/internal/daemon/command"
	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/journal"
	"fantail/internal/login/crossed"
	"fantail/internal/login/userdb/self"
	"fantail/internal/store"
	"fantail/internal/webmail/outbox"
	"fantail/internal/webmail/submit"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// patience is how soon something must be due to be waited for.
const patience = time.Minute

const failed = 71 // EX_OSERR

func run(args []string, out, stderr io.Writer) int {
	line := command.New("webmail-submit", version, stderr)
	maildir := line.String("m", "", "the account's `maildir`")
	account := line.String("u", "", "the name of the `account`")
	quota := line.String("quota", "", "limits of the account, in place of mail.quota: `limits`, or none")
	if status, done := line.Parse(args, out); done {
		return status
	}
	cfg, err := conf.Load(line.Config)
	if err == nil {
		err = cfg.CheckSubmit()
	}
	if err == nil {
		*quota, err = conf.ParseAccountQuota(*quota)
	}
	if err != nil {
		return line.Fail(command.Config, err)
	}
	if line.Check {
		return command.OK
	}
	if err := self.Complete(cfg, account, maildir); err != nil {
		return line.Fail(command.Config, err)
	}
	log := journal.New(stderr, "webmail-submit").With("user", *account)
	w, err := worker(cfg, *account, *maildir, *quota, log)
	if err != nil {
		return line.Fail(command.Config, err)
	}
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	next, err := w.Run(ctx)
	if !next.IsZero() {
		_, printed := fmt.Fprintln(out, "next", next.Unix())
		err = errors.Join(err, printed)
	}
	if err != nil {
		log.Error("cannot send", "err", err)
		return failed
	}
	return command.OK
}

func worker(cfg *conf.Config, account, maildir, quota string, log *slog.Logger) (*submit.Worker, error) {
	settings, err := cfg.Mail.ForAccount(quota)
	if err != nil {
		return nil, err
	}
	transport, err := submit.New(cfg.Webmail.Submit)
	if err != nil {
		return nil, err
	}
	allowed := cfg.SenderAddresses(account)
	return &submit.Worker{
		Box:          outbox.Open(maildir),
		Transport:    transport,
		Unsubscriber: submit.OneClick{},
		Open: func() (*store.Account, error) {
			o, err := store.Configured(&settings, account, log)
			if err != nil {
				return nil, err
			}
			o.Crossed = func() {
				dir, err := crossed.Directory(&settings.Warnings)
				if dir != "" && err == nil {
					err = crossed.Tell(dir, account)
				}
				if err != nil { // the next session tells
					log.Warn("the program for quota is not run at once", "err", err)
				}
			}
			return store.OpenAccount(maildir, o)
		},
		MaySend:  func(address string) bool { return cfg.MaySend(allowed, address) },
		Log:      log,
		Patience: patience,
	}, nil
}
