package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/daemon/processors"
	"fantail/internal/login/broker/wire"
)

// Carrier carries messages. Receive is for one goroutine, the others for many.
type Carrier interface {
	// Receive returns the next message, with its descriptors. The error is io.EOF at the
	// end of the connection, or what the peer has done wrong.
	Receive() (id uint32, m wire.Message, err error)
	// Send sends a message. The error is the connection's end, or that the peer leaves
	// what it is sent unread.
	Send(id uint32, m wire.Message) error
	// CloseRead ends what comes: Receive returns io.EOF, when it has returned what the
	// peer has said already.
	CloseRead() error
	// Close ends the connection: Receive and Send return.
	Close() error
}

// Peer is a connection on which questions come: a daemon's side of somebody's Link.
// Its methods are safe for many goroutines.
type Peer struct {
	fdpass.Peer // who it is

	c    Carrier
	quit context.Context // its end is ours, in peace
	ctx  context.Context
	end  context.CancelCauseFunc
	crew crew
}

// leaveTime is how long the answers may take that are owed when a daemon ends.
const leaveTime = 5 * time.Second

// NewPeer returns the connection c. When ctx ends, nothing more is taken from it; what
// was asked before is answered, if that does not take too long, and then it ends. Serve
// closes it.
func NewPeer(ctx context.Context, c *fdpass.Conn) (*Peer, error) {
	who, err := c.Peer()
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return Carry(ctx, packets{c, make([]byte, wire.MaxMessage)}, who), nil
}

// Carry is NewPeer for a connection of another kind.
func Carry(ctx context.Context, c Carrier, who fdpass.Peer) *Peer {
	p := &Peer{Peer: who, c: c, quit: ctx}
	p.ctx, p.end = context.WithCancelCause(context.WithoutCancel(ctx))
	return p
}

// Context ends with the connection.
func (p *Peer) Context() context.Context { return p.ctx }

// Serve hears what the peer says, one message after the other, whose descriptors are
// hear's to close, until it closes its
// connection, breaks the rules, hear returns an error, or it is time to end. Whatever is
// not of these kinds breaks the rules. It returns when all that runs by Go has ended.
func (p *Peer) Serve(kinds []wire.Kind, hear func(id uint32, m wire.Message) error) error {
	stop := context.AfterFunc(p.ctx, func() { p.c.Close() }) // an error says that it is closed
	defer stop()
	deaf := context.AfterFunc(p.quit, func() { p.c.CloseRead() }) // an error says that it is closed
	defer deaf()
	err := p.receive(kinds, hear)
	if p.quit.Err() != nil {
		p.settle()
	}
	p.end(err)
	p.c.Close()
	p.crew.End()
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// settle waits until all is answered.
func (p *Peer) settle() {
	done := make(chan struct{})
	go func() {
		p.crew.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-p.ctx.Done():
	case <-time.After(leaveTime):
	}
}

func (p *Peer) receive(kinds []wire.Kind, hear func(uint32, wire.Message) error) error {
	for {
		id, m, err := p.c.Receive()
		processors.Stir()
		if err != nil {
			return err
		}
		if !slices.Contains(kinds, m.Kind()) {
			return errors.Join(fmt.Errorf("it may not say %q", m.Kind()), wire.Attached(m).Close())
		}
		if err := hear(id, m); err != nil {
			return err
		}
	}
}

// Go runs f, which ends soon when the context does.
func (p *Peer) Go(f func()) { p.crew.Go(f) }

// Send sends a message. The error is the connection's end, or that the peer has left its
// answers unread for too long.
func (p *Peer) Send(id uint32, m wire.Message) error {
	if err := p.c.Send(id, m); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// Tell is Send, and the end of the connection if that cannot be.
func (p *Peer) Tell(id uint32, m wire.Message) {
	if err := p.Send(id, m); err != nil {
		p.end(err)
	}
}

// packets carry messages as package wire writes them.
type packets struct {
	c   *fdpass.Conn
	buf []byte
}

// Receive implements Carrier.
func (p packets) Receive() (uint32, wire.Message, error) {
	b, fds, err := p.c.Receive(p.buf)
	if err != nil {
		return 0, nil, err
	}
	return wire.ParseWith(b, fds)
}

// Send implements Carrier.
func (p packets) Send(id uint32, m wire.Message) error {
	b, err := wire.Append(nil, id, m)
	if err == nil {
		if err = p.c.SetWriteDeadline(time.Now().Add(sendTime)); err == nil {
			err = p.c.Send(b, wire.Attached(m))
		}
	}
	return err
}

// CloseRead implements Carrier.
func (p packets) CloseRead() error { return p.c.CloseRead() }

// Close implements Carrier.
func (p packets) Close() error { return p.c.Close() }
