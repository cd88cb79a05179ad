package sessiond

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/daemon/metrics"
	"fantail/internal/login/broker"
	"fantail/internal/login/broker/wire"
	"fantail/internal/login/handover"
	"fantail/internal/login/launch"
	"fantail/internal/login/roster"
	"fantail/internal/login/submitd"
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
	// Give gives a connection to the wanted program, which has taken it then, and with
	// every error but handover.ErrUnsure has not. Its descriptors stay the caller's.
	Give(ctx context.Context, w roster.Wanted, what handover.Passage) (closed func(), err error)
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
	// Submit is told of accounts that have something to be sent, or have crossed a
	// percentage of their limits (submitd.Client); nil: nobody is.
	Submit interface {
		Due(wire.Account)
		Crossed(wire.Account)
	}
	Enclosed bool // it is to enter its sandbox
	Metrics  *metrics.Set
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
	list := startsOf(m)
	select {
	case f.room <- struct{}{}:
	default:
		return errors.Join(list[0].Passage.Close(), f.Send(id, &wire.Refused{Reason: wire.Busy}))
	}
	f.Go(func() {
		f.Tell(id, f.start(list))
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

// start is the answer to one Start, or Together.
func (f *front) start(list []*wire.Start) wire.Message {
	m := list[0]
	defer m.Passage.Close() // the program has its own; an error says that a descriptor was none
	ctx, cancel := context.WithTimeout(f.Context(), startTime)
	defer cancel()
	switch err := f.session(ctx, list); {
	case errors.Is(err, broker.ErrTicket):
		f.log.Warn("a front showed no ticket of its own", "user", m.Account, "proto", m.Service)
		return &wire.Refused{Reason: wire.NoTicket}
	case errors.Is(err, handover.ErrUnsure):
		f.log.Error("no session, or too late", "user", m.Account, "proto", m.Service, "err", err)
		return &wire.Refused{Reason: wire.Unsure}
	case err != nil:
		f.log.Error("no session", "user", m.Account, "proto", m.Service, "err", err)
		return &wire.Refused{Reason: wire.Unavailable}
	}
	return &wire.Started{}
}

// session gives the connection to the program of the accounts.
func (f *front) session(ctx context.Context, list []*wire.Start) error {
	what := list[0].Passage
	if err := f.checkChannel(what); err != nil {
		return err
	}
	accounts, err := broker.RedeemAll(ctx, f.Authd, list, f.Peer.Peer)
	if err != nil {
		return err
	}
	w, err := f.Launch.Wanted(list[0].Service, accounts[0], accounts[1:]...)
	if err != nil {
		return err
	}
	if f.Submit != nil {
		w.Crossed = submitd.Among(accounts, f.Submit.Crossed)
	}
	if f.Submit != nil && list[0].Service == wire.Webmail {
		w.Due = func() { f.Submit.Due(*accounts[0]) }
	}
	w.Remote = list[0].Remote
	if what.Carried() {
		w.Owner = f
	}
	_, err = f.Programs.Give(ctx, w, what)
	return err
}

// checkChannel wants the other end of the channel to be the front's: else a session
// would speak, with its own rights, to whomever the front has chosen. Of a socketpair
// both ends are who made it.
func (f *front) checkChannel(p handover.Passage) error {
	cred, err := unix.GetsockoptUcred(p.Files[0], unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return fmt.Errorf("the channel of a session: %w", err)
	}
	if (fdpass.Peer{PID: cred.Pid, UID: cred.Uid}) != f.Peer.Peer {
		return fmt.Errorf("the channel of a session leads to process %d", cred.Pid)
	}
	return nil
}
