package roster

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"fantail/internal/daemon/fdpass"
	"fantail/internal/daemon/loglines"
	"fantail/internal/daemon/metrics"
	"fantail/internal/login/handover"
)

// process is one session program. The roster's lock guards the second part.
type process struct {
	roster  *Roster
	key     key
	edition string
	log     *slog.Logger
	control *fdpass.Conn
	theirs  *os.File      // the program's end of control, until it is started
	heard   chan struct{} // closed when all that it has said was heard

	cmd     *exec.Cmd              // from its start until it is reaped
	signals []os.Signal            // for it, while it is not started
	retired bool                   // not in the table any more
	parting bool                   // it has been told that no more connections come
	deaf    bool                   // nothing more is sent to it
	gone    bool                   // it has said its last
	last    uint32                 // number of the last connection
	conns   map[uint32]*connection // by number, until the program says that they have ended
	names   map[string]struct{}    // of the accounts that it was given, unless it has one alone
	sending int                    // those that are not sent yet
	open    int                    // those that our side has not closed
	timer   *time.Timer            // for the end of the state that it is in
	epoch   int                    // of the timer
}

// newProcess makes a process that is not started.
func newProcess(r *Roster, k key, edition string) (*process, error) {
	control, theirs, err := fdpass.Pair()
	if err != nil {
		return nil, err
	}
	log := r.o.Log
	if k.alone() { // else the program says of whom it speaks
		log = log.With("user", k.account)
	}
	log = log.With("proto", k.service)
	return &process{
		roster:  r,
		key:     k,
		edition: edition,
		log:     log,
		control: control,
		theirs:  theirs,
		heard:   make(chan struct{}),
		conns:   make(map[uint32]*connection),
		names:   make(map[string]struct{}),
	}, nil
}

// says reports whether the program may say something of itself in our log. The lock is not
// held.
func (p *process) says(key, value string) bool {
	switch key {
	case "proto", "remote":
		return false
	case "user":
		if p.key.alone() {
			return false
		}
		p.roster.mu.Lock()
		defer p.roster.mu.Unlock()
		_, ok := p.names[value]
		return value != "" && (ok || slices.Contains(strings.Split(p.key.with, "\n"), value))
	}
	return true
}

// start executes the program. What was sent to it before lies in its socket.
func (p *process) start(cmd *exec.Cmd) error {
	defer p.theirs.Close()
	stderr, childStderr, err := os.Pipe()
	if err != nil {
		return err
	}
	defer childStderr.Close()
	cmd.Stdin, cmd.Stderr = p.theirs, childStderr
	if err := cmd.Start(); err != nil {
		return errors.Join(err, stderr.Close())
	}
	p.roster.o.Metrics.Inc(metrics.ProgramStarts, p.key.service)
	p.roster.mu.Lock()
	p.cmd = cmd
	for _, s := range p.signals {
		p.signal(s)
	}
	p.roster.mu.Unlock()
	go p.attend(cmd, stderr)
	go p.listen()
	return nil
}

// attend logs what the program says and how it ends, and reaps it.
func (p *process) attend(cmd *exec.Cmd, stderr io.ReadCloser) {
	log := p.log.With("pid", cmd.Process.Pid)
	loglines.Program{Log: log, Message: "session says", Says: p.says}.Copy(stderr)
	stderr.Close()
	if err := cmd.Wait(); err != nil {
		log.Error("session program ended", "err", err)
		p.roster.o.Metrics.Inc(metrics.ProgramCrashes, p.key.service)
	}
	p.control.CloseRead() // there may be a process that has its end, too
	<-p.heard
	p.reaped()
}

// reaped is the end of a process that was started, or could not be.
func (p *process) reaped() {
	r := p.roster
	r.mu.Lock()
	defer r.mu.Unlock()
	p.cmd = nil
	p.settle()
	delete(r.all, p)
	r.running.Done()
}

