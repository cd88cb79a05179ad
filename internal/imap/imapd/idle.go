package imapd

import (
	"context"
	"errors"
	"strings"

	"fantail/internal/store"
)

// idle is IDLE (RFC 2177, RFC 9051 section 6.3.13): changes are told as they
// happen until the client says DONE. What happened before is told at once.
//
// The client's next bytes are waited for by a second goroutine, which only peeks:
// whatever else arrives in the packet with DONE stays in the buffer for the
// commands that follow.
//
// While there is nothing to tell nothing is said: no "* OK Still here", which wakes
// phones, and makes FairEmail give IDLE up. Clients that are gone are found by TCP.
func (s *Session) idle(ctx context.Context) error {
	s.in.CRLF()
	if err := s.in.Err(); err != nil {
		return err
	}
	var changed <-chan struct{}
	if s.box != nil {
		w, err := s.box.mbox.Watch() // before the sync, so that nothing slips between
		if err != nil {
			return err
		}
		defer w.Close()
		changed = w.C
	}
	if err := s.out.Continue("idling").Err(); err != nil {
		return err
	}
	if err := s.idleUntilInput(ctx, changed); err != nil {
		return err
	}
	line, err := s.in.Line()
	if err != nil {
		return err
	}
	if !strings.EqualFold(string(line), "DONE") {
		return bad("IDLE ends with DONE.")
	}
	return s.ok(ctx, "IDLE completed.")
}

// idleUntilInput tells changes until the client sends something.
func (s *Session) idleUntilInput(ctx context.Context, changed <-chan struct{}) error {
	if err := s.poll(ctx); err != nil {
		return err
	}
	if err := s.out.Flush(); err != nil {
		return err
	}
	if err := deadline(s.stream.conn.SetReadDeadline, autologout); err != nil {
		return err
	}
	s.stream.waiting = true
	input := make(chan error, 1)
	go func() {
		_, err := s.r.Peek(1)
		input <- err
	}()
	err := s.tellUntil(ctx, input, changed)
	s.stream.waiting = false
	return err
}

// tellUntil tells changes until input receives. It does not return before, so
// that nobody else reads while the goroutine behind input does.
func (s *Session) tellUntil(ctx context.Context, input <-chan error, changed <-chan struct{}) error {
	for {
		select {
		case err := <-input:
			return err
		case <-changed:
		}
		err := s.poll(ctx)
		if err == nil {
			err = s.out.Flush()
		}
		var failed *store.Error
		if errors.As(err, &failed) {
			s.log.Warn("look at mailbox during IDLE", "mailbox", s.box.mbox.Name(), "err", err)
			continue // the next change looks again
		}
		if err != nil {
			s.stream.interrupt() // ends the goroutine's wait
			<-input
			return err
		}
	}
}
