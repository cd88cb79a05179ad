// Keyd has the private keys of the certificates, and signs for the fronts (imapd, pop3d,
// webmaild): package internal/login/keyd.
package main

import (
	"os"

	"fantail/internal/daemon/service"
	"fantail/internal/login/keyd"
)

// version is set by the linker.
var version = "unknown"

func main() {
	os.Exit(keyd.Main(version, os.Args[1:], service.Signals(), os.Stdin, os.Stdout, os.Stderr))
}
