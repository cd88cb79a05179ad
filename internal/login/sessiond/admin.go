package sessiond

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/roster"
)

// admin is a connection of an admin's.
type admin struct {
	*Server
	// What is left to tell of the sessions that there were at his last question, in
	// order, so that many do not have to be put in order for each part of the answer.
	rest    []roster.Session
	account string // whose they are
}

// asks are what an admin may say, and the answers.
var asks = map[wire.Kind]func(*admin, wire.Message) wire.Message{
	wire.KindWho:  (*admin).who,
	wire.KindKick: (*admin).kick,
}

// ServeAdmin serves an admin, who must be root, or the user that this process is, as
// Serve serves a front.
func (s *Server) ServeAdmin(ctx context.Context, c *fdpass.Conn) error {
	p, err := broker.NewPeer(ctx, c)
	if err != nil {
		return err
	}
	if p.UID != 0 && p.UID != uint32(os.Geteuid()) {
		return errors.Join(fmt.Errorf("uid %d is no admin", p.UID), c.Close())
	}
	a := &admin{Server: s}
	return p.Serve(slices.Collect(maps.Keys(asks)), func(id uint32, m wire.Message) error {
		return p.Send(id, asks[m.Kind()](a, m))
	})
}

func (a *admin) kick(m wire.Message) wire.Message {
	account := m.(*wire.Kick).Account
	if account == "" { // which would be all
		return &wire.Kicked{}
	}
	n := a.Programs.Stop(account)
	a.Log.Info("kick", "user", account, "connections", n)
	return &wire.Kicked{Connections: uint32(n)}
}

func (a *admin) who(m wire.Message) wire.Message {
	ask := m.(*wire.Who)
	if ask.PID == 0 || len(a.rest) == 0 || ask.Account != a.account {
		a.rest, a.account = a.Programs.Sessions(ask.Account), ask.Account
		slices.SortFunc(a.rest, func(x, y roster.Session) int {
			return cmp.Or(cmp.Compare(x.PID, y.PID), cmp.Compare(x.Conn, y.Conn))
		})
	}
	told, _ := slices.BinarySearchFunc(a.rest, ask, func(s roster.Session, ask *wire.Who) int {
		if cmp.Or(cmp.Compare(s.PID, int(ask.PID)), cmp.Compare(s.Conn, ask.Conn)) <= 0 {
			return -1
		}
		return 1
	})
	part := a.rest[told:]
	part, a.rest = part[:min(len(part), wire.MaxSessions)], part[min(len(part), wire.MaxSessions):]
	answer := &wire.Sessions{More: len(a.rest) > 0}
	for _, s := range part {
		service, ok := wire.ServiceOf(s.Service)
		if !ok {
			panic("sessiond: sessions of " + s.Service)
		}
		answer.List = append(answer.List, wire.Session{
			Service: service, Account: s.Account, Remote: s.Remote,
			Since: uint32(s.Since.Unix()), PID: uint32(s.PID), Conn: s.Conn,
		})
	}
	return answer
}
