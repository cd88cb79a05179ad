package roster

import (
	"testing"
	"time"
)

// shared is a program that serves this account and others.
func shared(account, with string) Wanted {
	w := wanted(account, "well")
	w.Shared, w.Mail = with, "/mail/"+account
	return w
}

// TestSharedProcess: accounts that share a process have their own connections in it: each
// is told whose it is, and ends alone.
func TestSharedProcess(t *testing.T) {
	h := open(t, Options{Most: 1, MostShared: 4, Stop: time.Hour})
	ann, bob, ann2 := h.connect(shared("ann", "v")), h.connect(shared("bob", "v")), h.given(shared("ann", "v"))
	if ann.pid != bob.pid || ann.pid != ann2.pid {
		t.Errorf("processes %d, %d, %d", ann.pid, bob.pid, ann2.pid)
	}
	for _, c := range []struct {
		c    *client
		want string
	}{{ann, "ann /mail/ann"}, {bob, "bob /mail/bob"}, {ann2, "ann /mail/ann"}} {
		c.c.say("whose")
		if !c.c.lines.Scan() || c.c.lines.Text() != c.want {
			t.Errorf("%q, want %q", c.c.lines.Text(), c.want)
		}
	}
	elsewhere, alone := h.connect(shared("cyn", "w")), h.connect(wanted("ann", "well"))
	if elsewhere.pid == ann.pid || alone.pid == ann.pid {
		t.Error("who shares with others, or with nobody, is in the same process")
	}
	if got := h.Sessions("bob"); len(got) != 1 || got[0].Account != "bob" || got[0].PID != bob.pid {
		t.Errorf("%+v", got)
	}
	if n := h.Stop("ann"); n != 3 {
		t.Errorf("%d connections of ann", n)
	}
	ann.over("bye")
	ann2.over("bye")
	alone.over("bye")
	ended(t, alone.pid)
	bob.alive()

	// Also of a process that gets no more, which goes on until the last has ended.
	old := h.connect(shared("ann", "v"))
	fresh := shared("ann", "v")
	fresh.Edition = "new"
	if c := h.connect(fresh); c.pid == bob.pid {
		t.Error("another edition in the same process")
	}
	old.alive()
	if n := h.Stop("ann"); n != 2 {
		t.Errorf("%d connections of ann", n)
	}
	old.over("bye")
	bob.alive()
	bob.Close()
	ended(t, bob.pid)
}

// TestSharedMost: a shared process gets as many as it is allowed, then there is another.
func TestSharedMost(t *testing.T) {
	h := open(t, Options{Most: 1, MostShared: 2})
	a, b, c := h.connect(shared("ann", "v")), h.connect(shared("bob", "v")), h.connect(shared("cyn", "v"))
	if a.pid != b.pid || a.pid == c.pid {
		t.Errorf("processes %d, %d, %d", a.pid, b.pid, c.pid)
	}
}

// TestSharedStuck: a connection that does not end is not worth the others.
func TestSharedStuck(t *testing.T) {
	h := open(t, Options{Most: 1, MostShared: 4, Stop: 100 * time.Millisecond})
	deaf := func(account string) *client {
		w := wanted(account, "deaf")
		w.Shared, w.Mail = "v", "/mail/"+account
		return h.connect(w)
	}
	ann, bob := deaf("ann"), deaf("bob")
	if n := h.Stop("ann"); n != 1 {
		t.Errorf("%d connections of ann", n)
	}
	h.logged("it goes on for other accounts")
	ann.alive()
	bob.alive()
}
