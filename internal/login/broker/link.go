package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/daemon/processors"
	"fantail/internal/login/broker/wire"
)

// Link is our side of a socket on which questions are asked (package wire). It
// connects when something is to be asked, and again when the daemon on the other side
// was started anew. One that ends in peace answers what it has taken, and takes nothing
// more: that is asked anew (Begin). It is safe for many goroutines.
type Link struct {
	dial func(context.Context) (*fdpass.Conn, error)
	// Told gets what the daemon says without being asked, before anything that it
	// says afterwards. It must not wait. nil if there is no such thing.
	told func(wire.Message)

	mu   sync.Mutex // guards what follows
	now  *line
	last uint32 // number that was given to a Talk
	shut bool
}

// NewLink returns a Link that is not connected.
func NewLink(dial func(context.Context) (*fdpass.Conn, error), told func(wire.Message)) *Link {
	return &Link{dial: dial, told: told}
}

// DialPath returns how to connect to the socket at path.
func DialPath(path string) func(context.Context) (*fdpass.Conn, error) {
	return func(ctx context.Context) (*fdpass.Conn, error) { return fdpass.Dial(ctx, path) }
}

// line is one connection of a Link.
type line struct {
	link *Link
	c    *fdpass.Conn
	done chan struct{} // closed at its end

	mu      sync.Mutex // guards what follows
	err     error      // why it has ended
	waiting map[uint32]chan wire.Message
}

// sendTime is how long a daemon may take to read what is sent.
const sendTime = 10 * time.Second

var (
	errLinkShut = errors.New("the link is closed")
	errLost     = errors.New("the daemon ended the connection")
	errAsked    = errors.New("an answer to nothing that was asked")
)

// Connect connects, unless it is connected, so that what the daemon says at once is
// known.
func (l *Link) Connect(ctx context.Context) error {
	_, err := l.line(ctx)
	return err
}

// Close ends the link and whatever is being asked.
func (l *Link) Close() error {
	l.mu.Lock()
	now := l.now
	l.now, l.shut = nil, true
	l.mu.Unlock()
	if now != nil {
		now.fail(errLinkShut)
	}
	return nil
}

// line returns the connection that there is, or a new one.
func (l *Link) line(ctx context.Context) (*line, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.shut:
		return nil, errLinkShut
	case l.now != nil && l.now.alive():
		return l.now, nil
	}
	c, err := l.dial(ctx)
	if err != nil {
		return nil, err
	}
	l.now = &line{link: l, c: c, done: make(chan struct{}), waiting: make(map[uint32]chan wire.Message)}
	go l.now.read()
	return l.now, nil
}

// Talk is a question with its answer, and further questions that belong to it.
type Talk struct {
	line *line
	id   uint32
}

// Talk begins one. It is for one goroutine.
func (l *Link) Talk(ctx context.Context) (*Talk, error) {
	now, err := l.line(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		l.last++
		if l.last != 0 && !now.uses(l.last) { // 0 is for what nobody asked
			return &Talk{now, l.last}, nil
		}
	}
}

// mostTries are made of one question: a daemon that has ended while it was asked may have
// another one after it, and that once more be the one that is just ending.
const mostTries = 3

// Begin asks a question that begins a Talk. If the daemon ends before it has answered,
// the one after it is asked.
func (l *Link) Begin(ctx context.Context, m wire.Message) (*Talk, wire.Message, error) {
	for try := 1; ; try++ {
		t, err := l.Talk(ctx)
		if err != nil {
			return nil, nil, err
		}
		answer, err := t.Ask(ctx, m)
		if try == mostTries || !errors.Is(err, errLost) {
			return t, answer, err
		}
	}
}

// Ask asks, and waits for the answer. An error is of the way, or ctx's: then the daemon
// does not know that nobody waits (Tell). Descriptors that go with the question stay the
// caller's.
func (t *Talk) Ask(ctx context.Context, m wire.Message) (wire.Message, error) {
	ch, err := t.line.expect(t.id)
	if err != nil {
		return nil, err
	}
	defer t.line.forget(t.id)
	if err := t.Tell(m); err != nil {
		return nil, err
	}
	select {
	case a := <-ch:
		return a, nil
	case <-t.line.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	select {
	case a := <-ch: // it came before the end
		return a, nil
	default:
		return nil, t.line.failure()
	}
}

// Tell says something that has no answer.
func (t *Talk) Tell(m wire.Message) error {
	b, err := wire.Append(nil, t.id, m)
	if err != nil {
		return err
	}
	if err = t.line.c.SetWriteDeadline(time.Now().Add(sendTime)); err == nil {
		err = t.line.c.Send(b, wire.Attached(m))
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EPIPE):
		t.line.retire()
		return fmt.Errorf("ask: %w: %w", errLost, err)
	}
	t.line.fail(err)
	return fmt.Errorf("ask: %w", err)
}

// read gives the answers to those who wait for them.
func (n *line) read() {
	buf := make([]byte, wire.MaxMessage)
	for {
		b, fds, err := n.c.Receive(buf)
		processors.Stir()
		if err == io.EOF || errors.Is(err, syscall.ECONNRESET) {
			err = errLost
		}
		if err == nil {
			var id uint32
			var m wire.Message
			if id, m, err = wire.ParseWith(b, fds); err == nil {
				err = n.hear(id, m)
			}
		}
		if err != nil {
			n.fail(err)
			return
		}
	}
}

// hear passes a message on.
func (n *line) hear(id uint32, m wire.Message) error {
	if fds := wire.Attached(m); fds != nil {
		return errors.Join(errAsked, fds.Close())
	}
	if id == 0 && n.link.told != nil {
		n.link.told(m)
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	ch, ok := n.waiting[id]
	if !ok {
		return nil // whoever asked has gone, or the daemon lies; either way it is of no use
	}
	select {
	case ch <- m:
		return nil
	default:
		return errAsked
	}
}

// expect makes room for an answer.
func (n *line) expect(id uint32) (chan wire.Message, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err != nil {
		return nil, n.err
	}
	ch := make(chan wire.Message, 1)
	n.waiting[id] = ch
	return ch, nil
}

// forget ends the wait for an answer.
func (n *line) forget(id uint32) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.waiting, id)
}

func (n *line) uses(id uint32) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, ok := n.waiting[id]
	return ok
}

func (n *line) alive() bool { return n.failure() == nil }

func (n *line) failure() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

// retire has the link use another connection. Those who wait for answers on this one may
// still get them.
func (n *line) retire() {
	n.link.mu.Lock()
	defer n.link.mu.Unlock()
	if n.link.now == n {
		n.link.now = nil
	}
}

// fail ends the connection.
func (n *line) fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err == nil {
		n.err = fmt.Errorf("broker: %w", err)
		close(n.done)
		n.c.Close() // the error says more
	}
}
