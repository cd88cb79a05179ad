// Fantail is the tool of the one who looks after an installation: package
// internal/admin, and fantail(8).
package main

import (
	"os"

	"fantail/internal/admin"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in, out, stderr *os.File) int {
	return admin.Program{Version: version}.Main(args, in, out, stderr)
}
