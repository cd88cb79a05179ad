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

// asks are what an admin may say, and the answers.
var asks = map[wire.Kind]func(*Server, wire.Message) wire.Message{
	wire.KindWho:  (*Server).who,
	wire.KindKick: (*Server).kick,
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
	return p.Serve(slices.Collect(maps.Keys(asks)), func(id uint32, m wire.Message) error {
		return p.Send(id, asks[m.Kind()](s, m), nil)
	})
}

func (s *Server) kick(m wire.Message) wire.Message {
	account := m.(*wire.Kick).Account
	if account == "" { // which would be all
		return &wire.Kicked{}
	}
	n := s.Programs.Stop(account)
	s.Log.Info("kick", "user", account, "connections", n)
	return &wire.Kicked{Connections: uint32(n)}
}

func (s *Server) who(m wire.Message) wire.Message {
	ask := m.(*wire.Who)
	list := slices.DeleteFunc(s.Programs.Sessions(ask.Account), func(s roster.Session) bool {
		return cmp.Or(cmp.Compare(s.PID, int(ask.PID)), cmp.Compare(s.Conn, ask.Conn)) <= 0
	})
	slices.SortFunc(list, func(a, b roster.Session) int {
		return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.Conn, b.Conn))
	})
	answer := &wire.Sessions{More: len(list) > wire.MaxSessions}
	for _, s := range list[:min(len(list), wire.MaxSessions)] {
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
