// Lmtpd accepts mail from mail servers by LMTP, and hands each message to a
// deliver-session of its recipient.
//
//	lmtpd [-inv] [-c file] [-S directory]
//
// The options:
//
//	-c file       the configuration, in place of /etc/fantail/fantail.toml
//	-i            serve one connection, on standard input, as inetd hands it over
//	-n            check the configuration and exit
//	-S directory  where the sockets of authd and sessiond are; without it they are part
//	              of this program
//	-v            print the version and exit
//
// It listens on the socket that the service manager passes (named lmtp) and on those
// that lmtp.listen names. SIGHUP reads the certificate again. SIGTERM ends it, after
// messages that are being delivered.
//
// Exit status (sysexits): 0 when it was told to end, 64 on a wrong command line, 69 if
// there is no socket or connection to serve, 78 if the configuration is wrong.
package main

import (
	"io"
	"os"

	"fantail/internal/daemon/service"
	"fantail/internal/login/lmtpfront"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, stderr io.Writer) int {
	return lmtpfront.Main(version, args, service.Signals(), out, stderr)
}
