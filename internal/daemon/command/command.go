// Package command is what the programs have in common as commands: the options that
// every one of them has, and how they exit.
package command

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// Exit status, as in sysexits.h.
const (
	OK          = 0
	Usage       = 64 // wrong command line
	NoUser      = 67 // no such account
	Unavailable = 69 // nothing to serve, or nobody to ask
	Config      = 78 // wrong configuration
)

// Line is a command line of options alone. A program declares its own ones before
// Parse.
type Line struct {
	*flag.FlagSet
	Config string // -c: the file with the configuration, "" for where it usually is
	Check  bool   // -n

	version string
	show    bool // -v
	stderr  io.Writer
}

// New returns the command line of a program, with the options -c, -n and -v.
func New(name, version string, stderr io.Writer) *Line {
	l := &Line{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError), version: version, stderr: stderr}
	l.SetOutput(stderr)
	l.StringVar(&l.Config, "c", "", "configuration `file`")
	l.BoolVar(&l.Check, "n", false, "check the configuration and exit")
	l.BoolVar(&l.show, "v", false, "print the version and exit")
	return l
}

// Parse reads the command line. If the program is not to go on, because the line is
// wrong or asked for no more than a text, that is told and done is true.
func (l *Line) Parse(args []string, out io.Writer) (status int, done bool) {
	switch err := l.FlagSet.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return OK, true
	case err != nil: // told by the package flag
		return Usage, true
	case l.NArg() > 0:
		return l.Fail(Usage, fmt.Errorf("what is %q?", l.Arg(0))), true
	case l.show:
		fmt.Fprintln(out, l.Name(), l.version)
		return OK, true
	}
	return OK, false
}

// Fail tells why the program ends, and returns the status.
func (l *Line) Fail(status int, err error) int {
	fmt.Fprintf(l.stderr, "%s: %v\n", l.Name(), err)
	return status
}
