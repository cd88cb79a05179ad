package broker

import (
	"context"
	"errors"
	"fmt"
	"net"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
)

// Sessiond is the way to sessiond. It is safe for many goroutines.
type Sessiond struct{ link *Link }

// NewSessiond returns the way to a sessiond that dial connects to.
func NewSessiond(dial func(context.Context) (*fdpass.Conn, error)) *Sessiond {
	return &Sessiond{NewLink(dial, nil)}
}

// Close ends the connection to sessiond. Sessions go on.
func (s *Sessiond) Close() error { return s.link.Close() }

// Leave has the sessions that were started here take leave of their clients. It does not
// wait for that. Those that an earlier sessiond has started are not told.
func (s *Sessiond) Leave(ctx context.Context) error {
	talk, err := s.link.Talk(ctx)
	if err == nil {
		err = talk.Tell(&wire.Leave{})
	}
	return err
}

// Ready reports why sessiond cannot be reached, if it cannot.
func (s *Sessiond) Ready(ctx context.Context) error {
	if err := s.link.Connect(ctx); err != nil {
		return fmt.Errorf("reach sessiond: %w", err)
	}
	return nil
}

// Start implements Starter.
func (s *Sessiond) Start(ctx context.Context, g *Grant) (handover.Channel, error) {
	conn, err := s.start(ctx, g.Start())
	if err != nil {
		return nil, fmt.Errorf("%w: start %s session: %w", ErrUnavailable, g.Service, err)
	}
	return conn, nil
}

// Together implements Gatherer.
func (s *Sessiond) Together(ctx context.Context, m *wire.Together) (handover.Channel, error) {
	conn, err := s.start(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("%w: start %s session: %w", ErrUnavailable, m.Service, err)
	}
	return conn, nil
}

// start asks by Start or Together.
func (s *Sessiond) start(ctx context.Context, ask wire.Message) (*net.UnixConn, error) {
	_, m, f, err := s.link.Begin(ctx, ask)
	if err != nil {
		return nil, err
	}
	if f == nil {
		if r, ok := m.(*wire.Refused); ok {
			return nil, fmt.Errorf("sessiond refuses: %w", failures[r.Reason])
		}
		return nil, fmt.Errorf("sessiond said %q without a socket", m.Kind())
	}
	defer f.Close()
	if m.Kind() != wire.KindStarted {
		return nil, fmt.Errorf("sessiond said %q with a descriptor", m.Kind())
	}
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("sessiond sent another kind of socket"), conn.Close())
	}
	return u, nil
}
