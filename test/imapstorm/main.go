// Imapstorm holds many IMAP connections on one mailbox, each of which does what
// comes to its mind, while mail is delivered, fetched and deleted by POP3 and, if
// asked for, a Dovecot serves the same files. Each connection has a client that
// believes only what the protocol tells it (package client), and holds every
// response against what may be said then. Some compress (RFC 4978), some are told by
// NOTIFY (RFC 5465) what happens here and in other mailboxes, which clients make, rename
// and remove. In the end, when all is quiet, what the
// clients know must be what is in the directories.
//
//	imapstorm [-time 10s] [-fronts n] [-filters n] [-dovecots n] ...
//
// Connections go through imapd (fronts), where one process may serve several of
// them, or to an imap-session of their own (filters), or to Dovecot. With -fronts 0
// -filters 0 the storm is held on Dovecot alone, which shows what the storm is
// worth; with -bad the clients are told lies, which they must find out.
//
// What a connection does depends on the capabilities that the server has. The exit
// status is 0 if every promise was kept, 1 if one was broken, and 2 if the storm
// could not be held.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// errBroken says that the report tells of a broken promise.
var errBroken = errors.New("a promise was broken")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, log io.Writer) int {
	err := blow(args, out)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errBroken):
		fmt.Fprintln(log, "imapstorm:", err)
		return 1
	}
	fmt.Fprintln(log, "imapstorm:", err)
	return 2
}

// options are the size of a storm.
type options struct {
	dir      string
	bin      string
	time     time.Duration
	messages int
	fronts   int
	filters  int
	dovecots int
	rate     float64
	mail     float64
	pop3     float64
	seed     uint64
	bad      string
	keep     bool
}

func blow(args []string, out io.Writer) error {
	var o options
	fl := flag.NewFlagSet("imapstorm", flag.ContinueOnError)
	fl.StringVar(&o.dir, "dir", "", "where the mailbox is made, on the file system to be tested; default a temporary directory")
	fl.StringVar(&o.bin, "bin", "bin", "where the programs are; \"\" to build them")
	fl.DurationVar(&o.time, "time", 10*time.Second, "how long the storm lasts")
	fl.IntVar(&o.messages, "messages", 150, "messages in the mailbox, about")
	fl.IntVar(&o.fronts, "fronts", 10, "connections through imapd")
	fl.IntVar(&o.filters, "filters", 10, "connections to an imap-session each")
	fl.IntVar(&o.dovecots, "dovecots", 0, "connections to an imap of Dovecot each")
	fl.Float64Var(&o.rate, "rate", 20, "pipelines a second of each connection")
	fl.Float64Var(&o.mail, "mail", 4, "deliveries a second")
	fl.Float64Var(&o.pop3, "pop3", 2, "POP3 sessions a second")
	fl.Uint64Var(&o.seed, "seed", 1, "of what the clients choose")
	fl.StringVar(&o.bad, "bad", "", "tell lies, which must be found out: "+strings.Join(badNames(), ", "))
	fl.BoolVar(&o.keep, "keep", false, "keep the directory if a promise was broken")
	if err := fl.Parse(args); err != nil {
		return err
	}
	if o.bad != "" && bads[o.bad] == nil {
		return fmt.Errorf("no lie %q; there are %q", o.bad, badNames())
	}
	report, err := o.hold()
	if err != nil {
		return err
	}
	report.Write(out)
	if len(report.Broken) > 0 {
		return errBroken
	}
	return nil
}
