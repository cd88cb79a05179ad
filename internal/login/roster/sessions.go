package roster

import (
	"net/netip"
	"syscall"
	"time"

	"fantail/internal/login/handover"
)

// Session is a connection that a session program has.
type Session struct {
	Service, Account string
	Remote           netip.Addr // of the client, as who brought it says; the zero Addr if he does not
	Since            time.Time
	PID              int    // of the program
	Conn             uint32 // the connection's number, in the program
}

// Sessions returns those of an account, or all if it is "", in no order.
func (r *Roster) Sessions(account string) []Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Session
	r.each(ofAccount(account), func(c *connection) {
		list = append(list, Session{c.process.key.service, c.account, c.remote, c.since, c.process.cmd.Process.Pid, c.number})
	})
	return list
}

// ofAccount picks the connections of an account, or all if it is "".
func ofAccount(account string) func(*connection) bool {
	return func(c *connection) bool { return account == "" || c.account == account }
}

// each calls f for those connections that programs have taken; the lock is held.
func (r *Roster) each(which func(*connection) bool, f func(*connection)) {
	for p := range r.all {
		if p.cmd == nil {
			continue
		}
		for _, c := range p.conns {
			if c.taken && which(c) {
				f(c)
			}
		}
	}
}

// Stop has the programs take leave of an account's clients and end their connections,
// and returns how many. It does not wait. A program that has not done it after
// Options.Stop is killed, unless it has connections of other accounts. Who connects
// afterwards gets another program, if the account's was not one that several share: what
// programs know of the mail, also those that have no connection, may not hold any more.
func (r *Roster) Stop(account string) int {
	r.mu.Lock()
	for p := range r.all {
		if p.key.account != "" && p.key.account == account {
			p.retire()
		}
	}
	r.mu.Unlock()
	return r.stop(ofAccount(account))
}

// StopFor has programs end the connections that were wanted by an owner, who is not nil,
// in the same way; programs stay.
func (r *Roster) StopFor(owner any) int {
	return r.stop(func(c *connection) bool { return c.owner == owner })
}

func (r *Roster) stop(which func(*connection) bool) int {
	r.mu.Lock()
	var stopped, told []*connection
	r.each(which, func(c *connection) {
		switch {
		case !c.process.deaf:
			told = append(told, c)
		case c.process.all(which): // it can only be told to end as a whole
			c.process.signal(syscall.SIGTERM)
		default:
			return // who wants it to end has to close it
		}
		stopped = append(stopped, c)
	})
	r.mu.Unlock()
	for _, c := range told {
		// What cannot be told to a program is seen by its connections staying.
		_ = c.process.tell(handover.Message{Kind: handover.Stop, Conn: c.number}, nil)
	}
	if len(stopped) > 0 {
		time.AfterFunc(r.o.Stop, func() { r.insist(stopped) })
	}
	return len(stopped)
}

// all reports whether a process has no other connections than those; the lock is held.
func (p *process) all(which func(*connection) bool) bool {
	for _, c := range p.conns {
		if !which(c) {
			return false
		}
	}
	return true
}

// insist kills the programs that still have connections that they were to end.
func (r *Roster) insist(stopped []*connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	killed := make(map[*process]bool)
	for _, c := range stopped {
		p := c.process
		if p.conns[c.number] != c || killed[p] {
			continue
		}
		killed[p] = true
		if !p.all(ofAccount(c.account)) {
			p.log.Error("session program does not end a connection: it goes on for other accounts", "user", c.account)
			continue
		}
		p.log.Error("session program does not end a connection: it is killed")
		p.signal(syscall.SIGKILL)
	}
}
