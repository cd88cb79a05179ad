package session

import (
	"context"
	"sync"

	"fantail/internal/login/crossed"
	"fantail/internal/login/handover"
	"fantail/internal/store/quota"
)

// crossings is how a process tells that an account has crossed a percentage of its limits,
// so that the administrator's program is run: its starter if it has one, by the control
// socket, or else submitd by a file (package crossed). The zero value is of a process
// that has a starter, and no connection yet.
type crossings struct {
	directory string // for the file, if there is no starter

	mu   sync.Mutex
	last context.Context // of a connection, by which the starter can be told
}

// begin has the starter of a connection told from now on, and now of those accounts whose
// crossings wait already: who saw them could tell nobody, or whom he told has died.
func (c *crossings) begin(ctx context.Context, all ...*mail) {
	c.mu.Lock()
	c.last = ctx
	c.mu.Unlock()
	for _, m := range all {
		if len(m.settings.Warnings.Command) == 0 {
			continue
		}
		waits, err := quota.Waiting(m.maildir)
		if err != nil {
			m.log.Warn("crossings of quota not looked for", "err", err)
		}
		if waits {
			c.tell(m)
		}
	}
}

// tell tells of an account.
func (c *crossings) tell(m *mail) {
	c.mu.Lock()
	ctx := c.last
	c.mu.Unlock()
	err := handover.ErrNoStarter
	switch {
	case ctx != nil:
		err = handover.TellCrossed(ctx, m.name)
	case c.directory != "":
		err = crossed.Tell(c.directory, m.name)
	}
	if err != nil { // it waits in the Maildir, for the next session to tell
		m.log.Warn("the program for quota is not run yet", "err", err)
	}
}
