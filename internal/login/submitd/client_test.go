package submitd

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
)

// daemons are the ends at which those are whom a Client has connected to.
func daemons(t *testing.T) (*Client, chan *fdpass.Conn) {
	t.Helper()
	list := make(chan *fdpass.Conn, 10)
	c := NewClient(func(context.Context) (*fdpass.Conn, error) {
		ours, f, err := fdpass.Pair()
		if err != nil {
			return nil, err
		}
		theirs, err := fdpass.Open(f)
		if err != nil {
			return nil, err
		}
		list <- theirs
		return ours, f.Close()
	}, slog.New(slog.DiscardHandler))
	c.pause = time.Millisecond
	return c, list
}

// hears returns the account that a daemon is told of.
func hears(t *testing.T, d *fdpass.Conn) string {
	t.Helper()
	b, _, err := d.Receive(make([]byte, maxMessage))
	if err != nil {
		t.Fatal(err)
	}
	var a wire.Account
	if err := json.Unmarshal(b, &a); err != nil {
		t.Fatal(err)
	}
	return a.Name
}

// TestToldAgain: what a daemon has heard and not noted the next one hears.
func TestToldAgain(t *testing.T) {
	c, list := daemons(t)
	c.Due(wire.Account{Name: "ann"})
	first := <-list
	if got := hears(t, first); got != "ann" {
		t.Fatal(got)
	}
	first.Close() // it was killed
	second := <-list
	defer second.Close()
	if got := hears(t, second); got != "ann" {
		t.Fatal(got)
	}
	if err := noted(second); err != nil {
		t.Fatal(err)
	}
	c.Due(wire.Account{Name: "bob"})
	if got := hears(t, second); got != "bob" {
		t.Errorf("%s is told of again", got)
	}
}

// TestKept: a daemon that a front has of its own is started again when it ends, for what is
// due later; one of everybody's is somebody else's to start.
func TestKept(t *testing.T) {
	c, list := daemons(t)
	if err := c.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	(<-list).Close()
	(<-list).Close()
	last := <-list
	defer last.Close()
	c.Due(wire.Account{Name: "ann"})
	if got := hears(t, last); got != "ann" {
		t.Errorf("%s", got)
	}

	c, list = daemons(t)
	c.Due(wire.Account{Name: "ann"})
	first := <-list
	hears(t, first)
	if err := noted(first); err != nil {
		t.Fatal(err)
	}
	for len(c.unheard()) > 0 {
		time.Sleep(time.Millisecond)
	}
	first.Close()
	select {
	case <-list:
		t.Error("it was connected to although there is nothing to be told")
	case <-time.After(50 * time.Millisecond):
	}
}

func (c *Client) unheard() []told {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told
}
