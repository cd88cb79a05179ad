package broker

import (
	"context"
	"errors"
	"fmt"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker/wire"
)

// Admin is an admin's way to sessiond. It is safe for many goroutines.
type Admin struct{ link *Link }

// NewAdmin returns the way to a sessiond that dial connects to.
func NewAdmin(dial func(context.Context) (*fdpass.Conn, error)) *Admin {
	return &Admin{NewLink(dial, nil)}
}

// Close ends the connection.
func (a *Admin) Close() error { return a.link.Close() }

// Sessions returns the sessions of an account, or all if it is "", by their programs.
// One that begins or ends meanwhile is among them, or not.
func (a *Admin) Sessions(ctx context.Context, account string) ([]wire.Session, error) {
	var list []wire.Session
	ask := wire.Who{Account: account}
	for {
		m, err := a.ask(ctx, &ask)
		if err != nil {
			return nil, err
		}
		part, ok := m.(*wire.Sessions)
		switch {
		case !ok:
			return nil, fmt.Errorf("sessiond said %q when it was asked who is there", m.Kind())
		case len(part.List) == 0:
			return list, nil
		}
		list = append(list, part.List...)
		last := part.List[len(part.List)-1]
		if !part.More {
			return list, nil
		}
		if last.PID < ask.PID || last.PID == ask.PID && last.Conn <= ask.Conn {
			return nil, errors.New("sessiond tells the same sessions again")
		}
		ask.PID, ask.Conn = last.PID, last.Conn
	}
}

// Kick has the sessions of an account end, and returns how many there were.
func (a *Admin) Kick(ctx context.Context, account string) (int, error) {
	m, err := a.ask(ctx, &wire.Kick{Account: account})
	if err != nil {
		return 0, err
	}
	k, ok := m.(*wire.Kicked)
	if !ok {
		return 0, fmt.Errorf("sessiond said %q when it was to end sessions", m.Kind())
	}
	return int(k.Connections), nil
}

func (a *Admin) ask(ctx context.Context, m wire.Message) (wire.Message, error) {
	talk, err := a.link.Talk(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach sessiond: %w", err)
	}
	answer, err := talk.Ask(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("ask sessiond: %w", err)
	}
	return answer, nil
}
