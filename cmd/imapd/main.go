// Imapd accepts IMAP connections, speaks TLS, checks passwords, and hands
// whoever has logged in to imap-session, which it starts for each login.
//
//	imapd [-inv] [-c file]
//
// The options:
//
//	-c file  the configuration, in place of /etc/fantail/fantail.toml
//	-i       serve one connection, on standard input, as inetd hands it over
//	-n       check the configuration and exit
//	-v       print the version and exit
//
// It listens on the sockets that the service manager passes (named imap and
// imaps) and on those that imap.listen and imap.listen_tls name. SIGHUP reads
// the certificate again. SIGTERM ends it, after connections have had the time of
// login.drain to end; a second one ends it at once.
//
// Exit status (sysexits): 0 when it was told to end, 64 on a wrong command line,
// 69 if there is no socket or connection to serve, 78 if the configuration is
// wrong.
package main

import (
	"io"
	"os"

	"fantail/internal/daemon/conf"
	"fantail/internal/daemon/service"
	"fantail/internal/login/front"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, stderr io.Writer) int {
	p := front.Program{
		Name:     "imapd",
		Protocol: "imap",
		Version:  version,
		Listen:   func(cfg *conf.Config) conf.ListenSettings { return cfg.IMAP.ListenSettings },
	}
	return p.Main(args, service.Signals(), out, stderr)
}
