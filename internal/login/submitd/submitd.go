// Package submitd starts programs for accounts, as their users, outside of every sandbox:
// webmail-submit for those that have something to be sent, and quota-command, which runs
// the administrator's program (mail.quota_warning_command), for those that have crossed a
// percentage of their limits. It does so at once when a session says so, and at the time
// that the program itself says something is due.
//
//	session program ─ Due, Crossed ─► sessiond ─ the account ─► submitd ─ starts ─► program
//	                         (or a front of its own)             ▲   ▲                │
//	deliver ─ a file (package crossed): an account's name ───────╯   ╰── "next", a time
//
// It is a daemon of its own because of what sessiond gives up: all that sessiond starts
// has no network and no_new_privs, under which no sendmail works that is setgid. This one
// keeps root's rights, and therefore does nothing but this: whom it starts something for
// it hears from root alone (as the kernel tells), or where everything is one user from
// that one; it reads no mail, knows no protocol of the network, and of what it starts reads
// one line. A file of deliver's says a name: who that is authd says, and the file must be
// that user's. What was crossed no session tells it: that is in the Maildir (package quota),
// and read there by quota-command, with the user's own rights. So who lies, lies to himself.
//
// # The table
//
// An account is in the table, for each kind of work, from when it is told to when nothing
// of it is due any more:
//
//	due now       is started, or waits for room
//	running       one process at a time; told meanwhile: due now when that has ended
//	due later     waits
//	resting       nothing is due, but another run has to wait a moment; not in the file
//
// The table is a file, written before anything that it says is begun and before it is
// answered that it is noted, so that what was told survives a power cut and the end of the
// daemon: who has told it and got no answer tells it again. A table that makes no sense is
// set aside. A program that fails is started again after a while, for a week at
// most. The account is as it was when it was told, and launch says whether it may have
// anything started, each time.
package submitd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/daemon/metrics"
	"fantail/internal/login/broker/wire"
)

const (
	mostAccounts = 100_000
	maxMessage   = 16 << 10
	giveUp       = 7 * 24 * time.Hour
)

// pause is how long after a failure a program is started again.
func pause(failures int) time.Duration { return min(time.Minute<<min(failures, 10), time.Hour) }

// entry is an account in the table.
type entry struct {
	Account wire.Account `json:"account"`
	Work    Work         `json:"work,omitempty"`
	Due     time.Time    `json:"due"`
	Failed  int          `json:"failed,omitempty"` // in a row
	Since   time.Time    `json:"since,omitzero"`   // the first of these

	running bool
	again   bool
	resting bool
	rest    time.Time // before which it does not run
	timer   *time.Timer
}

// key is what tells entries apart.
type key struct {
	work Work
	name string
}

func (e *entry) key() key { return key{e.Work, e.Account.Name} }

// Server keeps the table. It is safe for many goroutines.
type Server struct {
	// Command returns the command that does work for an account (package launch).
	Command func(Work, *wire.Account) (*exec.Cmd, error)
	// Table is the path of the file; "": there is none, and nothing survives this process.
	Table string
	// UID is whose word counts beside root's.
	UID     uint32
	Metrics *metrics.Set
	Log     *slog.Logger

	room    map[Work]chan struct{} // an element for each process
	running sync.WaitGroup

	mu      sync.Mutex // guards what follows
	shut    bool
	entries map[key]*entry
}

// Load reads the table and starts what is due. Call it first.
func (s *Server) Load() error {
	s.room = make(map[Work]chan struct{})
	for w, how := range works {
		s.room[w] = make(chan struct{}, how.most)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = make(map[key]*entry)
	if s.Table == "" {
		return nil
	}
	text, err := os.ReadFile(s.Table)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the table of what is due: %w", err)
	}
	var list []*entry
	if err := json.Unmarshal(text, &list); err != nil {
		s.Log.Error("the table of what is due makes no sense, and is set aside", "err", err)
		if err := os.Rename(s.Table, s.Table+".damaged"); err != nil {
			return fmt.Errorf("set the table of what is due aside: %w", err)
		}
		return nil
	}
	for _, e := range list {
		if e == nil || e.Account.Name == "" || works[e.Work].program == "" || s.entries[e.key()] != nil {
			continue
		}
		s.entries[e.key()] = e
		s.plan(e)
	}
	return nil
}

// save writes the table; the lock is held. What cannot be written is told, and done all
// the same.
func (s *Server) save() {
	if s.Table == "" {
		return
	}
	list := make([]*entry, 0, len(s.entries))
	for _, e := range s.entries {
		if !e.resting {
			list = append(list, e)
		}
	}
	if err := replace(s.Table, list); err != nil {
		s.Log.Error("what is due would not survive a restart", "err", err)
	}
}

