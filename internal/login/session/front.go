package session

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"runtime/debug"
	"slices"

	"fantail/internal/daemon/quiet"
	"fantail/internal/login/handover"
)

// mostProcessors is how many one account's sessions can make good use of: reading
// mail for the first time, or searching its text.
const mostProcessors = 4

// serveFront serves the sessions that a front hands over.
func (p Program) serveFront(ctx context.Context, control *os.File, all Session) error {
	q := quiet.Watch{Rest: all.mail.rest, Alone: true}
	return handover.Receive(ctx, control, func(ctx context.Context, of handover.Account, passage handover.Passage) {
		s := all
		if of != (handover.Account{}) {
			s.Log.Error("a connection of another account", "user", of.Name)
			passage.Close() // an error says no more
			return
		}
		if err := p.serveHanded(ctx, passage, &s, []*quiet.Watch{&q}); err != nil {
			s.Log.Error("session failed", "err", err)
		}
	})
}

// serveHanded serves one session that a front has begun. A panic, unless the
// protocol has a better answer, is the end of this session only.
func (p Program) serveHanded(ctx context.Context, passage handover.Passage, s *Session, watches []*quiet.Watch) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	hello, client, err := handover.Accept(passage)
	if err != nil {
		return err
	}
	defer client.Close() // also after a panic; an error says that Serve has done it
	s.Conn = &stirring{client, watches}
	s.Due = func() error { return handover.TellDue(ctx) }
	s.Hello, s.Log = &hello, s.Log.With("sid", hello.SID)
	s.cross.begin(ctx, append(slices.Collect(maps.Values(s.others)), s.mail)...)
	defer s.mail.tidy() // also after a panic
	return p.Serve(ctx, s)
}

// stirring is a connection whose use keeps the process, and its account in one that has
// several, from being quiet.
type stirring struct {
	net.Conn
	watches []*quiet.Watch
}

func (s *stirring) stir() {
	for _, w := range s.watches {
		w.Stir()
	}
}

func (s *stirring) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.stir()
	return n, err
}

func (s *stirring) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	s.stir()
	return n, err
}
