package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"fantail/test/imapstorm/client"
	"fantail/test/site"
)

// pace calls f n times a second, or as often as it can, until ctx ends.
func pace(ctx context.Context, n float64, f func() error) error {
	tick := time.NewTicker(time.Duration(float64(time.Second) / n))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := f(); err != nil {
			return err
		}
	}
}

// mailer delivers mail.
func (s *storm) mailer(ctx context.Context) error {
	n := 0
	return pace(ctx, s.mail, func() error {
		n++
		token := fmt.Sprintf("mail-%d", n)
		s.truth.Begin(token)
		s.report.Count("deliver")
		cmd := s.command(context.Background(), filepath.Join(s.site.Bin, "deliver"), "-c", s.site.Config(), "-d", site.Account)
		cmd.Stdin = strings.NewReader(strings.ReplaceAll(message(token, n), "\r\n", "\n"))
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("deliver: %w\n%s", err, out)
		}
		s.truth.Delivered(token)
		return nil
	})
}

// popper reads mail by POP3 and deletes some.
func (s *storm) popper(ctx context.Context) error {
	choice := rand.New(rand.NewPCG(s.seed, 99))
	return pace(ctx, s.pop3, func() error {
		conn, err := s.start(filepath.Join(s.site.Bin, "pop3-session"), "-c", s.site.Config(), "-m", s.site.Home(), "-u", site.Account)
		if err != nil {
			return err
		}
		s.report.Count("POP3")
		p := &popSession{s, conn, bufio.NewReaderSize(conn, 64<<10)}
		return errors.Join(p.visit(choice), conn.Close())
	})
}

// popSession is a POP3 session with one client.
type popSession struct {
	*storm
	conn net.Conn
	r    *bufio.Reader
}

// visit reads two messages, deletes one of them if it may go, and leaves.
func (p *popSession) visit(choice *rand.Rand) error {
	if _, err := p.line(); err != nil {
		return err
	}
	list, err := p.multi("UIDL")
	if err != nil {
		return err
	}
	var dead []uint32
	for range min(2, len(list)) {
		number, id, _ := strings.Cut(list[choice.IntN(len(list))], " ")
		uid, err := popUID(id)
		if err != nil {
			return err
		}
		text, err := p.multi("RETR " + number)
		if errors.Is(err, errRefused) {
			continue // somebody has expunged it
		}
		if err != nil {
			return err
		}
		p.read(uid, text)
		if len(dead) > 0 || !mayGo(uid) || p.truth.Token(inbox, uid) == "" || len(list) < p.messages/2 {
			continue
		}
		p.truth.Doom(inbox, uid)
		if err := p.do("DELE " + number); err != nil && !errors.Is(err, errRefused) {
			return err
		} else if err == nil {
			dead = append(dead, uid)
		}
	}
	if err := p.do("QUIT"); err != nil {
		return err
	}
	for _, uid := range dead {
		p.truth.Dead(inbox, uid)
	}
	return nil
}

// popUID returns the UID in a unique-id of the default form, which is Dovecot's:
// eight hexadecimal digits of the UID, and eight of UIDVALIDITY.
func popUID(id string) (uint32, error) {
	if len(id) != 16 {
		return 0, fmt.Errorf("unique-id %q", id)
	}
	n, err := strconv.ParseUint(id[:8], 16, 32)
	return uint32(n), err
}

// read compares a message with what IMAP clients were told.
func (p *popSession) read(uid uint32, lines []string) {
	for _, l := range lines {
		if token, ok := strings.CutPrefix(l, "Subject: "); ok {
			if want := p.truth.Token(inbox, uid); want != "" && want != token {
				p.blame(client.Changed, "POP3: UID %d is %s and was %s", uid, token, want)
			}
			return
		}
	}
	p.blame(client.Changed, "POP3: UID %d has no subject", uid)
}

// errRefused is "-ERR".
var errRefused = errors.New("refused")

func (p *popSession) line() (string, error) {
	if err := p.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	l, err := p.r.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("read from pop3-session: %w", err)
	}
	return strings.TrimSuffix(l, "\r\n"), nil
}

func (p *popSession) do(command string) error {
	if _, err := io.WriteString(p.conn, command+"\r\n"); err != nil {
		return err
	}
	l, err := p.line()
	if err == nil && !strings.HasPrefix(l, "+OK") {
		err = fmt.Errorf("%s: %w: %s", command, errRefused, l)
	}
	return err
}

// multi sends a command with a multi-line answer (RFC 1939 section 3).
func (p *popSession) multi(command string) ([]string, error) {
	if err := p.do(command); err != nil {
		return nil, err
	}
	var lines []string
	for {
		l, err := p.line()
		if err != nil || l == "." {
			return lines, err
		}
		lines = append(lines, strings.TrimPrefix(l, "."))
	}
}
