// Package submitd starts webmail-submit for accounts that have something to be sent: at
// once when a session says so, and at the time that webmail-submit says something is due.
//
//	session program ─ Due ─► sessiond ─ the account ─► submitd ─ starts ─► webmail-submit
//	                         (or a front of its own)      ▲                     │
//	                                                      ╰── "next", a time ───╯
//
// It is a daemon of its own because of what sessiond gives up: all that sessiond starts
// has no network and no_new_privs, under which no sendmail works that is setgid. This one
// keeps root's rights, and therefore does nothing but this: whom it starts something for
// it hears from root alone (as the kernel tells), or where everything is one user from
// that one; it reads no mail, knows no protocol of the network, and of webmail-submit reads
// one line.
//
// # The table
//
// An account is in the table from when it is told to when nothing of it is due any more:
//
//	due now       is started, or waits for room
//	running       one process at a time; told meanwhile: due now when that has ended
//	due later     waits
//
// The table is a file, written before anything that it says is begun and before it is
// answered that it is noted, so that what was told survives a power cut and the end of the
// daemon: who has told it and got no answer tells it again. A table that makes no sense is
// set aside. A webmail-submit that fails is started again after a while, for a week at
// most. The account is as it was when it was told, and launch says whether it may have
// anything started, each time.
package submitd

import (
	"bufio"
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
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/daemon/loglines"
	"fantail/internal/login/broker/wire"
)

const (
	mostRunning  = 20
	mostAccounts = 100_000
	maxMessage   = 16 << 10
	giveUp       = 7 * 24 * time.Hour
)

// pause is how long after a failure webmail-submit is started again.
func pause(failures int) time.Duration { return min(time.Minute<<min(failures, 10), time.Hour) }

// entry is an account in the table.
type entry struct {
	Account wire.Account `json:"account"`
	Due     time.Time    `json:"due"`
	Failed  int          `json:"failed,omitempty"` // in a row
	Since   time.Time    `json:"since,omitzero"`   // the first of these

	running bool
	again   bool
	timer   *time.Timer
}

// Server keeps the table. It is safe for many goroutines.
type Server struct {
	// Command returns the command for an account (launch.Options.Submit).
	Command func(*wire.Account) (*exec.Cmd, error)
	// Table is the path of the file; "": there is none, and nothing survives this process.
	Table string
	// UID is whose word counts beside root's.
	UID uint32
	Log *slog.Logger

	room    chan struct{} // an element for each process
	running sync.WaitGroup

	mu      sync.Mutex // guards what follows
	shut    bool
	entries map[string]*entry
}

// Load reads the table and starts what is due. Call it first.
func (s *Server) Load() error {
	s.room = make(chan struct{}, mostRunning)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = make(map[string]*entry)
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
		if e == nil || e.Account.Name == "" || s.entries[e.Account.Name] != nil {
			continue
		}
		s.entries[e.Account.Name] = e
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
		list = append(list, e)
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
	return nil
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
		return fmt.Errorf("uid %d says who has something to be sent", who.UID)
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
		var a wire.Account
		if err := json.Unmarshal(b, &a); err != nil {
			return fmt.Errorf("a message that is no account: %w", err)
		}
		s.Due(a)
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

// Due starts webmail-submit for an account, or has that done when the one has ended that
// runs.
func (s *Server) Due(a wire.Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[a.Name]
	if e == nil {
		if len(s.entries) >= mostAccounts {
			s.Log.Error("too many accounts have something to be sent", "user", a.Name)
			return
		}
		e = &entry{}
		s.entries[a.Name] = e
	}
	e.Account, e.Due = a, time.Now()
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
	if s.shut || e.running || s.entries[e.Account.Name] != e {
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
	s.room <- struct{}{}
	next, err := s.run(&a)
	<-s.room
	s.end(e, next, err)
}

// end notes what comes next.
func (s *Server) end(e *entry, next time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.running = false
	switch {
	case err != nil:
		s.Log.Error("webmail-submit failed", "user", e.Account.Name, "err", err)
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
	if next.IsZero() {
		delete(s.entries, e.Account.Name)
		s.save()
		return
	}
	e.Due = next
	s.save()
	s.plan(e)
}

// run runs webmail-submit, and returns when it wants to run again.
func (s *Server) run(a *wire.Account) (next time.Time, err error) {
	cmd, err := s.Command(a)
	if err != nil {
		return next, err
	}
	log := s.Log.With("user", a.Name)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return next, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return next, err
	}
	if err := cmd.Start(); err != nil {
		return next, err
	}
	var reading sync.WaitGroup
	reading.Go(func() { loglines.Copy(stderr, log, "webmail-submit says") })
	next = readNext(stdout)
	reading.Wait()
	return next, cmd.Wait()
}

// readNext reads a line "next" and a time in seconds. What else is said is nothing.
func readNext(r io.Reader) (next time.Time) {
	const longest = 400 * 24 * time.Hour
	lines := bufio.NewScanner(io.LimitReader(r, 4096))
	for lines.Scan() {
		text, ok := strings.CutPrefix(lines.Text(), "next ")
		seconds, err := strconv.ParseInt(text, 10, 64)
		if !ok || err != nil {
			continue
		}
		next = time.Unix(seconds, 0)
		if time.Until(next) > longest {
			next = time.Now().Add(longest)
		}
	}
	_, _ = io.Copy(io.Discard, r) // so that it never waits for us
	return next
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
