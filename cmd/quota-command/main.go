// Quota-command runs the administrator's program (mail.quota_warning_command) for a
// crossing of a percentage of an account's limits that waits in the account's mail.
//
//	quota-command [-nv] [-c file] [-m maildir] [-u account]
//
// It is started by submitd(8) as the account's user, or by that user. If further crossings
// wait it says so on standard output, in a line "next" with the time in seconds of Unix. It
// runs the program with nothing but what is in command.go, and stops it when it takes too
// long or says too much. See quota-command(8).
//
// Exit status (sysexits): 0 when a program has run, well or not, or nothing waits; 64 on a
// wrong command line, 71 if the program cannot be run, and will be later, 78 if the
// configuration is wrong.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"fantail/internal/daemon/command"
	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/journal"
	"fantail/internal/login/userdb/self"
	"fantail/internal/store/quota"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

const failed = 71 // EX_OSERR

func run(args []string, out, stderr io.Writer) int {
	line := command.New("quota-command", version, stderr)
	maildir := line.String("m", "", "the account's `maildir`")
	account := line.String("u", "", "the name of the `account`")
	if status, done := line.Parse(args, out); done {
		return status
	}
	cfg, err := conf.Load(line.Config)
	if err != nil {
		return line.Fail(command.Config, err)
	}
	if line.Check {
		return command.OK
	}
	if err := self.Complete(cfg, account, maildir); err != nil {
		return line.Fail(command.Config, err)
	}
	log := journal.New(stderr, "quota-command").With("user", *account)
	signal.Ignore(syscall.SIGPIPE)
	next, err := runOne(cfg.Mail.Warnings.Command, *account, *maildir, log)
	if err == nil && next {
		_, err = fmt.Fprintln(out, "next", time.Now().Unix())
	}
	if err != nil {
		log.Error("cannot run the program for quota", "err", err)
		return failed
	}
	return command.OK
}

// runOne runs the program for the oldest crossing, if one waits, and says whether there are
// others. One for which the program has begun does not wait any more, whatever becomes of
// it; one for which it cannot begin does.
func runOne(program []string, account, maildir string, log *slog.Logger) (more bool, err error) {
	if len(program) == 0 {
		return false, nil
	}
	if _, err := exec.LookPath(program[0]); err != nil {
		return false, err
	}
	c, ok, more, err := quota.Take(context.Background(), maildir)
	if err != nil || !ok {
		return false, err
	}
	log = log.With("before", c.Before, "percent", c.Now)
	begun := time.Now()
	if err := execute(program, environment(account, c), timeLimit, log); err != nil {
		log.Error("the program for quota failed", "err", err)
	} else {
		log.Info("the program for quota has run", "time", time.Since(begun).Round(time.Millisecond))
	}
	return more, nil
}
