package submitd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
)

// Client tells submitd of accounts. What cannot be told, or was told to one that ended
// before it had noted that, is told when submitd can be reached again, as long as this
// process runs. It is safe for many goroutines.
type Client struct {
	dial  func(context.Context) (*fdpass.Conn, error)
	log   *slog.Logger
	wake  chan struct{}
	pause time.Duration // after a failure
	keeps bool          // there is always to be a connection; set before there is one

	mu      sync.Mutex // guards what follows
	pending map[key]wire.Account
	told    []told // and not noted yet, in this order
	begun   bool
}

// NewClient returns a Client that is not connected.
func NewClient(dial func(context.Context) (*fdpass.Conn, error), log *slog.Logger) *Client {
	return &Client{dial: dial, log: log, wake: make(chan struct{}, 1), pause: again, pending: make(map[key]wire.Account)}
}

// again is how long after a failure submitd is tried again.
const again = 5 * time.Second

// Due tells of an account that has something to be sent. It does not wait.
func (c *Client) Due(a wire.Account) { c.due(Outbox, a) }

// Crossed tells of an account that has crossed a percentage of its limits. It does not
// wait.
func (c *Client) Crossed(a wire.Account) { c.due(Quota, a) }

func (c *Client) due(w Work, a wire.Account) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) < mostAccounts {
		c.pending[key{w, a.Name}] = a
	}
	if !c.begun {
		c.begun = true
		go c.tell(nil)
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Begin connects before anybody is to be told of, so that submitd runs, and from then on
// whenever it has ended.
func (c *Client) Begin(ctx context.Context) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return fmt.Errorf("reach submitd: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begun, c.keeps = true, true
	go c.tell(conn)
	return nil
}

// tell tells what there is to be told, for the life of the process, over conn unless it is
// nil. The end of the process closes the connection.
func (c *Client) tell(conn *fdpass.Conn) {
	for {
		var err error
		if conn == nil {
			conn, err = c.dial(context.Background())
		}
		if err == nil {
			err = c.tellOver(conn)
			conn.Close() // the next one is another
			conn = nil
			c.untold()
		}
		if err != nil {
			c.log.Error("cannot reach submitd: what is to be done for accounts is not done yet", "err", err)
		}
		if !c.keeps && c.idle() {
			<-c.wake
			continue
		}
		time.Sleep(c.pause)
	}
}

// tellOver tells what there is to be told, until the connection ends.
func (c *Client) tellOver(conn *fdpass.Conn) error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for buf := make([]byte, len(notedMessage)); ; c.heard() {
			_, fds, err := conn.Receive(buf)
			if err = errors.Join(err, fds.Close()); err != nil {
				return
			}
		}
	}()
	defer func() {
		conn.CloseRead() // it may have ended
		<-ended
	}()
	for {
		t, ok := c.next()
		if !ok {
			select {
			case <-c.wake:
			case <-ended:
				return nil
			}
			continue
		}
		if err := send(conn, &t); err != nil {
			return err
		}
	}
}

func send(conn *fdpass.Conn, t *told) error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	if err := conn.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	return conn.Send(text, nil)
}

// next takes one that is to be told.
func (c *Client) next() (told, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, a := range c.pending {
		delete(c.pending, k)
		t := told{a, k.work}
		c.told = append(c.told, t)
		return t, true
	}
	return told{}, false
}

// heard is called when submitd has noted what it was told first.
func (c *Client) heard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.told) > 0 {
		c.told = c.told[1:]
	}
}

// untold puts back what was not noted.
func (c *Client) untold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.told {
		k := key{t.Work, t.Name}
		if _, newer := c.pending[k]; !newer {
			c.pending[k] = t.Account
		}
	}
	c.told = nil
}

// idle reports whether nobody is to be told of.
func (c *Client) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pending) == 0
}
