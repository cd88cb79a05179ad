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
	if _, err := s.watchSelected(); err != nil { // before the sync, so that nothing slips between
		return err
	}
	if s.box != nil {
		s.box.mbox.Settle()
		s.box.flags = flagTexts{} // which has a snapshot that the poll makes an old one
	}
	if err := s.out.Continue("idling").Err(); err != nil {
		return err
	}
	err := s.poll(ctx)
	if err == nil {
		err = s.untilInput(ctx)
	}
	if s.notify == nil {
		err = errors.Join(err, s.unwatch())
	}
	if err != nil {
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

// betweenCommands tells what a client has asked for by NOTIFY until its next command
// arrives (RFC 5465 section 3.1). One that is there already goes first.
func (s *Session) betweenCommands(ctx context.Context) error {
	s.tag = ""
	n := s.notify
	if n == nil || !n.tellsSelected() && n.others == nil || s.in.Buffered() > 0 {
		return nil
	}
	s.byUID, s.expunges = false, false
	s.numbers = n.delayed // RFC 5465 section 6.1.2
	fresh, err := s.watchSelected()
	switch {
	case err != nil:
	case fresh:
		err = s.poll(ctx)
	case s.box != nil:
		err = s.tell(ctx, allUnsettled) // what the command has held back
	}
	if err := s.unlessFailed(err); err != nil {
		return err
	}
	return s.untilInput(ctx)
}

// unlessFailed passes on an error, unless it is only that mailboxes could not be
// looked at while nothing is asked: the next change looks again.
func (s *Session) unlessFailed(err error) error {
	var failed *store.Error
	if errors.As(err, &failed) {
		s.log.Warn("look at mailboxes while nothing is asked", "err", err)
		return nil
	}
	return err
}

// watchSelected begins to watch the selected mailbox, unless the client wants to hear
// nothing of it. It reports whether nobody has watched until now.
func (s *Session) watchSelected() (fresh bool, err error) {
	if s.box == nil || s.box.watch != nil || s.notify != nil && !s.notify.tellsSelected() {
		return false, nil
	}
	s.box.watch, err = s.box.mbox.Watch()
	return err == nil, err
}

// unwatch ends what watchSelected began.
func (s *Session) unwatch() error {
	if s.box == nil || s.box.watch == nil {
		return nil
	}
	w := s.box.watch
	s.box.watch = nil
	return w.Close()
}

// untilInput tells changes until the client sends something.
func (s *Session) untilInput(ctx context.Context) error {
	if err := s.unlessFailed(s.tellOthers(ctx)); err != nil {
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
	err := s.tellUntil(ctx, input)
	s.stream.waiting = false
	return err
}

// tellUntil tells changes until input receives. It does not return before, so
// that nobody else reads while the goroutine behind input does.
func (s *Session) tellUntil(ctx context.Context, input <-chan error) error {
	var changed <-chan struct{}
	if s.box != nil && s.box.watch != nil {
		changed = s.box.watch.C
	}
	for {
		others, due := s.awaitOthers()
		var err error
		select {
		case err := <-input:
			return err
		case <-changed:
			err = s.poll(ctx)
		case <-others:
			err = s.tellOthers(ctx)
		case <-due:
			err = s.tellOthers(ctx)
		}
		if err == nil {
			err = s.out.Flush()
		}
		if err := s.unlessFailed(err); err != nil {
			s.stream.interrupt() // ends the goroutine's wait
			<-input
			return err
		}
	}
}
