package webmail

import (
	"context"
	"errors"
	"slices"
	"time"

	"fantail/internal/mail"
	"fantail/internal/store"
	"fantail/internal/webmail/query"
)

// readiness makes a search quick before anybody searches: while a window is open it has the
// cache of texts filled (store.PrepareTexts), of one mailbox after the other, the inbox
// first. That is work once for each message, at half the pace of one processor; where all
// is in the cache it is a look at the caches of a session.
type readiness struct {
	boxes *mailboxes
	timer *time.Timer
	todo  []string // mailboxes; nil: they have not been listed yet
	steps int
}

const (
	readyAfter = 5 * time.Second // whoever has just come wants to see the list
	readyStep  = 2 * time.Second // between two looks whether a mailbox is done
	mostSteps  = 1000            // then another program is at work, or something is wrong
)

func newReadiness(boxes *mailboxes) *readiness {
	return &readiness{boxes: boxes, timer: time.NewTimer(readyAfter)}
}

func (y *readiness) stop() { y.timer.Stop() }

// next is when a step is due; never if all is done.
func (y *readiness) next() <-chan time.Time { return y.timer.C }

// step looks at a mailbox. What cannot be prepared is searched all the same, and says then
// what is wrong with it.
func (y *readiness) step(ctx context.Context) {
	if y.todo == nil {
		all, err := y.boxes.account.List(ctx)
		if err != nil {
			return
		}
		y.todo = searchOrder(all)
	}
	for len(y.todo) > 0 && ctx.Err() == nil {
		if !y.prepare(ctx, y.todo[0]) {
			if y.steps++; y.steps < mostSteps {
				y.timer.Reset(readyStep)
			}
			return
		}
		y.todo = y.todo[1:]
	}
}

// prepare reports whether there is nothing to wait for.
func (y *readiness) prepare(ctx context.Context, name string) (done bool) {
	v, err := y.boxes.open(ctx, name)
	if err != nil {
		return true
	}
	busy, err := v.PrepareTexts(ctx, v.snap)
	return errors.Join(err, v.Close()) != nil || !busy
}

// searchOrder are the mailboxes that a search without further words looks at, the inbox
// first.
func searchOrder(all []store.Info) []string {
	names := make([]string, 0, len(all))
	for _, info := range all {
		switch {
		case info.NoSelect || useOf(info) == query.Trash || useOf(info) == query.Junk:
		case info.Name == mail.Inbox:
			names = slices.Insert(names, 0, info.Name)
		default:
			names = append(names, info.Name)
		}
	}
	return names
}
