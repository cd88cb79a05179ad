// Deliver-session puts messages into the mailboxes of one account, or of several that
// have one user, for lmtpd.
//
//	deliver-session [-nv] [-c file] [-u account] [-m maildir] [-front]
//
// It speaks package parcel, on the connections that lmtpd hands over, or on standard
// input and output. Whoever starts it may write into that mail. The options are those of
// package session, and with -front there may be further pairs of -u and -m; see
// deliver-session(8).
package main

import (
	"context"
	"os"

	"fantail/internal/deliver/deliverd"
	"fantail/internal/login/session"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in, out, stderr *os.File) int {
	p := session.Program{Name: "deliver-session", Version: version, Serve: serve, Together: true}
	return p.Main(args, in, out, stderr)
}

func serve(ctx context.Context, s *session.Session) error {
	return deliverd.Serve(ctx, s.Conn, deliverd.Options{Account: s.OpenOther, Settings: s.Deliver, Log: s.Log})
}
