// Storm proves the store's promises by force, on mailboxes that it makes itself:
//
//	storm race     many processes change, deliver and expunge, others read and give UIDs
//	storm crash    every operation is killed before, and refused at, each of its writes
//	storm torn     the files beside the mail are cut off and altered everywhere
//	storm together the same mailbox is served by Dovecot at the same time
//
// "storm race -h" and so on tell the options. The exit status is 0 if every
// promise was kept, 1 if one was broken, and 2 if the storm could not be held.
//
// All processes of a storm are this program, started again with a role. They
// write down what they do and see, and package witness judges it afterwards.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// errBroken says that the report tells of a broken promise.
var errBroken = errors.New("a promise was broken")

// commands are what the first argument can be.
var commands = map[string]func(args []string, out io.Writer) error{
	"race":     race,
	"crash":    crash,
	"torn":     torn,
	"together": together,
}

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in io.Reader, out, log io.Writer) int {
	var err error
	switch {
	case len(args) > 1 && args[0] == "role":
		err = play(args[1], args[2:], in)
	case len(args) > 0 && commands[args[0]] != nil:
		err = commands[args[0]](args[1:], out)
	default:
		err = errors.New("usage: storm race|crash|torn|together [options]")
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(log, "storm:", err)
	if errors.Is(err, errBroken) {
		return 1
	}
	return 2
}
