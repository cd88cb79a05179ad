// Authd checks who clients are, for the fronts (imapd, pop3d, webmaild): package
// internal/login/authd.
package main

import (
	"io"
	"os"

	"fantail/internal/daemon/service"
	"fantail/internal/login/authd"
	"fantail/internal/login/sources"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in *os.File, out, stderr io.Writer) int {
	return authd.Program{Version: version, Accounts: sources.New}.Main(args, service.Signals(), in, out, stderr)
}
