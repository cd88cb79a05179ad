// Webmail-session serves the webmail of one account, as HTTP/2 without TLS on
// its standard input, which is a socket.
//
//	webmail-session [-nv] [-c file] [-u account] [-m maildir] [-front]
//
// It is started by webmaild, which has checked a password, and ends with the
// connection. It asks nobody for a password and makes no connection itself: who
// starts it sees the mail of the user whose uid it has, and so does who is at
// the other end of the socket.
//
// The options are those of package session; see webmail-session(8).
package main

import (
	"context"
	"errors"
	"os"
	_ "time/tzdata" // people choose where they are, and the sandbox has no files of the system

	"fantail/internal/login/session"
	"fantail/internal/webmail"
)

// version is set by the linker.
var version = "unknown"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, in, out, stderr *os.File) int {
	p := session.Program{Name: "webmail-session", Version: version, Serve: serve}
	return p.Main(args, in, out, stderr)
}

// serve answers requests until the connection is closed or ctx ends.
func serve(ctx context.Context, s *session.Session) error {
	conn, err := s.Socket()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() }) // which ends Serve
	defer stop()
	account, err := s.OpenAccount()
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	authority := s.Webmail.AuthservID
	if authority == "" {
		if authority, err = os.Hostname(); err != nil {
			s.Log.Warn("name of the machine", "err", err) // then nothing is believed
		}
	}
	site := webmail.New(webmail.Options{
		Account: account, Name: s.User, Log: s.Log, Authority: authority,
		Due: s.Due, Senders: s.Senders(s.User), Delimiters: s.Deliver.RecipientDelimiter, MessageSize: s.Webmail.MessageSize, SendLimit: s.Webmail.SendLimit,
	})
	return webmail.Serve(conn, site, s.Log)
}
