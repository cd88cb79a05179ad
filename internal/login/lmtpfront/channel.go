package lmtpfront

import (
	"bufio"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"fantail/internal/deliver/parcel"
	"fantail/internal/login/broker"
	"fantail/internal/login/handover"
)

// channel is a connection to a session. It has at most one parcel under way.
type channel struct {
	handover.Channel
	in    *bufio.Reader
	began time.Time
	limit *timeouts
}

// channels keeps those to sessions of one account for a while, so that the next message
// needs neither authd nor sessiond. It is safe for many goroutines.
type channels struct {
	deliveries broker.Deliveries
	limit      *timeouts

	mu    sync.Mutex // guards what follows
	shut  bool
	idle  map[string][]*channel // by account, the last used last
	timer *time.Timer           // while there are any
}

// channelLife is how long a channel is used: what has changed of an account, its user or
// whether there is one, is so for mail after that time.
const channelLife = 10 * time.Second

func newChannels(d broker.Deliveries, limit *timeouts) *channels {
	return &channels{deliveries: d, limit: limit, idle: make(map[string][]*channel)}
}

// errStale says that a session has gone away from a channel before it got anything.
var errStale = errors.New("the session has ended")

// open returns a channel to the session of the accounts, a kept one if there is one and
// fresh does not forbid that.
func (cs *channels) open(ctx context.Context, accounts []string, hello handover.Hello, fresh bool) (*channel, error) {
	if c := cs.take(accounts); c != nil {
		if !fresh {
			return c, nil
		}
		c.Close()
	}
	conn, err := cs.deliveries.Open(ctx, accounts, hello)
	if err != nil {
		return nil, err
	}
	return &channel{Channel: conn, in: bufio.NewReaderSize(conn, 512), began: time.Now(), limit: cs.limit}, nil
}

// take returns a kept channel, or nil.
func (cs *channels) take(accounts []string) *channel {
	if len(accounts) > 1 {
		return nil
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	list := cs.idle[accounts[0]]
	if len(list) == 0 {
		return nil
	}
	c := list[len(list)-1]
	cs.keep(accounts[0], list[:len(list)-1])
	if time.Since(c.began) > channelLife {
		c.Close()
		return nil
	}
	return c
}

// keep sets the channels of an account; the lock is held.
func (cs *channels) keep(account string, list []*channel) {
	if len(list) == 0 {
		delete(cs.idle, account)
		return
	}
	cs.idle[account] = list
	if cs.timer == nil {
		cs.timer = time.AfterFunc(channelLife, cs.expire)
	}
}

// give gives a channel back that is in order.
func (cs *channels) give(accounts []string, c *channel) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if len(accounts) > 1 || cs.shut || time.Since(c.began) > channelLife {
		c.Close()
		return
	}
	cs.keep(accounts[0], append(cs.idle[accounts[0]], c))
}

// expire closes the channels that are too old.
func (cs *channels) expire() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.timer = nil
	for account, list := range cs.idle {
		var young []*channel
		for _, c := range list {
			if cs.shut || time.Since(c.began) > channelLife {
				c.Close()
			} else {
				young = append(young, c)
			}
		}
		cs.keep(account, young)
	}
}

// close closes all that are kept, and keeps none any more.
func (cs *channels) close() {
	cs.mu.Lock()
	cs.shut = true
	cs.mu.Unlock()
	cs.expire()
}

// carry sends a parcel with its message and returns the receipt. record is the parcel's,
// with the message behind it if rest is nil. The error is errStale if nothing of it was
// taken.
func (c *channel) carry(p *parcel.Parcel, record []byte, rest io.Reader) (*parcel.Receipt, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.limit.part)); err != nil {
		return nil, errStale
	}
	if n, err := c.Write(record); err != nil {
		if n == 0 {
			return nil, errors.Join(errStale, err)
		}
		return nil, err
	}
	if rest != nil {
		if err := c.pour(rest); err != nil {
			return nil, err
		}
	}
	if err := c.SetReadDeadline(time.Now().Add(c.limit.receipt)); err != nil {
		return nil, err
	}
	r, err := parcel.ReadReceipt(c.in, p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return r, err
}

// within is the channel for something that takes less time than a delivery.
func (c *channel) within(d time.Duration) *channel {
	quick := *c
	quick.limit = &timeouts{part: d, receipt: d}
	return &quick
}

// piece is as much of a message as is carried at once.
type piece [32 << 10]byte

var pieces = sync.Pool{New: func() any { return new(piece) }}

// pour copies the message.
func (c *channel) pour(from io.Reader) error {
	buf := pieces.Get().(*piece)
	defer pieces.Put(buf)
	for {
		n, err := from.Read(buf[:])
		if n > 0 {
			if err := c.SetWriteDeadline(time.Now().Add(c.limit.part)); err != nil {
				return err
			}
			if _, err := c.Write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}
