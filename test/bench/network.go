package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"time"

	"fantail/test/site"
)

// daemon is a whole server that listens on loopback.
type daemon struct {
	imap, imaps string // addresses
	pids        func() []int
	stop        func() error
}

// overNetwork measures what goes over TCP, on the mailboxes of the rounds.
func overNetwork(subjects []*subject, bin string, rounds int) error {
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "bench: not root: no measurements over TCP")
		return nil
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // servers change their users
		return err
	}
	ours, err := startSite(dir, bin, subjects[1].box)
	if err != nil {
		return err
	}
	theirs, err := startDovecot(dir, ours.certificate, subjects[0].box)
	if err != nil {
		return errors.Join(err, ours.stop())
	}
	for range rounds {
		for i, d := range []daemon{theirs, ours.daemon} {
			if err := subjects[i].network(d); err != nil {
				return errors.Join(fmt.Errorf("%s over TCP: %w", subjects[i].peer.Name, err), ours.stop(), theirs.stop())
			}
		}
	}
	return errors.Join(ours.stop(), theirs.stop())
}

// network measures every line of TCP once.
func (s *subject) network(d daemon) error {
	n := min(s.n, 10_000)
	in := func(secure bool, do func(*session) error) func() error {
		return func() error { return d.with(secure, do) }
	}
	return s.parts([]part{
		{in(false, func(c *session) error { return s.download(c, download, n) }), []string{download}},
		{in(false, func(c *session) error { return s.fetchAlone(c, n) }), []string{fetchAlone, fetchSlow}},
		{in(true, func(c *session) error { return s.download(c, downloadTLS, n) }), []string{downloadTLS}},
		{func() error { return s.crowd(d) }, []string{appendCrowd}},
		{func() error { return s.moreConnections(d) }, []string{memoryMore}},
	})
}

// with does something in a session with the inbox selected.
func (d daemon) with(secure bool, do func(*session) error) error {
	c, err := d.dial(secure)
	if err != nil {
		return err
	}
	if err := errors.Join(commands(c, "EXAMINE INBOX"), do(c)); err != nil {
		return c.broken(err)
	}
	return c.end()
}

// dial opens a connection and logs in.
func (d daemon) dial(secure bool) (*session, error) {
	address := d.imap
	if secure {
		address = d.imaps
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	if secure {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // made for this run
	}
	c := newSession(conn)
	c.processes = d.pids
	c.finish = func(bool) (string, error) { return "", conn.Close() }
	if _, err := c.line(&answer{}); err != nil {
		return nil, c.broken(err)
	}
	if err := commands(c, "LOGIN "+site.Account+" "+site.Password); err != nil {
		return nil, c.broken(err)
	}
	return c, nil
}

// download fetches n whole messages. What comes is counted, not looked at.
func (s *subject) download(c *session, line string, n int) error {
	before, err := c.cpu()
	if err != nil {
		return err
	}
	start := time.Now()
	if _, err := io.WriteString(c.conn, fmt.Sprintf("%s FETCH 1:%d (UID BODY.PEEK[])\r\n", tag, n)); err != nil {
		return err
	}
	octets, err := drain(c.r)
	a := answer{time: time.Since(start), octets: octets}
	if err == nil {
		a.cpu, err = c.cpu()
		a.cpu -= before
	}
	if octets < int64(n)*100 {
		err = errors.Join(err, fmt.Errorf("only %d octets", octets))
	}
	return s.note(line, a, err)
}

// drain reads a response to its tagged OK, as fast as it comes. No message ends
// in the line of that.
func drain(r io.Reader) (octets int64, err error) {
	var tail []byte
	buf := make([]byte, 1<<20)
	for {
		n, err := r.Read(buf)
		octets += int64(n)
		tail = append(tail, buf[max(0, n-200):n]...)
		tail = tail[max(0, len(tail)-200):]
		if err != nil {
			return octets, err
		}
		if i := bytes.LastIndex(tail, []byte("\r\n"+tag+" ")); i >= 0 && bytes.HasSuffix(tail, []byte("\r\n")) {
			if answer := tail[i+2:]; !bytes.HasPrefix(answer, []byte(tag+" OK")) {
				return octets, fmt.Errorf("%s", answer)
			}
			return octets, nil
		}
	}
}

// fetchAlone fetches one message after the other, by chance.
func (s *subject) fetchAlone(c *session, n int) error {
	for range 200 {
		before, err := c.cpu()
		if err != nil {
			return err
		}
		start := time.Now()
		if _, err := io.WriteString(c.conn, fmt.Sprintf("%s FETCH %d (BODY.PEEK[])\r\n", tag, 1+rand.IntN(n))); err != nil {
			return err
		}
		octets, err := drain(c.r)
		a := answer{time: time.Since(start), octets: octets}
		if err != nil {
			return err
		}
		if a.cpu, err = c.cpu(); err != nil {
			return err
		}
		a.cpu -= before
		for _, line := range []string{fetchAlone, fetchSlow} {
			if err := s.note(line, a, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	fewConnections  = 2
	manyConnections = 50

	// atRest is when servers have done what they do when nobody says anything:
	// Fantail gives memory back after five seconds.
	atRest = 7 * time.Second
)

// moreConnections measures what one more connection takes of memory that waits in
// IDLE for something to happen in the account's mailbox.
func (s *subject) moreConnections(d daemon) error {
	var all []*session
	var kB []int
	var err error
	for _, n := range []int{fewConnections, manyConnections} {
		for len(all) < n && err == nil {
			var c *session
			if c, err = d.dial(false); err == nil {
				all = append(all, c)
				err = errors.Join(commands(c, "EXAMINE INBOX", "FETCH 1:100 (UID FLAGS)"), c.beginIdle())
			}
		}
		if err == nil {
			time.Sleep(atRest)
			var sum int
			sum, err = all[0].memory()
			kB = append(kB, sum)
		}
	}
	for _, c := range all {
		if e := c.endIdle(); e == nil {
			err = errors.Join(err, c.end())
		} else {
			err = errors.Join(err, c.broken(e))
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", memoryMore, err)
	}
	f := s.figures(memoryMore)
	f.kB = append(f.kB, (kB[1]-kB[0])/(manyConnections-fewConnections))
	return nil
}
