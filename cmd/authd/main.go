// Authd checks who clients are, for the fronts (imapd, pop3d, webmaild): package
// internal/login/authd.
package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"fantail/internal/login/authd"
	"fantail/internal/login/sources"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in *os.File, out, stderr io.Writer) int {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	return authd.Program{Version: version, Accounts: sources.New}.Main(args, signals, in, out, stderr)
}
