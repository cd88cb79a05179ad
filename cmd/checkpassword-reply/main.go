// Checkpassword-reply is what a checkpassword program runs when it has let somebody in:
// it tells authd who that is (package internal/login/passdb/checkpassword).
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"fantail/internal/login/passdb/checkpassword/wire"
)

// version is set by the linker.
var version = "unknown"

// Exit status: the second is checkpassword's for what may be mended.
const (
	exitOK          = 0
	exitUsage       = 2
	exitUnavailable = 111
)

func main() {
	os.Exit(run(os.Args[1:], os.Getenv, os.NewFile(wire.FD, "reply"), os.Stdout, os.Stderr))
}

func run(args []string, environment func(string) string, reply, out, stderr io.Writer) int {
	fs := flag.NewFlagSet("checkpassword-reply", flag.ContinueOnError)
	fs.SetOutput(stderr)
	show := fs.Bool("v", false, "print the version and exit")
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil || fs.NArg() > 0:
		return exitUsage
	case *show:
		fmt.Fprintln(out, "checkpassword-reply", version)
		return exitOK
	}
	b, err := account(environment).Append(nil)
	if err == nil {
		_, err = reply.Write(b)
	}
	if err != nil {
		fmt.Fprintf(stderr, "checkpassword-reply: %v\n", err)
		return exitUnavailable
	}
	return exitOK
}

// account is what the environment says of the account, and the process.
func account(environment func(string) string) wire.Reply {
	r := wire.Reply{wire.ProcessUID: strconv.Itoa(os.Getuid()), wire.ProcessGID: strconv.Itoa(os.Getgid())}
	for _, name := range append(strings.Fields(environment("EXTRA")), "USER", "HOME", "AUTHORIZED") {
		if value := environment(name); value != "" {
			r[name] = value
		}
	}
	return r
}
