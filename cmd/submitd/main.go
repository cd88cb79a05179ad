// Submitd starts webmail-submit, as their users, for accounts that have something to be
// sent, and again when something is due that has waited; and quota-command for those that
// have crossed a percentage of their limits.
//
//	submitd [-finv] [-c file] [-S directory]
//
// It is told by sessiond, on the socket "submit" that systemd passes or that it makes in the
// directory of -S, or with -i on standard input, by a front that has no sessiond; and by
// deliver, in the directory mail.quota_warning_directory. See submitd(8).
//
// Exit status (sysexits): 0 when it was told to end, 64 on a wrong command line, 69 if it
// cannot serve, 78 if the configuration is wrong.
package main

import (
	"os"

	"fantail/internal/daemon/service"
	"fantail/internal/login/inquiry"
	"fantail/internal/login/submitd"
)

// version is set by the linker.
var version = "unknown"

func main() {
	os.Exit(submitd.Main(version, os.Args[1:], service.Signals(), os.Stdout, os.Stderr, inquiry.Account))
}
