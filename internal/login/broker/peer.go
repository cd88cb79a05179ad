package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
)

// Peer is a connection on which questions come: a daemon's side of somebody's Link.
// Its methods are safe for many goroutines.
type Peer struct {
	fdpass.Peer // who it is

	c    *fdpass.Conn
	ctx  context.Context
	end  context.CancelCauseFunc
	busy sync.WaitGroup
}

// NewPeer returns the connection c, which ends with ctx. Serve closes it.
func NewPeer(ctx context.Context, c *fdpass.Conn) (*Peer, error) {
	who, err := c.Peer()
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	p := &Peer{Peer: who, c: c}
	p.ctx, p.end = context.WithCancelCause(ctx)
	return p, nil
}

// Context ends with the connection.
func (p *Peer) Context() context.Context { return p.ctx }

// Serve hears what the peer says, one message after the other, until it closes its
// connection, breaks the rules, hear returns an error, or the context ends. Whatever is
// not of these kinds breaks the rules. It returns when all that runs by Go has ended.
func (p *Peer) Serve(kinds []wire.Kind, hear func(id uint32, m wire.Message) error) error {
	stop := context.AfterFunc(p.ctx, func() { p.c.Close() }) // an error says that it is closed
	defer stop()
	err := p.receive(kinds, hear)
	p.end(err)
	p.c.Close()
	p.busy.Wait()
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (p *Peer) receive(kinds []wire.Kind, hear func(uint32, wire.Message) error) error {
	buf := make([]byte, wire.MaxMessage)
	for {
		b, f, err := p.c.Receive(buf)
		if err != nil {
			return err
		}
		if f != nil {
			return errors.Join(errors.New("a descriptor came that nobody asked for"), f.Close())
		}
		id, m, err := wire.Parse(b)
		if err != nil {
			return err
		}
		if !slices.Contains(kinds, m.Kind()) {
			return fmt.Errorf("it may not say %q", m.Kind())
		}
		if err := hear(id, m); err != nil {
			return err
		}
	}
}

// Go runs f, which ends soon when the context does.
func (p *Peer) Go(f func()) { p.busy.Go(f) }

// Send sends a message, with a file unless that is nil. The error is the connection's
// end, or that the peer has left its answers unread for too long.
func (p *Peer) Send(id uint32, m wire.Message, f *os.File) error {
	b, err := wire.Append(nil, id, m)
	if err == nil {
		if err = p.c.SetWriteDeadline(time.Now().Add(sendTime)); err == nil {
			err = p.c.Send(b, f)
		}
	}
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// Tell is Send, and the end of the connection if that cannot be.
func (p *Peer) Tell(id uint32, m wire.Message, f *os.File) {
	if err := p.Send(id, m, f); err != nil {
		p.end(err)
	}
}
