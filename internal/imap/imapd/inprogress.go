package imapd

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"fantail/internal/imap/wire"
)

// progressEvery is how often a client hears that a command is still at work. It may
// give up on a silent connection after half a minute.
const progressEvery = 10 * time.Second // RFC 9585 section 4: every 10 to 15 seconds

// progress tells how far work has come.
type progress interface {
	// Look returns what is done, and how much there is to do; 0 if that is not known.
	Look() (done, total int64)
}

// busy does work that may take long, and meanwhile tells the client how far it has
// come, or only that it goes on if p is nil (RFC 9585). The work is done in a
// goroutine of its own: it must not touch the session.
func (s *Session) busy(ctx context.Context, p progress, work func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	var crash any
	go func() {
		defer func() {
			if crash = recover(); crash != nil {
				crash = fmt.Sprintf("%v\n%s", crash, debug.Stack())
			}
			close(ended)
		}()
		ended <- work(ctx)
	}()
	tick := time.NewTicker(s.progressEvery)
	defer tick.Stop()
	for {
		select {
		case err, ok := <-ended:
			if !ok {
				panic(crash)
			}
			return err
		case <-tick.C:
			if err := s.tellProgress(p); err != nil {
				cancel() // nobody is there any more
				if _, ok := <-ended; !ok {
					panic(crash)
				}
				return err
			}
		}
	}
}

// tellProgress sends the response code INPROGRESS (RFC 9585 section 4). The goal is
// not reached before the tagged response says so.
func (s *Session) tellProgress(p progress) error {
	if s.tag == "" || s.off.has(wire.CapInProgress) {
		return nil // no command is in progress; the client breaks on it
	}
	var done, total int64
	if p != nil {
		done, total = p.Look()
	}
	out := s.out.Untagged(wire.OK).SP().CodeStart(wire.CodeInProgress).SP()
	out.ListStart().Quoted(s.tag).SP()
	if total > 0 {
		out.Number64(min(done, total-1)).SP().Number64(total)
	} else {
		out.NIL().SP().NIL()
	}
	return out.ListEnd().CodeEnd().Text("Still at work.").CRLF().Flush()
}
