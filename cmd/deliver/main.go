// Deliver is the local delivery agent: it reads a message on standard input and
// puts it into an account's mailbox.
//
//	deliver [-eknv] [-a address] [-c file] [-d account] [-f sender] [-m mailbox]
//	        [-p path] [-r address]
//	deliver -lmtp ...
//
// It exits 0 when the message survives a power cut, 64 on a wrong command line,
// 67 if there is no such account, 77 if the message is refused for good, and 75 on
// everything else, so that the MTA tries again. What it says on standard error begins
// with an enhanced status code. See deliver(8).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"fantail/internal/daemon/command"
	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/sandbox"
	"fantail/internal/deliver"
	"fantail/internal/login/crossed"
	"fantail/internal/login/userdb"
	"fantail/internal/store"
)

// version is set by the linker.
var version = "unknown"

func main() {
	// What the runtime dies of is a signal, then, which MTAs take for an accident; exit
	// status 2 they would take for a refusal.
	debug.SetTraceback("crash")
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// arguments are the command line.
type arguments struct {
	*command.Line
	account  string
	sender   *string
	original string
	final    string
	mailbox  string
	path     string
	keep     bool
}

func run(args []string, in *os.File, out, stderr io.Writer) (exit int) {
	if len(args) > 0 && args[0] == "-lmtp" {
		return lmtpd(args[1:], stderr)
	}
	r := &report{to: stderr}
	defer func() {
		if p := recover(); p != nil { // our bug, which is not the sender's
			exit = r.failed(deliver.Broken, fmt.Errorf("%v\n%s", p, debug.Stack()))
		}
	}()
	// A limit of the MTA on the size of files is an error of write(2), not our end.
	signal.Ignore(syscall.SIGXFSZ)
	a := arguments{Line: command.New("deliver", version, &r.text)}
	a.declare()
	status, done := a.Parse(args, out)
	if done && status == deliver.OK { // a text was asked for
		_, _ = stderr.Write(r.text.Bytes())
		return status
	}
	if done {
		return r.end(deliver.Misused)
	}
	log := r.logger()
	cfg, err := conf.Load(a.Config)
	if err != nil {
		return r.failed(deliver.Misconfigured, err)
	}
	if a.Check {
		return deliver.OK
	}
	told := tellingOf(os.LookupEnv)
	o, err := a.owner(context.Background(), cfg, log)
	if err != nil {
		return r.failed(outcomeOf(err), err)
	}
	agent := &deliver.Agent{Settings: cfg.Deliver}
	err = a.deliver(cfg, agent, o, told, in, log.With("user", o.Name))
	if err != nil {
		return r.failed(agent.Outcome(err), err)
	}
	return r.end(deliver.Delivered)
}

// outcomeOf is what an MTA is told if it cannot be found out whose mail it is.
func outcomeOf(err error) deliver.Outcome {
	if errors.Is(err, userdb.ErrUnknown) {
		return deliver.UnknownUser
	}
	return deliver.NoAccounts
}

func (a *arguments) declare() {
	address := func(to *string) func(string) error {
		return func(s string) (err error) {
			*to, err = deliver.CheckRecipient(s)
			return err
		}
	}
	a.Func("a", "the `address` that the message was sent to", address(&a.original))
	a.StringVar(&a.account, "d", "", "deliver to this `account`, not to the user who runs the program")
	a.BoolFunc("e", "refuse by exit status 77 and on standard error, as is always done", func(string) error { return nil })
	a.Func("f", "return path of the message, \"\" for a bounce: its `sender`", func(s string) error {
		sender, err := deliver.CheckSender(s)
		a.sender = &sender
		return err
	})
	a.BoolVar(&a.keep, "k", false, "programs that are started get the environment")
	a.BoolFunc("lmtp", "be lmtpd(8), with the options behind this one, which is the first", func(string) error {
		return errors.New("it is not the first option")
	})
	a.StringVar(&a.mailbox, "m", "", "deliver to this `mailbox`, not to INBOX")
	a.StringVar(&a.path, "p", "", "the message is in the file at this `path`")
	a.Func("r", "the `address` that the message is delivered to", address(&a.final))
}

// deliver puts the message into the mailbox.
func (a *arguments) deliver(cfg *conf.Config, agent *deliver.Agent, own owner, told telling, in *os.File, log *slog.Logger) error {
	if a.path != "" { // before the sandbox
		f, err := os.Open(a.path)
		if err != nil {
			return err
		}
		defer f.Close() // opened for reading: nothing to lose
		in = f
	}
	settings, err := cfg.Mail.ForAccount(own.Quota)
	if err != nil {
		return err
	}
	o, err := store.Configured(&settings, own.Name, log)
	if err != nil {
		return err
	}
	// Nobody has started this whom it could tell, and in the sandbox it can start nothing.
	full, err := crossed.Directory(&settings.Warnings)
	if err != nil {
		log.Warn("the program for quota is not run at once", "err", err)
	}
	o.Crossed = func() {
		if full == "" {
			return // it waits in the Maildir, for the next session to tell
		}
		if err := crossed.Tell(full, own.Name); err != nil {
			log.Warn("the program for quota is not run at once", "err", err)
		}
	}
	account, err := store.OpenAccount(own.Mail, o)
	if err != nil {
		return err
	}
	if cfg.Programs.Sandbox != conf.SandboxOff {
		err = fence(account, full)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err == nil {
		env, to := a.envelope(own, told, cfg.Deliver.RecipientDelimiter)
		to.Account, to.Log = account, log
		err = agent.Deliver(ctx, env, []deliver.Recipient{to}, &input{file: in, cancel: cancel})[0]
	}
	if closed := account.Close(); closed != nil {
		log.Warn("close account", "err", closed) // what is delivered is delivered
	}
	return err
}

// fence has the program give up everything but the account's mail, and a directory if it
// is not "".
func fence(account *store.Account, directory string) error {
	places, err := account.Places()
	if err != nil {
		return err
	}
	if directory != "" {
		places.Trees = append(places.Trees, directory)
	}
	return sandbox.Enter(sandbox.Delivery, sandbox.Options{Trees: places.Trees, Files: places.Files})
}
