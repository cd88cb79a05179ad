// Imap-session serves IMAP to one account, on standard input and output.
//
//	imap-session [-nv] [-c file] [-u account] [-m maildir] [-front]
//	imap-session -fsck what [-c file] [-u account] [-m maildir]
//
// Whoever starts it is logged in: it greets with PREAUTH (RFC 9051 section 7.1.4)
// and serves the mail of the user whose uid it has. So it works behind ssh, in a
// pipe, or as a client's "tunnel". With -front it was started by imapd and
// completes the command by which the client logged in. With -fsck it serves nobody, and
// examines the mail (package store/fsck).
//
// The options are those of package session; see imap-session(8).
package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"fantail/internal/imap/imapd"
	"fantail/internal/login/session"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in, out, stderr *os.File) int {
	var f examination
	p := session.Program{Name: "imap-session", Version: version, Serve: serve, Prefixed: true, Flags: f.flags, Instead: f.instead}
	return p.Main(args, in, out, stderr)
}

func serve(ctx context.Context, s *session.Session) error {
	o := imapd.Options{
		Log: s.Log, Version: version, AppendLimit: s.IMAP.AppendLimit,
		Without: s.IMAP.Without, Clients: s.IMAP.Clients,
	}
	if s.Hello != nil {
		o.Tag, o.Client = s.Hello.Tag, s.Hello.Client
		o.Without = slices.Concat(o.Without, strings.Split(s.Hello.Without, ","))
	}
	account, err := s.OpenAccount()
	if err != nil {
		return errors.Join(err, imapd.Refuse(s.Conn, o))
	}
	return imapd.New(account, s.Conn, o).Serve(ctx)
}
