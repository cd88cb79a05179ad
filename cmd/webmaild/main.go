// Webmaild serves webmail over HTTPS: the login page, and for whoever has logged
// in the pages of webmail-session, which it starts for each login.
//
//	webmaild [-nv] [-c file]
//
// The options:
//
//	-c file  the configuration, in place of /etc/fantail/fantail.toml
//	-n       check the configuration and exit
//	-v       print the version and exit
//
// It listens on the sockets that the service manager passes (named https) and on
// those that webmail.listen_tls names. There is no -i: a login lasts over many
// connections, and a process for each of them could not know it.
//
// SIGHUP reads the certificate again. SIGTERM ends it, after requests that run
// have had the time of login.drain; a second one ends it at once. Logins do not
// outlive it.
//
// Exit status (sysexits): 0 when it was told to end, 64 on a wrong command line,
// 69 if there is no socket to serve, 78 if the configuration is wrong.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker.
var version = "unknown"

// Exit status, as in sysexits.h.
const (
	exitOK          = 0
	exitUsage       = 64 // wrong command line
	exitUnavailable = 69 // no socket to serve
	exitConfig      = 78 // wrong configuration
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// arguments are the command line.
type arguments struct {
	config, sockets string
	check, version  bool
}

func run(args []string, out, stderr io.Writer) int {
	a, err := parse(args, stderr)
	log := slog.New(slog.NewTextHandler(stderr, nil))
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil: // parse has told
		return exitUsage
	case a.version:
		fmt.Fprintln(out, "webmaild", version)
		return exitOK
	case a.check:
		if err := check(a, log); err != nil {
			fmt.Fprintln(stderr, "webmaild:", err)
			return exitConfig
		}
		return exitOK
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	d, err := build(a, log)
	if err != nil {
		log.Error("cannot start", "err", err)
		return exitConfig
	}
	if err := d.run(signals); err != nil {
		log.Error("cannot serve", "err", err)
		return exitUnavailable
	}
	return exitOK
}

func parse(args []string, stderr io.Writer) (a arguments, err error) {
	fs := flag.NewFlagSet("webmaild", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&a.config, "c", "", "configuration `file`")
	fs.StringVar(&a.sockets, "S", "", "`directory` of the sockets of authd and sessiond; without it they are part of this program")
	fs.BoolVar(&a.check, "n", false, "check the configuration and exit")
	fs.BoolVar(&a.version, "v", false, "print the version and exit")
	if err := fs.Parse(args); err != nil {
		return a, err
	}
	if fs.NArg() > 0 {
		err = fmt.Errorf("what is %q?", fs.Arg(0))
		fmt.Fprintf(stderr, "webmaild: %v\n", err)
	}
	return a, err
}
