package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// waitAll returns when every service answers as it should. It fails when the
// time is over or when a daemon ends before that.
func waitAll(ctx context.Context, g *group, services []service) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, errors.New("it takes too long"))
	defer cancel()
	for _, s := range services {
		for {
			err := probe(ctx, s)
			if err == nil {
				break
			}
			select {
			case err := <-g.died():
				return err
			case <-ctx.Done():
				return fmt.Errorf("%s at %s does not answer: %w (%w)\n%s", s.name, s.address, err, context.Cause(ctx), g.tail(s.program))
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}

// probe connects once and reads what the server says first.
func probe(ctx context.Context, s service) error {
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
	want := s.greets
	if want == "" {
		want = "HTTP/1."
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+s.address+"\r\nConnection: close\r\n\r\n"); err != nil {
			return err
		}
	}
	line, err := bufio.NewReaderSize(io.LimitReader(conn, 4096), 4096).ReadString('\n')
	if err != nil {
		return fmt.Errorf("read the first line: %w", err)
	}
	if !strings.HasPrefix(line, want) || s.greets == "" && strings.Contains(line[len("HTTP/1."):], " 5") {
		return fmt.Errorf("it says %q", line)
	}
	return nil
}

func dial(ctx context.Context, s service) (net.Conn, error) {
	if !s.tls {
		return new(net.Dialer).DialContext(ctx, "tcp", s.address)
	}
	// The certificate has just been made; here only the handshake counts.
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	return d.DialContext(ctx, "tcp", s.address)
}
