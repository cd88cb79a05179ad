// Package roster keeps the session programs that run: one process for each account
// and service, which serves all of the account's connections, or one that several
// accounts share. It finds the process or starts it, passes it connections (package
// handover), and decides when it may leave.
//
// # The states of a process
//
//	state     connections        further ones   leaves the state
//	starting  wait to be taken   yes            when it has taken the first: serving;
//	                                            if it ends instead: gone, and they fail
//	serving   one or more        yes            when the last has ended and is closed: idle
//	idle      none               yes            with the next connection: serving;
//	                                            after Options.Idle: retired
//	retired   any number         no             when it ends: gone. After Options.Linger
//	                                            without a connection of ours it is killed
//	gone      none                              what it had not taken is given to another
//
// Serving, too, it is retired by Give of another edition, by Stop of its account, by
// Shutdown, and by closing its end itself, since it was told to stop or has crashed.
//
// A serving process of which every connection was closed on our side, and which
// does not see that for Options.Linger, is stuck, and is killed. A process with
// other connections is not: they may be well.
//
// # Invariants
//
// Roster.mu guards all states; nothing that waits is done with it held. A process
// is in the table exactly while it may be given connections. A connection is
// registered with its process under the lock before it is passed, and retirement
// needs that none is registered, or follows a decision that no more are to come: so
// a process never leaves with a connection on its way to it. Give returns when
// the process has said that it took the connection: so one on its way into a process
// that crashes goes to the next one, and nobody notices. A process begins with a
// connection when it has said that, and all that it has said is heard before it counts
// as gone: so no connection is served twice.
package roster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"fantail/internal/daemon/metrics"
	"fantail/internal/login/handover"
)

// Options say how a Roster works.
type Options struct {
	// Most is how many connections a process gets; who comes then gets another
	// process. MostShared is that of one which accounts share.
	Most, MostShared int
	// Idle is how long a process is kept that has no connection.
	Idle time.Duration
	// Linger is how long a process may take to end, or to end a session, of
	// which every connection is closed.
	Linger time.Duration
	// Stop is how long a process may take to end a connection that it was told to.
	Stop    time.Duration
	Metrics *metrics.Set
	Log     *slog.Logger
}

// Wanted is a session program to which somebody needs a connection.
type Wanted struct {
	Service, Account string
	// Shared tells the processes apart that serve all accounts of which the same is
	// wanted here; "": the account has one of its own. Mail is then the path of its
	// Maildir, and Quota what it says of its limits, which the program is told with each
	// connection.
	Shared, Mail, Quota string
	// Due is called when the program says that the account has something to be sent. It
	// does not wait, and is called by several goroutines; nil: nobody wants to know.
	Due func()
	// Crossed is called when the program says that an account has crossed a percentage of
	// its limits, and returns false if it is none of those that are wanted here. It does
	// not wait, and is called by several goroutines; nil: nobody wants to know.
	Crossed func(account string) bool
	// With are others whom the program of an account serves, too; "" if none.
	With   string
	Remote netip.Addr // of the client, for Sessions; the zero Addr if it is not known
	Owner  any        // who wants it, for StopFor: something that can be compared, or nil
	// Edition differs where a process that runs already must not be used, since
	// it was started with another command or configuration. Such a process keeps
	// its connections and gets no more.
	Edition string
	// Command returns the command that starts the program. Its standard input and
	// error are filled in.
	Command func() *exec.Cmd
}

// key tells processes apart. One of account and shared is "".
type key struct{ service, account, shared, with string }

func (w *Wanted) key() key {
	if w.Shared != "" {
		return key{w.Service, "", w.Shared, ""}
	}
	return key{w.Service, w.Account, "", w.With}
}

// alone reports whether the process has one account, and no other ever.
func (k key) alone() bool { return k.shared == "" && k.with == "" }

// idleTogether is Options.Idle of a process for several accounts, at most: the same ones
// are seldom wanted again.
const idleTogether = 2 * time.Second

// idle is how long a process is kept that has no connection.
func (r *Roster) idle(k key) time.Duration {
	if k.with != "" {
		return min(r.o.Idle, idleTogether)
	}
	return r.o.Idle
}

// most is how many connections a process gets.
func (r *Roster) most(k key) int {
	if k.shared != "" {
		return r.o.MostShared
	}
	return r.o.Most
}

// Roster is a table of running session programs. It is safe for many goroutines.
type Roster struct {
	o       Options
	running sync.WaitGroup // processes that are not reaped

	mu    sync.Mutex // guards what follows, and the processes' states
	shut  bool
	table map[key][]*process
	all   map[*process]struct{} // those that are not reaped
}

// New returns a roster without processes.
func New(o Options) *Roster {
	return &Roster{o: o, table: make(map[key][]*process), all: make(map[*process]struct{})}
}

var (
	errGone = errors.New("the session program ended")
	errShut = errors.New("the server is shutting down")
)

// attempts is how often a connection is passed to a process that ends instead of
// taking it. A process that was started for it is the last attempt in any case.
const attempts = 3

// Give gives a connection to the wanted program, and returns when that has taken it. Its
// descriptors stay the caller's to close. closed may be called when the front has closed
// its end, which the program must see then within Options.Linger. With every error but
// handover.ErrUnsure no program has the connection. ctx bounds the wait, not its life.
func (r *Roster) Give(ctx context.Context, w Wanted, what handover.Passage) (closed func(), err error) {
	for n := 1; ; n++ {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		c, isNew, err := r.register(w)
		if err != nil {
			return nil, err
		}
		if isNew {
			if err := c.process.start(w.Command()); err != nil {
				c.process.end(err)
				c.process.reaped()
				return nil, err
			}
		}
		err = c.pass(ctx, what)
		if err == nil {
			return c.close, nil
		}
		if isNew || n == attempts || !errors.Is(err, errGone) {
			return nil, err
		}
	}
}

// register registers a connection with a process that has room, or with a new one
// that is not started.
func (r *Roster) register(w Wanted) (c *connection, isNew bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shut {
		return nil, false, errShut
	}
	k := w.key()
	for _, p := range slices.Clone(r.table[k]) {
		switch {
		case p.edition != w.Edition:
			p.retire()
		case c == nil && len(p.conns) < r.most(k):
			c = p.register(w)
		}
	}
	if c != nil {
		return c, false, nil
	}
	p, err := newProcess(r, k, w.Edition)
	if err != nil {
		return nil, false, err
	}
	r.table[k] = append(r.table[k], p)
	r.all[p] = struct{}{}
	r.running.Add(1)
	return p.register(w), true, nil
}

// Interrupt asks every process to take leave of its clients and end. Who connects
// afterwards gets a new one.
func (r *Roster) Interrupt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.all {
		p.retire()
		p.signal(syscall.SIGTERM)
	}
}

// Shutdown lets every process end that has no connection, or when it has none any
// more, and starts none any more. It returns when all have ended, or with ctx's
// error.
func (r *Roster) Shutdown(ctx context.Context) error {
	r.mu.Lock()
	r.shut = true
	for p := range r.all {
		p.retire()
	}
	r.mu.Unlock()
	done := make(chan struct{})
	go func() {
		r.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for sessions: %w", context.Cause(ctx))
	}
}
