package pop3d

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
)

// client is the far end of a session.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func newClient(t testing.TB, conn net.Conn) *client {
	return &client{t, conn, bufio.NewReader(conn)}
}

func (c *client) send(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, line+"\r\n"); err != nil {
		c.t.Fatalf("send %q: %v", line, err)
	}
}

func (c *client) expect(lines ...string) {
	c.t.Helper()
	for _, want := range lines {
		got, err := c.r.ReadString('\n')
		if err != nil || strings.TrimSuffix(got, "\r\n") != want {
			c.t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
}

// end expects the end of the connection and of the session.
func (c *client) end(wait func() error) {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); len(rest) > 0 || err != nil {
		c.t.Errorf("after the end: %q, %v", rest, err)
	}
	if err := wait(); err != nil {
		c.t.Error(err)
	}
}
