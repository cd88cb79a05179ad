// Webmail-session serves the webmail of one account, as HTTP/2 without TLS on
// its standard input, which is a socket.
//
//	webmail-session [-n] [-c file] [-u account] [-m maildir] [-front]
//
// It is started by webmaild, which has checked a password, and ends with the
// connection. It asks nobody for a password and makes no connection itself: who
// starts it sees the mail of the user whose uid it has, and so does who is at
// the other end of the socket.
//
// The options:
//
//	-c file     the configuration, in place of /etc/fantail/fantail.toml
//	-front      standard input begins with the record of a front (broker.Hello)
//	-m maildir  serve this Maildir, in place of the one that mail.path names
//	-n          check the configuration and exit
//	-u account  the account's name, in place of the user's
//
// It exits 0 when the other end has closed the connection, 1 on an error of its
// own, 2 on a wrong command line.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stderr)) }

var errUsage = errors.New("wrong command line")

// arguments are the command line.
type arguments struct {
	config, account, maildir string
	check, front             bool
}

func run(args []string, in, stderr *os.File) int {
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
	if err := a.serve(in, log.With("user", a.account)); err != nil {
		log.Error("session failed", "err", err)
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (a arguments, err error) {
	fs := flag.NewFlagSet("webmail-session", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&a.config, "c", "", "configuration `file`")
	fs.BoolVar(&a.front, "front", false, "standard input begins with the record of a front")
	fs.StringVar(&a.maildir, "m", "", "serve this `maildir`")
	fs.BoolVar(&a.check, "n", false, "check the configuration and exit")
	fs.StringVar(&a.account, "u", "", "name of the `account`")
	if err := fs.Parse(args); err != nil {
		return a, err
	}
	if fs.NArg() > 0 {
		fmt.Fprintf(stderr, "webmail-session: what is %q?\n", fs.Arg(0))
		return a, errUsage
	}
	return a, nil
}
