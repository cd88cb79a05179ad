// Pop3-session serves POP3 to one account, on standard input and output.
//
//	pop3-session [-n] [-c file] [-u account] [-m maildir] [-front]
//
// Whoever starts it is logged in: it greets with "+OK" in the TRANSACTION state
// of RFC 1939 and serves the INBOX of the user whose uid it has. So it works
// behind ssh, in a pipe, or as a client's "tunnel".
//
// With -front it is started by pop3d, which has checked a password: it first
// reads a record about the client (broker.Hello), and its greeting is the answer
// to PASS or AUTH.
//
// The options:
//
//	-c file     the configuration, in place of /etc/fantail/fantail.toml
//	-front      standard input begins with the record of a front
//	-m maildir  serve this Maildir, in place of the one that mail.path names
//	-n          check the configuration and exit
//	-u account  the account's name in the log, in place of the user's
//
// It exits 0 when the client quit or is gone, 1 on an error of its own, 2 on a
// wrong command line.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

var errUsage = errors.New("wrong command line")

// arguments are the command line.
type arguments struct {
	config, account, maildir string
	check, front             bool
}

func run(args []string, in, out, stderr *os.File) int {
	a, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil: // the flag package has told
		return 2
	}
	log := slog.New(slog.NewTextHandler(logTo(in, stderr), nil))
	if err := a.complete(); err != nil {
		log.Error("cannot start", "err", err)
		return 1
	}
	if a.check {
		return 0
	}
	log = log.With("user", a.account)
	if err := a.serve(in, out, log); err != nil {
		log.Error("session failed", "err", err)
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (a arguments, err error) {
	fs := flag.NewFlagSet("pop3-session", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&a.config, "c", "", "configuration `file`")
	fs.BoolVar(&a.front, "front", false, "standard input begins with the record of a front")
	fs.StringVar(&a.maildir, "m", "", "serve this `maildir`")
	fs.BoolVar(&a.check, "n", false, "check the configuration and exit")
	fs.StringVar(&a.account, "u", "", "name of the `account` in the log")
	if err := fs.Parse(args); err != nil {
		return a, err
	}
	if fs.NArg() > 0 {
		fmt.Fprintf(stderr, "pop3-session: what is %q?\n", fs.Arg(0))
		return a, errUsage
	}
	return a, nil
}
