package site

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// readyTime is how long the daemons may take until they answer.
const readyTime = 30 * time.Second

// Ready returns when every service answers as it should: the services, with
// the real port in place of port 0. It fails when that takes half a minute or
// when a daemon ends before.
func (g *Group) Ready(ctx context.Context, services []Service) ([]Service, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTime, errors.New("it takes too long"))
	defer cancel()
	ready := slices.Clone(services)
	for i := range ready {
		s := &ready[i]
		for {
			err := g.probe(ctx, s)
			if err == nil {
				break
			}
			select {
			case err := <-g.Died():
				return nil, err
			case <-ctx.Done():
				return nil, fmt.Errorf("%s at %s does not answer: %w (%w)\n%s", s.Name, s.Address, err, context.Cause(ctx), g.Tail(s.Program))
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return ready, nil
}

// probe connects once and reads what the server says first.
func (g *Group) probe(ctx context.Context, s *Service) error {
	if err := g.resolve(s); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := dial(ctx, s)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	want := s.Greets
	if want == "" {
		want = "HTTP/1."
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+s.Address+"\r\nConnection: close\r\n\r\n"); err != nil {
			return err
		}
	}
	line, err := bufio.NewReaderSize(io.LimitReader(conn, 4096), 4096).ReadString('\n')
	if err != nil {
		return fmt.Errorf("read the first line: %w", err)
	}
	if !strings.HasPrefix(line, want) || s.Greets == "" && strings.Contains(line[len("HTTP/1."):], " 5") {
		return fmt.Errorf("it says %q", line)
	}
	return nil
}

// listening is what a daemon logs for each of its sockets.
var listening = regexp.MustCompile(`msg=listening .*proto=(\S+) address=(\S+)`)

// resolve puts the real port in place of port 0; the daemon's log has it. Two
// addresses with port 0 for one service would get the same.
func (g *Group) resolve(s *Service) error {
	if !strings.HasSuffix(s.Address, ":0") {
		return nil
	}
	log, err := os.ReadFile(g.Log(s.Program))
	if err != nil {
		return err
	}
	for _, m := range listening.FindAllSubmatch(log, -1) {
		if string(m[1]) == s.proto {
			s.Address = string(m[2])
			return nil
		}
	}
	return errors.New("it does not listen yet")
}

func dial(ctx context.Context, s *Service) (net.Conn, error) {
	if !s.TLS {
		return new(net.Dialer).DialContext(ctx, "tcp", s.Address)
	}
	// The certificate has just been made; here only the handshake counts.
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	return d.DialContext(ctx, "tcp", s.Address)
}
