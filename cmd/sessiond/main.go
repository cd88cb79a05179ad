// Sessiond starts session programs as the users whose mail they serve: package
// internal/login/sessiond. It runs as root.
package main

import (
	"os"
	"os/signal"
	"syscall"

	"fantail/internal/login/sessiond"
)

// version is set by the linker.
var version = "unknown"

func main() {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	os.Exit(sessiond.Main(version, os.Args[1:], signals, os.Stdout, os.Stderr))
}
