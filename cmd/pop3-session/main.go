// Pop3-session serves POP3 to one account, on standard input and output.
//
//	pop3-session [-nv] [-c file] [-u account] [-m maildir] [-front]
//
// Whoever starts it is logged in: it greets with "+OK" in the TRANSACTION state
// of RFC 1939 and serves the INBOX of the user whose uid it has. So it works
// behind ssh, in a pipe, or as a client's "tunnel". With -front it was started by
// pop3d, and its greeting is the answer to PASS or AUTH.
//
// The options are those of package session; see pop3-session(8).
package main

import (
	"context"
	"os"
	"slices"
	"strings"

	"fantail/internal/login/session"
	"fantail/internal/pop3"
	"fantail/internal/pop3/pop3d"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in, out, stderr *os.File) int {
	p := session.Program{Name: "pop3-session", Version: version, Serve: serve}
	return p.Main(args, in, out, stderr)
}

func serve(ctx context.Context, s *session.Session) error {
	o := pop3d.Options{Greeting: "Fantail ready, you are logged in.", Settings: s.POP3, Expire: s.POP3.Expire, Log: s.Log}
	if s.Hello != nil {
		o.Greeting = "Logged in."
		o.Expire = s.POP3.ExpireFor(s.Hello.Expire)
		if s.Hello.Mechanisms != "" {
			o.Offer.Mechanisms = strings.Split(s.Hello.Mechanisms, ",")
		}
		o.Offer.User = slices.Contains(o.Offer.Mechanisms, pop3.PLAIN)
	}
	o.Offer.Expire, o.Offer.LoginDelay = o.Expire, s.POP3.LoginDelay
	open := func(ctx context.Context) (pop3d.Mailbox, error) {
		account, err := s.OpenAccount()
		if err != nil {
			return nil, err
		}
		return pop3d.OpenInbox(ctx, account)
	}
	return pop3d.Serve(ctx, s.Conn, open, o)
}
