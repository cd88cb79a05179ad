package systemd

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// client is one that talks in lines.
type client struct {
	t     *testing.T
	conn  net.Conn
	lines *bufio.Scanner
}

// The services.
const (
	imap  = "127.0.0.1:143"
	imaps = "127.0.0.1:993"
	pop3  = "127.0.0.1:110"
)

// dial connects, with TLS at once on ports that have it.
func (h house) dial(address string) *client {
	h.Helper()
	c, err := h.connect(address)
	if err != nil {
		h.Fatal(err)
	}
	return c
}

func (h house) connect(address string) (*client, error) {
	conn, err := h.Dial(address)
	if err != nil {
		return nil, err
	}
	c := &client{t: h.T}
	c.use(conn)
	if address == imaps {
		return c, c.startTLS()
	}
	return c, nil
}

func (c *client) use(conn net.Conn) {
	c.conn, c.lines = conn, bufio.NewScanner(conn)
	_ = conn.SetDeadline(time.Now().Add(60 * time.Second)) // of a connection that is open
	c.t.Cleanup(func() { conn.Close() })
}

func (c *client) startTLS() error {
	conn := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true}) // it is self-signed
	if err := conn.Handshake(); err != nil {
		return err
	}
	c.use(conn)
	return nil
}

// ask says a line and returns the answer that begins with prefix, of which there must be
// one before the connection ends.
func (c *client) ask(line, prefix string) (string, error) {
	if line != "" {
		if _, err := fmt.Fprintf(c.conn, "%s\r\n", line); err != nil {
			return "", err
		}
	}
	var said []string
	for c.lines.Scan() {
		if strings.HasPrefix(c.lines.Text(), prefix) {
			return c.lines.Text(), nil
		}
		said = append(said, c.lines.Text())
	}
	return "", fmt.Errorf("after %q the connection ended without %q: %q, %v", line, prefix, said, c.lines.Err())
}

// say is ask, and the end of the test without the answer. With an empty line it only
// listens.
func (c *client) say(line, prefix string) string {
	c.t.Helper()
	answer, err := c.ask(line, prefix)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer
}

// login logs a user in over IMAP.
func (c *client) login(user string) {
	c.t.Helper()
	c.say("a LOGIN "+user+" "+password, "a OK")
}
