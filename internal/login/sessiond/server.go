package sessiond

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/launch"
	"fantail/internal/login/roster"
)

const (
	// startTime is how long a start may take in all: authd may have to ask a
	// directory who the account is.
	startTime = 30 * time.Second
	// mostStarts are those of one front that are under way at once.
	mostStarts = 1000
)

// Programs are the session programs that run (roster.Roster).
type Programs interface {
	// Give returns one end of a connection whose other end the wanted program has
	// taken.
	Give(ctx context.Context, w roster.Wanted) (*os.File, error)
	// Sessions returns the connections of an account, or all if it is "".
	Sessions(account string) []roster.Session
	// Stop has those of an account end, and returns how many there are.
	Stop(account string) int
	// StopFor has those end that were wanted by an owner.
	StopFor(owner any) int
}

// Server serves fronts. It is safe for many goroutines.
type Server struct {
	Authd    *broker.Link
	Launch   *launch.Options
	Programs Programs
	Enclosed bool // it is to enter its sandbox
	Log      *slog.Logger
}

// front is a connection of a front.
type front struct {
	*broker.Peer
	*Server
	log  *slog.Logger
	room chan struct{} // one element for each start that is under way
}

// Serve serves a front until it closes its connection, breaks the rules, or ctx ends.
// It closes the connection.
func (s *Server) Serve(ctx context.Context, c *fdpass.Conn) error {
	peer, err := broker.NewPeer(ctx, c)
	if err != nil {
		return err
	}
	f := &front{
		Peer: peer, Server: s, room: make(chan struct{}, mostStarts),
		log: s.Log.With("pid", peer.PID, "uid", peer.UID),
	}
	return f.Peer.Serve([]wire.Kind{wire.KindStart, wire.KindTogether, wire.KindLeave}, f.hear)
}

// hear acts on a message.
func (f *front) hear(id uint32, m wire.Message) error {
	if m.Kind() == wire.KindLeave {
		n := f.Programs.StopFor(f)
		f.log.Info("a front ends", "connections", n)
		return nil
	}
	select {
	case f.room <- struct{}{}:
	default:
		return f.Send(id, &wire.Refused{Reason: wire.Busy}, nil)
	}
	f.Go(func() {
		f.start(id, startsOf(m))
		<-f.room
	})
	return nil
}

// startsOf are the accounts of which one program is to be started.
func startsOf(m wire.Message) []*wire.Start {
	switch m := m.(type) {
	case *wire.Start:
		return []*wire.Start{m}
	case *wire.Together:
		return m.Starts()
	}
	panic(fmt.Sprintf("sessiond: %T starts nothing", m))
}

// start answers one Start, or Together.
func (f *front) start(id uint32, list []*wire.Start) {
	m := list[0]
	ctx, cancel := context.WithTimeout(f.Context(), startTime)
	defer cancel()
	var answer wire.Message = &wire.Started{}
	file, err := f.session(ctx, list)
	switch {
	case errors.Is(err, broker.ErrTicket):
		f.log.Warn("a front showed no ticket of its own", "user", m.Account, "proto", m.Service)
		answer = &wire.Refused{Reason: wire.NoTicket}
	case err != nil:
		f.log.Error("no session", "user", m.Account, "proto", m.Service, "err", err)
		answer = &wire.Refused{Reason: wire.Unavailable}
	default:
		defer file.Close() // the front has its own
	}
	f.Tell(id, answer, file)
}

// session returns the front's end of a connection to the program of the accounts.
func (f *front) session(ctx context.Context, list []*wire.Start) (*os.File, error) {
	accounts, err := broker.RedeemAll(ctx, f.Authd, list, f.Peer.Peer)
	if err != nil {
		return nil, err
	}
	w, err := f.Launch.Wanted(list[0].Service, accounts[0], accounts[1:]...)
	if err != nil {
		return nil, err
	}
	w.Remote = list[0].Remote
	if list[0].Carried {
		w.Owner = f
	}
	return f.Programs.Give(ctx, w)
}
