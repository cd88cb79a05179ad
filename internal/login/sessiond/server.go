package sessiond

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
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
	// sendTime is how long a front may leave its answers unread.
	sendTime = 10 * time.Second
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
}

// Server serves fronts. It is safe for many goroutines.
type Server struct {
	Authd    *broker.Link
	Launch   *launch.Options
	Programs Programs
	Log      *slog.Logger
}

// front is a connection of a front.
type front struct {
	*Server
	c    *fdpass.Conn
	peer fdpass.Peer
	log  *slog.Logger
	ctx  context.Context // ends with the connection
	end  context.CancelCauseFunc
	busy sync.WaitGroup
	room chan struct{} // one element for each start that is under way
}

// Serve serves a front until it closes its connection, breaks the rules, or ctx ends.
// It closes the connection.
func (s *Server) Serve(ctx context.Context, c *fdpass.Conn) error {
	peer, err := c.Peer()
	if err != nil {
		return errors.Join(err, c.Close())
	}
	f := &front{
		Server: s, c: c, peer: peer, room: make(chan struct{}, mostStarts),
		log: s.Log.With("pid", peer.PID, "uid", peer.UID),
	}
	f.ctx, f.end = context.WithCancelCause(ctx)
	stop := context.AfterFunc(f.ctx, func() { c.Close() }) // an error says that it is closed
	defer stop()
	err = f.receive()
	f.end(err)
	c.Close()
	f.busy.Wait()
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// receive reads what the front says. An error ends the connection.
func (f *front) receive() error {
	buf := make([]byte, wire.MaxMessage)
	for {
		b, file, err := f.c.Receive(buf)
		if err != nil {
			return err
		}
		if file != nil {
			return errors.Join(errors.New("a descriptor came that nobody asked for"), file.Close())
		}
		id, m, err := wire.Parse(b)
		if err != nil {
			return err
		}
		start, ok := m.(*wire.Start)
		if !ok {
			return fmt.Errorf("a front may not say %q", m.Kind())
		}
		select {
		case f.room <- struct{}{}:
		default:
			if err := f.send(id, &wire.Refused{Reason: wire.Busy}, nil); err != nil {
				return err
			}
			continue
		}
		f.busy.Go(func() {
			f.start(id, start)
			<-f.room
		})
	}
}

func (f *front) send(id uint32, m wire.Message, file *os.File) error { return send(f.c, id, m, file) }

func send(c *fdpass.Conn, id uint32, m wire.Message, file *os.File) error {
	b, err := wire.Append(nil, id, m)
	if err == nil {
		if err = c.SetWriteDeadline(time.Now().Add(sendTime)); err == nil {
			err = c.Send(b, file)
		}
	}
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// start answers one Start.
func (f *front) start(id uint32, m *wire.Start) {
	ctx, cancel := context.WithTimeout(f.ctx, startTime)
	defer cancel()
	var answer wire.Message = &wire.Started{}
	file, err := f.session(ctx, m)
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
	if err := f.send(id, answer, file); err != nil {
		f.end(err)
	}
}

// session returns the front's end of a connection to the account's program.
func (f *front) session(ctx context.Context, m *wire.Start) (*os.File, error) {
	a, err := broker.Redeem(ctx, f.Authd, m, f.peer)
	if err != nil {
		return nil, err
	}
	w, err := f.Launch.Wanted(m.Service, a)
	if err != nil {
		return nil, err
	}
	w.Remote = m.Remote
	return f.Programs.Give(ctx, w)
}
