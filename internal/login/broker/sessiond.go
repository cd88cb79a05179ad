package broker

import (
	"context"
	"errors"
	"fmt"

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
func (s *Sessiond) Start(ctx context.Context, g *Grant, in handover.Introduction) (handover.Channel, error) {
	return s.start(ctx, g.Service, in, func(p handover.Passage) wire.Message { return g.Start(p) })
}

// Together implements Gatherer.
func (s *Sessiond) Together(ctx context.Context, m *wire.Together, in handover.Introduction) (handover.Channel, error) {
	return s.start(ctx, m.Service, in, func(p handover.Passage) wire.Message {
		all := *m
		all.Passage = p
		return &all
	})
}

// start brings a client to a session by what asking says. What a sessiond was told that
// has ended since it either has passed on, or has taken along.
func (s *Sessiond) start(ctx context.Context, service wire.Service, in handover.Introduction, asking func(handover.Passage) wire.Message) (handover.Channel, error) {
	for try := 1; ; try++ {
		channel, p, err := in.Open()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		err = s.ask(ctx, asking(p))
		p.Sent() // so that there is an end of it if no session has it
		if err == nil || errors.Is(err, errLost) && handover.Adopted(channel) {
			return channel, nil
		}
		channel.Close() // nobody has the other end, or is to have it
		if try == mostTries || !errors.Is(err, errLost) {
			return nil, fmt.Errorf("%w: start %s session: %w", ErrUnavailable, service, err)
		}
	}
}

// ask passes a connection once.
func (s *Sessiond) ask(ctx context.Context, start wire.Message) error {
	talk, err := s.link.Talk(ctx)
	if err != nil {
		return err
	}
	answer, err := talk.Ask(ctx, start)
	switch {
	case errors.Is(err, errLost):
		return err
	case err != nil: // it was asked, and may yet do it
		return fmt.Errorf("%w: %w", handover.ErrUnsure, err)
	}
	switch answer := answer.(type) {
	case *wire.Started:
		return nil
	case *wire.Refused:
		return fmt.Errorf("sessiond refuses: %w", failures[answer.Reason])
	}
	return fmt.Errorf("%w: sessiond said %q", handover.ErrUnsure, answer.Kind())
}
