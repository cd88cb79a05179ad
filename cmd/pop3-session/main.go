// Pop3-session serves POP3 to one account, on standard input and output.
//
//	pop3-session [-nv] [-c file] [-u account] [-m maildir] [-front]
//	pop3-session -expire days [-list] [-c file] [-u account] [-m maildir]
//
// Whoever starts it is logged in: it greets with "+OK" in the TRANSACTION state
// of RFC 1939 and serves the INBOX of the user whose uid it has. So it works
// behind ssh, in a pipe, or as a client's "tunnel". With -front it was started by
// pop3d, and its greeting is the answer to PASS or AUTH. With -expire it serves nobody,
// and removes what POP3 clients have retrieved long ago (package expire).
//
// The options are those of package session; see pop3-session(8).
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"fantail/internal/daemon/conf"
	"fantail/internal/login/session"
	"fantail/internal/mail"
	"fantail/internal/pop3"
	"fantail/internal/pop3/expire"
	"fantail/internal/pop3/pop3d"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in, out, stderr *os.File) int {
	var e expiry
	p := session.Program{Name: "pop3-session", Version: version, Serve: serve, Flags: e.flags, Instead: e.instead}
	return p.Main(args, in, out, stderr)
}

// expiry is what is asked for with -expire.
type expiry struct {
	days int
	list bool
}

func (e *expiry) flags(fs *flag.FlagSet) {
	fs.Func("expire", "remove what POP3 has retrieved so many `days` ago", func(text string) (err error) {
		if e.days, err = conf.ParseDays(text); err == nil && e.days == 0 {
			err = errors.New("then there is nothing to do")
		}
		return err
	})
	fs.BoolVar(&e.list, "list", false, "with -expire: say of each message what would become of it")
}

func (e *expiry) instead() func(context.Context, *session.Session, io.Writer) error {
	if e.days == 0 {
		return nil
	}
	return func(ctx context.Context, s *session.Session, out io.Writer) error {
		account, err := s.OpenAccount()
		if err != nil {
			return err
		}
		box, err := account.Open(ctx, mail.Inbox)
		if err != nil {
			return err
		}
		all, err := expire.Expire(ctx, box, e.days, time.Now(), e.list)
		if err == nil {
			err = expire.Report(out, all, e.list)
		}
		return errors.Join(err, box.Close())
	}
}

func serve(ctx context.Context, s *session.Session) error {
	o := pop3d.Options{Greeting: "Fantail ready, you are logged in.", Settings: s.POP3, Expire: s.POP3.Expire, Log: s.Log}
	if s.Hello != nil {
		o.Greeting = "Logged in."
		o.Expire = s.POP3.ExpireFor(s.Hello.Expire)
		if s.Hello.Mechanisms != "" {
			o.Offer.Mechanisms = strings.Split(s.Hello.Mechanisms, ",")
		}
		o.Offer.UTF8, o.UTF8 = true, s.Hello.UTF8
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
