// Deliver is the local delivery agent: it reads a message on standard input and
// puts it into an account's mailbox.
//
//	deliver [-nv] [-c file] [-d account] [-f sender] [-m mailbox]
//
// It exits 0 when the message survives a power cut, 64 on a wrong command line,
// 67 if there is no such account, and 75 on everything else, so that the MTA
// tries again. See deliver(8).
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

	"fantail/internal/daemon/command"
	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/sandbox"
	"fantail/internal/deliver"
	"fantail/internal/login/userdb"
	"fantail/internal/store"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// arguments are the command line.
type arguments struct {
	*command.Line
	account string
	env     deliver.Envelope
}

func run(args []string, in io.Reader, out, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "-lmtp" {
		return lmtpd(args[1:], stderr)
	}
	a := arguments{Line: command.New("deliver", version, stderr)}
	a.declare()
	if status, done := a.Parse(args, out); done {
		return status
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	cfg, err := conf.Load(a.Config)
	if err != nil {
		log.Error("cannot start", "err", err)
		return deliver.TempFail
	}
	if a.Check {
		return deliver.OK
	}
	u, err := a.lookup(cfg, log)
	if err != nil {
		log.Error("account", "user", a.account, "err", err)
		if errors.Is(err, userdb.ErrUnknown) {
			return deliver.NoUser
		}
		return deliver.TempFail
	}
	log = log.With("user", u.Name)
	if err := a.deliver(cfg, u, in, log); err != nil {
		log.Error("delivery failed", "err", err)
		return deliver.Code(err)
	}
	return deliver.OK
}

func (a *arguments) declare() {
	a.StringVar(&a.account, "d", "", "deliver to this `account` of the passwd-file, not to the user who runs the program")
	a.Func("f", "return path of the message, \"\" for a bounce: its `sender`", func(s string) error {
		sender, err := deliver.CheckSender(s)
		a.env.Sender = &sender
		return err
	})
	a.BoolFunc("lmtp", "be lmtpd(8), with the options behind this one, which is the first", func(string) error {
		return errors.New("it is not the first option")
	})
	a.StringVar(&a.env.Mailbox, "m", "", "deliver to this `mailbox`, not to INBOX")
}

// lookup finds out whose mail it is. User.Mail is the Maildir.
func (a *arguments) lookup(cfg *conf.Config, log *slog.Logger) (userdb.User, error) {
	var u userdb.User
	if a.account != "" {
		found, err := userdb.Open(cfg.Auth.PasswdFile, log).Lookup(a.account)
		if err != nil {
			return u, err
		}
		u = found
	} else {
		me, err := user.Current()
		if err != nil {
			return u, fmt.Errorf("find out who runs this: %w", err)
		}
		u = userdb.User{Name: me.Username, Home: me.HomeDir}
	}
	if u.Mail != "" {
		return u, nil
	}
	var err error
	u.Mail, err = cfg.MailPath(u.Home)
	return u, err
}

// deliver puts the message into the mailbox. The MTA may end the program any
// time; what is not committed then is not there.
func (a *arguments) deliver(cfg *conf.Config, u userdb.User, in io.Reader, log *slog.Logger) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills, also where a read waits
	o, err := store.Configured(&cfg.Mail, log)
	if err != nil {
		return err
	}
	account, err := store.OpenAccount(u.Mail, o)
	if err != nil {
		return err
	}
	if cfg.Programs.Sandbox != conf.SandboxOff {
		err = fence(account)
	}
	if err == nil {
		err = deliver.Deliver(ctx, account, a.env, in, log)
	}
	return errors.Join(err, account.Close())
}

// fence has the program give up everything but the account's mail.
func fence(account *store.Account) error {
	places, err := account.Places()
	if err != nil {
		return err
	}
	return sandbox.Enter(sandbox.Delivery, sandbox.Options{Trees: places.Trees, Files: places.Files})
}
