// Pop3d accepts POP3 connections, speaks TLS, checks passwords, and hands
// whoever has logged in to pop3-session, which it starts for each login.
//
//	pop3d [-inv] [-c file]
//
// The options:
//
//	-c file  the configuration, in place of /etc/fantail/fantail.toml
//	-i       serve one connection, on standard input, as inetd hands it over
//	-n       check the configuration and exit
//	-v       print the version and exit
//
// It listens on the sockets that the service manager passes (named pop3 and
// pop3s) and on those that pop3.listen and pop3.listen_tls name. SIGHUP reads
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
		Name:     "pop3d",
		Protocol: "pop3",
		Version:  version,
		Listen:   func(cfg *conf.Config) conf.ListenSettings { return cfg.POP3.ListenSettings },
	}
	return p.Main(args, service.Signals(), out, stderr)
}
