// Sessiond starts session programs as the users whose mail they serve: package
// internal/login/sessiond. It runs as root.
package main

import (
	"os"

	"fantail/internal/daemon/service"
	"fantail/internal/login/sessiond"
)

// version is set by the linker.
var version = "unknown"

func main() {
	os.Exit(sessiond.Main(version, os.Args[1:], service.Signals(), os.Stdout, os.Stderr))
}