func replace(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "table.tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close()) // or a power cut takes the rename back
}

// Serve hears of accounts on a connection until it ends, or ctx.
func (s *Server) Serve(ctx context.Context, c *fdpass.Conn) error {
	defer c.Close() // what it was to be answered it has been
	stop := context.AfterFunc(ctx, func() { c.CloseRead() })
	defer stop()
	who, err := c.Peer()
	if err != nil {
		return err
	}
	if who.UID != 0 && who.UID != s.UID {
		return fmt.Errorf("uid %d says for whom something is to be done", who.UID)
	}
	buf := make([]byte, maxMessage)
	for {
		b, fds, err := c.Receive(buf)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if fds != nil {
			return errors.Join(errors.New("a message with a descriptor"), fds.Close())
		}
		t, err := parseTold(b)
		if err != nil {
			return err
		}
		s.Due(t.Work, t.Account)
		if err := noted(c); err != nil {
			return err
		}
	}
}

// notedMessage is what is answered when an account is in the table.
const notedMessage = "noted"

func noted(c *fdpass.Conn) error {
	if err := c.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	err := c.Send([]byte(notedMessage), nil)
	if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
		return nil // who has told it has gone
	}
	return err
}

// Due starts the program for an account, or has that done when the one has ended that
// runs.
func (s *Server) Due(work Work, a wire.Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[key{work, a.Name}]
	if e == nil {
		if len(s.entries) >= mostAccounts {
			s.Log.Error("too many accounts have something to be done", "user", a.Name)
			return
		}
		e = &entry{Work: work}
		s.entries[key{work, a.Name}] = e
	}
	due := time.Now()
	if work == Quota && e.Failed > 0 {
		due = e.Due // a program that is missing is not there for the next crossing
	}
	if due.Before(e.rest) {
		due = e.rest
	}
	if e.timer != nil && !e.running && !e.resting && !e.Due.After(due) && reflect.DeepEqual(e.Account, a) {
		return // it is in the table: who says so again and again writes no file each time
	}
	e.Account, e.Due, e.resting = a, due, false
	if e.running {
		e.again = true
		return
	}
	s.save()
	s.plan(e)
}

// plan starts it when it is due; the lock is held.
func (s *Server) plan(e *entry) {
	if e.timer != nil {
		e.timer.Stop()
	}
	if s.shut {
		return
	}
	const longest = time.Hour // clocks are set
	d := min(max(time.Until(e.Due), 0), longest)
	e.timer = time.AfterFunc(d, func() { s.begin(e) })
}

// begin starts it if it is due.
func (s *Server) begin(e *entry) {
	s.mu.Lock()
	if s.shut || e.running || e.resting || s.entries[e.key()] != e {
		s.mu.Unlock()
		return
	}
	if time.Until(e.Due) > 0 {
		s.plan(e)
		s.mu.Unlock()
		return
	}
	e.running = true
	a := e.Account
	s.running.Add(1)
	s.mu.Unlock()
	defer s.running.Done()
	s.room[e.Work] <- struct{}{}
	next, err := s.run(e.Work, &a)
	<-s.room[e.Work]
	s.end(e, next, err)
}

// end notes what comes next.
func (s *Server) end(e *entry, next time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.running = false
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	s.Metrics.Inc(metrics.Runs, e.Work.label(), outcome)
	switch {
	case err != nil:
		s.Log.Error(e.Work.Program()+" failed", "user", e.Account.Name, "err", err)
		if e.Failed == 0 {
			e.Since = time.Now()
		}
		next = time.Now().Add(pause(e.Failed))
		e.Failed++
		if time.Since(e.Since) > giveUp {
			next = time.Time{}
		}
	default:
		e.Failed, e.Since = 0, time.Time{}
	}
	if e.again {
		e.again, next = false, time.Now()
	}
	rest := works[e.Work].rest
	e.rest = time.Now().Add(rest)
	switch {
	case next.IsZero() && rest == 0:
		delete(s.entries, e.key())
		s.save()
		return
	case next.IsZero():
		e.resting = true
		s.save()
		e.timer = time.AfterFunc(rest, func() { s.forget(e) })
		return
	case next.Before(e.rest):
		next = e.rest
	}
	e.Due = next
	s.save()
	s.plan(e)
}

// forget ends the rest of an account of which nothing has become due meanwhile.
func (s *Server) forget(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.resting && s.entries[e.key()] == e {
		delete(s.entries, e.key())
	}
}

// Shutdown starts nothing more and waits for what runs, or for ctx. The table says the
// rest.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.shut = true
	for _, e := range s.entries {
		if e.timer != nil {
			e.timer.Stop()
		}
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