// listen hears what the program says until it closes its end: also what it said before
// it crashed, for a connection that it has taken is not given to another one.
func (p *process) listen() {
	defer close(p.heard)
	buf := make([]byte, handover.MaxTold)
	for {
		err := p.hear(buf)
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
			break
		}
		if err != nil {
			p.log.Error("session program speaks another language", "err", err)
			p.roster.mu.Lock()
			p.signal(syscall.SIGKILL)
			p.roster.mu.Unlock()
			break
		}
	}
	p.end(errGone)
}

func (p *process) hear(buf []byte) error {
	b, fds, err := p.control.Receive(buf)
	if err != nil {
		return err
	}
	if fds != nil {
		return errors.Join(fmt.Errorf("%w: with a descriptor", handover.ErrMessage), fds.Close())
	}
	m, err := handover.ParseMessage(b)
	if err != nil {
		return err
	}
	p.roster.mu.Lock()
	defer p.roster.mu.Unlock()
	c := p.conns[m.Conn]
	switch {
	case m.Kind == handover.Taken && c != nil && !c.taken:
		c.taken = true
		c.answer <- nil
	case m.Kind == handover.Due && c != nil && c.taken:
		if c.due != nil {
			c.due()
		}
	case m.Kind == handover.Crossed:
		p.crossed(m.Account.Name)
	case m.Kind == handover.Ended && c != nil && c.taken:
		delete(p.conns, m.Conn)
		c.shut()
		p.settle()
	default:
		return fmt.Errorf("%w: out of order", handover.ErrMessage)
	}
	return nil
}

// crossed tells who wanted a connection of an account. The lock is held. Of one that is not
// served here, or not any more, a program has nothing to say.
func (p *process) crossed(account string) {
	for _, c := range p.conns {
		if c.taken && c.crossed != nil && c.crossed(account) {
			return
		}
	}
}

// end is called when nothing more comes from the process. What it has not taken
// fails with err.
func (p *process) end(err error) {
	r := p.roster
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.gone {
		return
	}
	p.gone, p.deaf = true, true
	p.control.Close() // nobody is to be told
	for _, c := range p.conns {
		c.shut()
		if !c.taken {
			c.answer <- err
		}
	}
	clear(p.conns)
	p.retire()
}

// retire takes the process out of the table; the lock is held.
func (p *process) retire() {
	r := p.roster
	if !p.retired {
		p.retired = true
		r.table[p.key] = slices.DeleteFunc(r.table[p.key], func(other *process) bool { return other == p })
		if len(r.table[p.key]) == 0 {
			delete(r.table, p.key)
		}
	}
	p.settle()
}

// settle does what follows from a change of state; the lock is held.
func (p *process) settle() {
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	p.epoch++ // a timer that fires now is not ours any more
	if p.retired && p.sending == 0 && !p.parting && !p.deaf {
		p.parting = true
		go p.part()
	}
	switch {
	case p.cmd == nil || p.open > 0:
	case p.retired || len(p.conns) > 0:
		p.after(p.roster.o.Linger, func() { p.signal(syscall.SIGKILL) })
	default:
		p.after(p.roster.idle(p.key), p.retire)
	}
}

// part tells the process that no more connections come.
func (p *process) part() {
	if err := p.tell(handover.Message{Kind: handover.Last}, nil); err == nil {
		return
	}
	p.roster.mu.Lock()
	defer p.roster.mu.Unlock()
	p.deaf = true
	p.control.CloseWrite() // which says the same; an error says that the process is gone
}

// after calls f, with the lock held, unless the state changes before.
func (p *process) after(d time.Duration, f func()) {
	epoch := p.epoch
	p.timer = time.AfterFunc(d, func() {
		p.roster.mu.Lock()
		defer p.roster.mu.Unlock()
		if p.epoch == epoch {
			f()
		}
	})
}

// signal sends a signal; the lock is held.
func (p *process) signal(s os.Signal) {
	if p.cmd == nil {
		p.signals = append(p.signals, s)
		return
	}
	_ = p.cmd.Process.Signal(s) // an error says that it has just ended
}
