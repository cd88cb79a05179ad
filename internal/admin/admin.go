// Package admin is fantail, the tool with which an installation is looked after.
//
//	fantail [-v] [-c file] verb [options] [arguments]
//
// A verb is a row of the table in verbs.go, and a file of its own: it says what it takes
// and does. The table makes the dispatch, the usage, and what is compared with the
// manual. What verbs share: failure.go has exit statuses and the sentence that says what
// to type next, columns.go the lists for people and for scripts, progress.go the line that
// says how far a verb is, terminal.go passwords,
// passwdfile.go the one way to change a file of accounts, authd.go the one way to learn
// of any account.
//
// Invariants: nothing here is a daemon, and everything but who and kick works where none
// runs. What is known of accounts beyond the passwd-file comes from authd, which alone
// speaks to directories and databases. A file is replaced as a whole or not at all. Mail
// is touched by session programs alone, as its user.
package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"fantail/internal/daemon/conf"
)

// Program is fantail.
type Program struct{ Version string }

// tool is a call of it.
type tool struct {
	config      string // -c
	in          *os.File
	out, stderr io.Writer
}

// Main is the program; it returns the exit status, as in sysexits.h.
func (p Program) Main(args []string, in *os.File, out, stderr io.Writer) int {
	t := &tool{in: in, out: out, stderr: stderr}
	fs := t.flags("fantail")
	version := fs.Bool("v", false, "print the version and exit")
	fs.Usage = func() { usage(stderr, fs) }
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil: // the flag package has told
		return exitUsage
	case *version:
		fmt.Fprintln(out, "fantail", p.Version)
		return exitOK
	case fs.NArg() == 0:
		usage(stderr, fs)
		return exitUsage
	}
	v, rest, err := find(fs.Args())
	if err != nil {
		return t.tell(err)
	}
	if v.name == "help" {
		return t.tell(t.help(fs, rest))
	}
	do := v.make()
	err = t.run(v, do, rest)
	status := t.tell(err)
	if s, ok := do.(stated); ok {
		status = s.status(status, err)
	}
	return status
}

// flags returns a set with the options of every verb.
func (t *tool) flags(name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(t.stderr)
	fs.StringVar(&t.config, "c", t.config, "configuration `file`")
	return fs
}

// errTold is an error that has been told already.
var errTold = errors.New("wrong command line")

// run runs a verb. Options may stand before, between and behind its arguments.
func (t *tool) run(v verb, do action, args []string) error {
	fs := t.flags("fantail " + v.name)
	do.flags(fs)
	fs.Usage = func() { v.usage(t.stderr, fs) }
	var rest []string
	for {
		err := fs.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		if err != nil {
			return errTold
		}
		ended := len(args) > fs.NArg() && args[len(args)-fs.NArg()-1] == "--"
		args = fs.Args()
		if ended || len(args) == 0 {
			rest = append(rest, args...)
			break
		}
		rest, args = append(rest, args[0]), args[1:]
	}
	if least, most := v.arguments(); len(rest) < least || len(rest) > most {
		fs.Usage()
		return errTold
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	return do.run(ctx, t, rest)
}

// load reads the configuration.
func (t *tool) load() (*conf.Config, error) {
	cfg, err := conf.Load(t.config)
	if err != nil {
		return nil, &failure{exitConfig, err, ""}
	}
	return cfg, nil
}

// say writes a line to standard output.
func (t *tool) say(format string, args ...any) {
	fmt.Fprintf(t.out, format+"\n", args...)
}

// warn writes a line to standard error.
func (t *tool) warn(format string, args ...any) {
	fmt.Fprintf(t.stderr, "fantail: "+format+"\n", args...)
}
