// Deliver-session puts messages into the mailboxes of one account, or of several that
// have one user, for lmtpd.
//
//	deliver-session [-nv] [-c file] [-u account] [-m maildir] [-front]
//	deliver-session -usage [-c file] [-u account] [-m maildir]
//
// It speaks package parcel, on the connections that lmtpd hands over, or on standard
// input and output. Whoever starts it may write into that mail. With -usage it serves
// nobody, and says how much mail there is. The options are those of
// package session, and with -front there may be further pairs of -u and -m; see
// deliver-session(8).
package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"os"

	"fantail/internal/deliver/deliverd"
	"fantail/internal/deliver/parcel"
	"fantail/internal/login/session"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in, out, stderr *os.File) int {
	var u usage
	p := session.Program{Name: "deliver-session", Version: version, Serve: serve, Together: true, Flags: u.flags, Instead: u.instead}
	return p.Main(args, in, out, stderr)
}

// usage is what is asked for with -usage.
type usage bool

func (u *usage) flags(fs *flag.FlagSet) {
	fs.BoolVar((*bool)(u), "usage", false, "say how much mail the account has, and may have, in a line of JSON")
}

func (u *usage) instead() func(context.Context, *session.Session, io.Writer) error {
	if !*u {
		return nil
	}
	return func(ctx context.Context, s *session.Session, out io.Writer) error {
		account, err := s.OpenAccount()
		if err != nil {
			return err
		}
		has, may, err := account.Quota(ctx)
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(parcel.Usage{
			Octets: has.Octets, Messages: has.Messages, OctetsLimit: may.Octets, MessagesLimit: may.Messages,
		})
	}
}

func serve(ctx context.Context, s *session.Session) error {
	return deliverd.Serve(ctx, s.Conn, deliverd.Options{Account: s.OpenOther, Settings: s.Deliver, Log: s.Log})
}
