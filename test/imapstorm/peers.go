package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"fantail/test/dialogue"
	"fantail/test/imapstorm/client"
	"fantail/test/site"
)

// peer is a server's end of a connection.
type peer struct {
	net.Conn
	login bool // the client has to log in
}

// front connects to imapd.
func (s *storm) front() (peer, error) {
	// The certificate was made for this storm.
	c, err := tls.Dial("tcp", s.imaps, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return peer{}, err
	}
	return peer{c, true}, nil
}

// filter starts an imap-session.
func (s *storm) filter() (peer, error) {
	c, err := s.start(filepath.Join(s.site.Bin, "imap-session"), "-c", s.site.Config(), "-m", s.site.Home(), "-u", site.Account)
	return peer{c, false}, err
}

const dovecotIMAP = "/usr/lib/dovecot/imap"

// dovecot starts a session program of Dovecot.
func (s *storm) dovecot() (peer, error) {
	c, err := s.start(dovecotIMAP, "-c", filepath.Join(s.site.Dir, "dovecot.conf"))
	return peer{c, false}, err
}

// start starts a session program on a connection. It ends when that is closed.
func (s *storm) start(program string, args ...string) (net.Conn, error) {
	conn, far, err := dialogue.Pair()
	if err != nil {
		return nil, err
	}
	defer far.Close()
	log, err := os.OpenFile(filepath.Join(s.site.Dir, "sessions.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	defer log.Close()
	cmd := s.command(context.Background(), program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = far, far, log
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	s.served.Go(func() {
		if err := cmd.Wait(); err != nil {
			s.blame(client.Complaint, "%s: %v", filepath.Base(program), err)
		}
	})
	return conn, nil
}

// command is a program that runs as the owner of the mailbox.
func (s *storm) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"USER=nobody", "HOME=" + s.site.Home(), "PATH=/usr/bin:/bin", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.site.Owner}
	return cmd
}

// greeted hears the greeting and logs in where that is to be done.
func (a *actor) greeted(p peer) error {
	r, err := client.Read(a.r)
	if err != nil {
		return err
	}
	a.note("S: ", r.Raw)
	if want := map[bool]string{true: "OK", false: "PREAUTH"}[p.login]; r.Tag != "*" || r.Name != want {
		return fmt.Errorf("greeting %q", r.Raw)
	}
	if !p.login {
		return nil
	}
	return a.do(&command{name: "LOGIN", text: "LOGIN " + site.Account + " " + site.Password})
}
