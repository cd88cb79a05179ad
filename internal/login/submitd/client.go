package submitd

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
)

// Client tells submitd of accounts. What cannot be told is told when submitd can be
// reached again, as long as this process runs. It is safe for many goroutines.
type Client struct {
	dial func(context.Context) (*fdpass.Conn, error)
	log  *slog.Logger
	wake chan struct{}

	mu      sync.Mutex // guards what follows
	pending map[string]wire.Account
	begun   bool
}

// NewClient returns a Client that is not connected.
func NewClient(dial func(context.Context) (*fdpass.Conn, error), log *slog.Logger) *Client {
	return &Client{dial: dial, log: log, wake: make(chan struct{}, 1), pending: make(map[string]wire.Account)}
}

// again is how long after a failure submitd is tried again.
const again = 5 * time.Second

// Due tells of an account. It does not wait.
func (c *Client) Due(a wire.Account) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) < mostAccounts {
		c.pending[a.Name] = a
	}
	if !c.begun {
		c.begun = true
		go c.tell()
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Begin connects before anybody is to be told of, so that submitd runs.
func (c *Client) Begin(ctx context.Context) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return fmt.Errorf("reach submitd: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun = true
	go c.tellOver(conn)
	return nil
}

func (c *Client) tell() { c.tellOver(nil) }

// tellOver tells what there is to be told, for the life of the process. One that is told
// nothing any more has its connection closed by the end of the process.
func (c *Client) tellOver(conn *fdpass.Conn) {
	for range c.wake {
		for {
			a, ok := c.next()
			if !ok {
				break
			}
			var err error
			if conn == nil {
				conn, err = c.dial(context.Background())
			}
			if err == nil {
				err = send(conn, &a)
			}
			if err == nil {
				continue
			}
			c.back(a)
			c.log.Error("cannot reach submitd: what was written is not sent yet", "err", err)
			if conn != nil {
				conn.Close() // the next one is another
				conn = nil
			}
			time.Sleep(again)
		}
	}
}

func send(conn *fdpass.Conn, a *wire.Account) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := conn.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	return conn.Send(text, nil)
}

// next takes one that is to be told.
func (c *Client) next() (wire.Account, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, a := range c.pending {
		delete(c.pending, name)
		return a, true
	}
	return wire.Account{}, false
}

// back puts back what could not be told.
func (c *Client) back(a wire.Account) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, newer := c.pending[a.Name]; !newer {
		c.pending[a.Name] = a
	}
}
